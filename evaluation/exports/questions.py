"""What is asked about each sentence of a release, and what the answers come to.

Question, reading of answers and AUROC are those of the detectors `vlm` and `vlm_endpoint`, so that
one model gets one figure, wherever it is run. An answer that is no score leaves its sentence out.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from sklearn.metrics import roc_auc_score

from alignbench.evaluation.detector_parts.model_replies import ASKED_AGAIN, scored_answer
from alignbench.evaluation.prompts import asked, read_prompt
from alignbench.evaluation.scores.requests import by_image
from alignbench.release_format.folder import open_release
from alignbench.release_format.sentences import ReleaseReader
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.vocabulary import Verdict

PROMPT: Final = "score_v1"
"""The prompt that asks for a number from 0 to 100."""


class Question(NamedTuple):
    """A sentence that is known to be right or wrong, and what is asked about it.

    Attributes:
        sentence_id: The sentence.
        model: Whose it is.
        correct: Whether it is right.
        text: What is asked.
        image: The encoded image.
    """

    sentence_id: str
    model: str
    correct: bool
    text: str
    image: bytes


class Answer(NamedTuple):
    """What came of a question; the score is None where the answer is none."""

    model: str
    correct: bool
    score: float | None


def questions(release: str, split: str | None = None) -> Iterator[Question]:
    """Yields what is asked about each sentence whose image the release has.

    Args:
        release: Its folder, or its `s3://bucket/prefix`.
        split: Only this split; all if None.

    Raises:
        NotAReleaseError: There is no release at that address.
    """
    reader = ReleaseReader(open_release(release), split)
    sentences = by_image(reader.sentences())
    images = reader.images(sentences)
    shown, data = "", None
    columns = ("sentence_id", "model", "annotation", "caption", "image_id")
    rows = (sentences[name].to_pylist() for name in columns)
    for sentence_id, model, annotation, caption, image_id in zip(*rows, strict=True):
        if image_id != shown:
            shown, data = next(images)
        if data is not None:
            correct = annotation == Verdict.CORRECT
            yield Question(sentence_id, model, correct, question(caption), data)


def question(sentence: str) -> str:
    """Returns what is asked about a sentence."""
    return asked(read_prompt(PROMPT), sentence)


def score_in(answer: str, finish_reason: str | None = None) -> float | None:
    """Returns the score that a model's answer gives; None if it gives none."""
    found = scored_answer(RawAnswer(answer, finish_reason))
    return None if isinstance(found, ItemFailure) else found.score


def may_be_asked_again(answer: str, finish_reason: str | None = None) -> bool:
    """Tells whether a model is to be reminded of what it is to write."""
    found = scored_answer(RawAnswer(answer, finish_reason))
    return isinstance(found, ItemFailure) and found.code in ASKED_AGAIN


def auroc_by_model(answers: Iterable[Answer]) -> dict[str, float | None]:
    """Returns AUROC for each generating model; None where one class has no score."""
    parts: dict[str, list[Answer]] = {}
    for answer in answers:
        parts.setdefault(answer.model, []).append(answer)
    return {model: _auroc(part) for model, part in sorted(parts.items())}


def mean_auroc(answers: Iterable[Answer]) -> float | None:
    """Returns the unweighted mean over the models that have an AUROC; None if none has."""
    known = [value for value in auroc_by_model(answers).values() if value is not None]
    return sum(known) / len(known) if known else None


def _auroc(answers: Sequence[Answer]) -> float | None:
    scored = [(answer.correct, answer.score) for answer in answers if answer.score is not None]
    right, scores = [correct for correct, _ in scored], [score for _, score in scored]
    return float(roc_auc_score(right, scores)) if len(set(right)) == 2 else None
