"""Suggestions of a round: what a detector found, shown to annotators as an answer to begin with.

A round shows the suggestions of one detector or of none, from its first task on: answers that began
with a suggestion can then be told from those that did not (`preannotated_by`).
"""

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.errors import SuggestionsError
from alignbench.annotation.units.unit import PossibleAnswer, ShownAnswers
from alignbench.evaluation.chosen_detectors.entries import PreparedDetector, parse_detector
from alignbench.evaluation.scores.predictions import Prediction, predictions
from alignbench.schemas.rows.annotation import RoundSuggestions
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.tables import ROUND_SUGGESTIONS, SCORES, TASKS
from alignbench.schemas.vocabulary import HallucinationType
from alignbench.workspace.workspace import Workspace


class Suggester:
    """Suggests answers from the scores that a detector gave to words."""

    def __init__(self, workspace: Workspace, of_round: RoundSuggestions) -> None:
        self._workspace = workspace
        self._round = of_round

    def on(self, sentences: pa.Table) -> dict[str, ShownAnswers]:
        """Returns what is suggested for those sentences that the detector has scored.

        Args:
            sentences: With `sentence_id` and `text`; some thousand.
        """
        ids = sentences["sentence_id"]
        texts = dict(zip(ids.to_pylist(), sentences["text"].to_pylist(), strict=True))
        where = pc.field("detector_id") == self._round.detector_id
        where &= pc.field("sentence_id").isin(ids)
        scores = self._workspace.table(SCORES).rows(where)
        found = predictions(scores, texts, self._round.word_threshold)
        return {
            one.sentence_id: ShownAnswers((PossibleAnswer(one.verdict, _spans(one)),))
            for one in found
        }


def suggester(
    workspace: Workspace, round_name: str, detector: str | None, run_id: str
) -> Suggester | None:
    """Returns who suggests in a round, and notes it if the round begins with it.

    Args:
        workspace: Whose scores.
        round_name: The round.
        detector: Whose suggestions are asked for, as on the command line of `evaluate`; None leaves
            the round as it is.
        run_id: Stamped on the row.

    Raises:
        SuggestionsError: The round has begun without them or with another's, or there are none.
    """
    table = workspace.table(ROUND_SUGGESTIONS)
    known = next(iter(table.rows(pc.field("round") == round_name)), None)
    if detector is None:
        return None if known is None else Suggester(workspace, known)
    asked = _asked(workspace, round_name, detector)
    if known is None:
        tasks = workspace.table(TASKS).scan(["round"], pc.field("round") == round_name)
        if any(map(len, tasks)):
            raise _fixed(f"Round {round_name} has begun without suggestions.")
        table.append([asked], run_id)
    elif known.detector_id != asked.detector_id:
        raise _fixed(f"Round {round_name} shows the suggestions of another detector.")
    return Suggester(workspace, known or asked)


def _asked(workspace: Workspace, round_name: str, detector: str) -> RoundSuggestions:
    prepared = PreparedDetector(parse_detector(detector))
    if prepared.word_threshold is None:
        raise SuggestionsError(
            f"{detector!r} does not score words, so it suggests none.",
            "Name a detector that does, such as clip4dm.",
        )
    ours = pc.field("detector_id") == prepared.detector_id
    if not any(map(len, workspace.table(SCORES).scan(["detector_id"], ours))):
        raise SuggestionsError(
            f"This workspace has no scores by {detector!r}.",
            "Run 'alignbench evaluate' with it, on a release of this workspace, first.",
        )
    return RoundSuggestions(
        round=round_name,
        detector=prepared.name,
        detector_id=prepared.detector_id,
        word_threshold=prepared.word_threshold,
    )


def _fixed(what: str) -> SuggestionsError:
    return SuggestionsError(what, "Name another round with --round.")


def _spans(suggested: Prediction) -> tuple[Span, ...]:
    # A detector tells no types, and the page has no mark without one.
    return tuple(
        Span(start=span.start, end=span.end, type=HallucinationType.OTHER, text=span.text)
        for span in suggested.spans
    )
