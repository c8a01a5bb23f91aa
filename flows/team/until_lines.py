"""What the control sample says of `until`, in words."""

import math
from collections.abc import Iterator

from alignbench.release.labels.stopping import UntilCheck

_FEW = 30
"""With fewer sentences of the control sample nothing is said but that there are too few."""


def until_lines(check: UntilCheck) -> Iterator[str]:
    """Yields a line on a round's control sample, and a warning if `until` claims too much."""
    if check.sentences < _FEW:
        yield (
            f"round {check.round}: {check.sentences:,} sentences of the control sample have all "
            f"{check.rule.most} votes; from {_FEW} on they tell whether until = {check.rule.until} "
            "holds"
        )
        return
    found = check.together
    if found is None:
        yield (
            f"round {check.round}: on the control sample no label is sure enough before all "
            f"{check.rule.most} votes are there"
        )
        return
    same, low, high = (float(value) for value in found.same)
    bounds = "" if math.isnan(low) else f" ({low:.1%} to {high:.1%})"
    yield (
        f"round {check.round}: on {check.sentences:,} sentences of the control sample, labels "
        f"that would stop early claim {found.claimed:.1%} and are the label of all "
        f"{check.rule.most} votes in {same:.1%}{bounds}; {check.mean_votes:.2f} votes a sentence"
    )
    if check.holds is False:
        yield (
            f"WARNING: until = {check.rule.until} claims more than round {check.round} keeps. "
            "Labels that rest on few votes are less sure than they say: begin the next round with "
            "a higher until or more first votes, and report figures on the control sample"
        )
