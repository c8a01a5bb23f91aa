"""annotators compare-units: whether whole captions are answered as well as single sentences.

What comes in: answers of rounds that asked about the same sentences both ways, and gold where it is
known. What goes out: figures; no table is written.
"""

from alignbench.annotation.unit_comparison.comparison import Comparison, compared
from alignbench.annotation.unit_comparison.double_votes import double_votes
from alignbench.schemas.errors import UsageError
from alignbench.workspace.workspace import open_workspace


def compare_units(address: str, margin: float, cap: float) -> Comparison:
    """Compares the answers that sentences got alone and in their captions.

    Args:
        address: The workspace.
        margin: By how much a share may be worse in captions.
        cap: Seconds that an answer counts as at most.

    Raises:
        UsageError: No sentence has answers on both pages.
    """
    votes = double_votes(open_workspace(address), cap)
    if not votes:
        raise UsageError(
            f"No sentence of {address} has answers both as a sentence and in its caption.",
            "Answer a round with unit = 'sentence' and another, of the same sentences, with "
            "unit = 'caption'; then run 'alignbench pull'.",
        )
    return compared(votes, margin)
