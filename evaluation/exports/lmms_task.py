"""The functions that a task file of lmms-eval names (`alignbench export lmms_eval` writes one).

    lmms_eval --include_path FOLDER --tasks alignbench_NAME --model ... --model_args ...

A document is a row of the release, as `datasets` loads it. lmms-eval has no second turn, so that an
answer that is no number from 0 to 100 leaves its sentence out; the metric `alignbench_scored` is
the share of those that are.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from alignbench.evaluation.exports.questions import Answer, mean_auroc, question, score_in
from alignbench.models.pixels import shown_pixels
from alignbench.schemas.vocabulary import Verdict

if TYPE_CHECKING:
    from datasets import Dataset

_FAILED: Final = "[LMMS_EVAL_REQUEST_FAILED"
"""What lmms-eval takes for the answer to a request that failed; it has numbers in it."""

Document = Mapping[str, Any]


def process_docs(rows: "Dataset") -> "Dataset":
    """Returns the rows that are known to be right or wrong and have an image."""
    known = (Verdict.CORRECT.value, Verdict.INCORRECT.value)
    chosen = [
        place
        for place, (verdict, path) in enumerate(zip(rows["annotation"], _paths(rows), strict=True))
        if verdict in known and path is not None
    ]
    return rows.select(chosen)


def doc_to_visual(document: Document) -> list[Image.Image]:
    """Returns the image as annotators saw it."""
    return [shown_pixels(document["image"])]


def doc_to_text(document: Document, settings: Mapping[str, Any] | None = None) -> str:  # noqa: ARG001
    """Returns what is asked."""
    return question(document["caption"])


def doc_to_target(document: Document) -> str:
    """Returns the verdict."""
    return str(document["annotation"])


def process_results(document: Document, results: Sequence[str]) -> dict[str, Answer]:
    """Returns what came of a question, for both metrics."""
    correct = document["annotation"] == Verdict.CORRECT
    said = results[0]
    score = None if said.startswith(_FAILED) else score_in(said)
    answer = Answer(document["model"], correct, score)
    return {"alignbench_auroc": answer, "alignbench_scored": answer}


def auroc(answers: Sequence[Answer]) -> float:
    """Returns AUROC, as the unweighted mean over the generating models; NaN if there is none."""
    found = mean_auroc(Answer(*answer) for answer in answers)
    return float("nan") if found is None else found


def scored(answers: Sequence[Answer]) -> float:
    """Returns the share of sentences whose answer is a score."""
    there = sum(Answer(*answer).score is not None for answer in answers)
    return there / len(answers) if answers else 0.0


def _paths(rows: "Dataset") -> list[str | None]:
    """Returns the path of each row's image, without decoding any."""
    from datasets import Image as ImageFeature

    stored = rows.cast_column("image", ImageFeature(decode=False))
    return [None if image is None else image["path"] for image in stored["image"]]
