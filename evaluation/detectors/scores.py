"""A researcher's own scores, from a file: whatever made them, they are analysed like any others."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from alignbench.evaluation.errors import ScoreFileError
from alignbench.evaluation.tabular_files import read_by_ending
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.plugins import DetectorBase
from alignbench.schemas.protocols import ItemFailure, NoOptions, Options
from alignbench.schemas.rows.spans import WordScore
from alignbench.schemas.vocabulary import FailureKind


class ScoresOptions(Options):
    """Where the scores are.

    Attributes:
        path: A file `.csv`, `.tsv`, `.jsonl`, `.json` (one array) or `.parquet` with the columns
            `sentence_id` and `score`, and perhaps `words`, a list of structs `start`, `end`,
            `score` (not in CSV and TSV).
    """

    path: str


class ScoresDetector(DetectorBase[ScoresOptions, NoOptions]):
    """Gives each sentence the score that a file has for it.

    The file's SHA-256 is its revision, so that a changed file is another detector.

    Raises:
        ScoreFileError: The file cannot be read, lacks a column, or has a sentence twice.
    """

    def load(self) -> None:
        """Reads the file."""
        path = self.options.path
        table = _read(path)
        ids = table["sentence_id"].to_pylist()
        self._places = {sentence_id: place for place, sentence_id in enumerate(ids)}
        if len(self._places) < len(ids):
            twice = next(name for place, name in enumerate(ids) if self._places[name] != place)
            raise ScoreFileError(
                f"{path} has two scores for the sentence {twice}.", "Leave one of them."
            )
        self._scores = table["score"].to_pylist()
        has_words = "words" in table.column_names
        self._words = table["words"] if has_words else None

    @classmethod
    def resolve_revision(cls, repo: str, options: ScoresOptions) -> str | None:  # noqa: ARG003
        """Returns SHA-256 of the file."""
        try:
            with Path(options.path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _unreadable(options.path, str(error)) from None

    @classmethod
    def listed_sentences(cls, options: ScoresOptions) -> list[str]:
        """Returns the ids of the sentences that the file has scores of."""
        ids: list[str] = _read(options.path)["sentence_id"].to_pylist()
        return ids

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns the score of each sentence, a failure for one that the file does not have."""
        return [self._one(request.sentence_id) for request in requests]

    def _one(self, sentence_id: str) -> SentenceScore | ItemFailure:
        place = self._places.get(sentence_id)
        score = None if place is None else self._scores[place]
        if place is None or score is None:
            message = f"The file has no score for the sentence {sentence_id}."
            return ItemCode.SCORE_ABSENT.failure(message, FailureKind.EMPTY)
        if self._words is None:
            return SentenceScore(score)
        words = tuple(WordScore(**word) for word in self._words[place].as_py() or ())
        return SentenceScore(score, words)


def _read(path: str) -> pa.Table:
    try:
        table = read_by_ending(path)
        columns = {
            "sentence_id": table["sentence_id"].cast(pa.string()),
            "score": table["score"].cast(pa.float64()),
        }
        if "words" in table.column_names:
            columns["words"] = table["words"]
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise _unreadable(path, str(error)) from None
    return pa.table(columns)


def _unreadable(path: str, reason: str) -> ScoreFileError:
    return ScoreFileError(
        f"{path} cannot be read as scores: {reason}.",
        "Give a CSV, TSV, JSON or Parquet file with the columns sentence_id and score.",
    )
