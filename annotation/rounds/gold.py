"""Gold: what the right answer is known of, read from a file into the tables of gold.

A line of the file is a JSON object. Of a sentence it has `sentence_id`, `verdict`, and if that is
incorrect `spans` with `start`, `end` and `type`, where a span may have `text` as well; offsets are
code points of the sentence. Of a model's answer it has `response_id` and `rating`, of a question in
other words `variant_id` and `meaning`.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, ValidationError

from alignbench.annotation.errors import GoldFileError
from alignbench.annotation.rounds.gold_ratings import RatingLine, rating_rows
from alignbench.annotation.rounds.gold_variants import VariantLine, variant_rows
from alignbench.schemas.rows.annotation import Gold
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.tables import GOLD, GOLD_RATINGS, GOLD_VARIANTS, SENTENCES
from alignbench.schemas.vocabulary import HallucinationType, Verdict
from alignbench.workspace.workspace import Workspace


class _Mark(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    start: int
    end: int
    type: HallucinationType
    text: str | None = None


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    sentence_id: str
    verdict: Verdict
    spans: tuple[_Mark, ...] = ()


def read_gold(workspace: Workspace, path: Path, run_id: str) -> int:
    """Brings the tables of gold to what a file says; returns how many rows were new or changed.

    What has left the file stays gold: answers may have been measured by it.

    Raises:
        GoldFileError: It cannot be read, or a line is wrong; the line is named.
    """
    every = parsed_gold(path)
    ratings = [(number, line) for number, line in every if isinstance(line, RatingLine)]
    rated = rating_rows(workspace, ratings, path)
    of_variants = [(number, line) for number, line in every if isinstance(line, VariantLine)]
    checked = variant_rows(workspace, of_variants, path)
    parsed = [(number, line) for number, line in every if isinstance(line, _Line)]
    ids = pa.array([line.sentence_id for _, line in parsed], pa.string())
    sentences = workspace.table(SENTENCES).read(
        ["sentence_id", "text"], pc.field("sentence_id").isin(ids)
    )
    columns = (sentences[name].to_pylist() for name in ("sentence_id", "text"))
    texts = dict(zip(*columns, strict=True))
    earlier = {row.sentence_id: row for row in workspace.table(GOLD).rows()}
    rows = {}
    for number, line in parsed:
        row = _row(line, texts.get(line.sentence_id), f"{path}, line {number}", path.name, earlier)
        if row is not None:
            rows[row.sentence_id] = row
    workspace.table(GOLD).append(list(rows.values()), run_id)
    workspace.table(GOLD_RATINGS).append(rated, run_id)
    workspace.table(GOLD_VARIANTS).append(checked, run_id)
    return len(rows) + len(rated) + len(checked)


def parsed_gold(path: Path) -> list[tuple[int, _Line | RatingLine | VariantLine]]:
    """Returns the lines of a file with their numbers; whether they fit a workspace is not asked.

    Raises:
        GoldFileError: It cannot be read, or a line is none of gold.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise GoldFileError(
            f"{path} cannot be read: {error}.", "Correct annotation.gold."
        ) from None
    return list(_parsed(lines, path))


def _parsed(lines: list[str], path: Path) -> Iterator[tuple[int, _Line | RatingLine | VariantLine]]:
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            found = json.loads(text)
            yield number, _kind_of(found).model_validate(found)
        except (ValueError, RecursionError) as error:
            what = "it cannot be read as JSON"
            if isinstance(error, ValidationError):
                what = error.errors()[0]["msg"]
            raise GoldFileError(
                f"{path}, line {number} is no gold sentence, answer or variant: {what}.",
                "Give sentence_id, verdict and, if incorrect, spans with start, end and type; or "
                "response_id and rating; or variant_id and meaning.",
            ) from None


def _kind_of(found: object) -> type[_Line] | type[RatingLine] | type[VariantLine]:
    if isinstance(found, dict) and "response_id" in found:
        return RatingLine
    return VariantLine if isinstance(found, dict) and "variant_id" in found else _Line


def _row(
    line: _Line, text: str | None, where: str, source: str, earlier: dict[str, Gold]
) -> Gold | None:
    """Returns the row of a line; None if it stands in the table already."""
    if text is None:
        raise GoldFileError(
            f"{where}: there is no sentence {line.sentence_id} in this workspace.",
            "Take it out, or run 'alignbench split' first.",
        )
    for mark in line.spans:
        part = text[mark.start : mark.end] if 0 <= mark.start < mark.end <= len(text) else None
        if part is None or mark.text not in (None, part):
            raise GoldFileError(
                f"{where}: the span {mark.start}-{mark.end} is not what it says in {text!r}.",
                "Offsets are code points of the sentence, the end exclusive.",
            )
    if line.spans and line.verdict is not Verdict.INCORRECT:
        raise GoldFileError(
            f"{where}: a sentence that is {line.verdict} has no wrong spans.",
            "Take the spans out, or make it incorrect.",
        )
    spans = tuple(
        Span(start=mark.start, end=mark.end, type=mark.type, text=text[mark.start : mark.end])
        for mark in line.spans
    )
    before = earlier.get(line.sentence_id)
    if before is not None and (before.verdict, before.spans) == (line.verdict, spans):
        return None
    return Gold(
        sentence_id=line.sentence_id,
        verdict=line.verdict,
        spans=spans,
        source=source,
        version=1 if before is None else before.version + 1,
    )
