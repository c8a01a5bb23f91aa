"""The selected sentences and the votes on them, in memory one bucket of sentences at a time.

A vote is the newest submitted answer of one annotator to one sentence, in whichever round they gave
it; if labels count every round, the newest in each (`schemas.label_options`). A skipped or
deleted answer is none, nor is one for gold or adjudication, nor one of a withdrawn annotator;
sentences of withdrawn images are left out. Quarantined answers are in a table of their own. The
newest submitted answer of an adjudicator to a sentence is its adjudication, and final. Answers to
gold make no label, and are read to be released beside the votes.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.votes.withdrawn import withdrawn_by_kind
from alignbench.schemas.ids import canonical_json
from alignbench.schemas.label_options import ONE_A_ROUND, LabelOptions
from alignbench.schemas.tables import ANNOTATIONS, SENTENCES
from alignbench.schemas.vocabulary import AnnotationStatus, AnnotationUnit, Purpose, WithdrawnKind
from alignbench.workspace.selection import Selection
from alignbench.workspace.tables.buckets import Buckets, columns_of
from alignbench.workspace.workspace import Workspace

SENTENCE_COLUMNS: Final = (
    "sentence_id", "pair_id", "generator_id", "model", "direction", "image_id", "prompt_id",
    "sentence_index", "text", "start", "end",
)  # fmt: skip
VOTE_COLUMNS: Final = (
    "sentence_id", "round", "annotator", "verdict", "spans", "flags", "preannotated_by",
    "lead_seconds", "guideline_id", "label_schema_id", "annotated_at", "updated_at", "server",
    "annotation_id", "unit",
)  # fmt: skip
_SEPARATOR: Final = "\x1f"


class SentenceBucket(NamedTuple):
    """Some of the sentences, with all the votes on them.

    Attributes:
        number: Which bucket of sentence ids it is.
        sentences: Rows of `SENTENCE_COLUMNS`, sorted by sentence id.
        votes: Rows of `VOTE_COLUMNS`, sorted by sentence id, round and annotator.
        adjudications: Rows of `VOTE_COLUMNS`, at most one a sentence, sorted by sentence id.
        gold: Answers to gold: rows of `VOTE_COLUMNS` in the order of votes.
    """

    number: int
    sentences: pa.Table
    votes: pa.Table
    adjudications: pa.Table
    gold: pa.Table


class Digest(NamedTuple):
    """What all votes come to.

    Attributes:
        sha256: Hash of everything in them that a label depends on.
        first_answers: When each annotator's first answer was given.
    """

    sha256: str
    first_answers: dict[str, datetime]


class Votes:
    """The votes on a workspace's selected sentences, as they are at construction."""

    def __init__(
        self,
        workspace: Workspace,
        selection: Selection,
        folder: Path,
        options: LabelOptions = LabelOptions(),  # noqa: B008 - an immutable value
    ) -> None:
        """Reads sentences and annotations once, and parts them by sentence.

        Args:
            workspace: Where they are.
            selection: Which sentences count.
            folder: Where the buckets go; the caller removes it.
            options: Tell how often somebody counts who answered in several rounds.
        """
        self._voter = options.voter
        withdrawn = withdrawn_by_kind(workspace)
        self._sentences = Buckets(
            folder, "sentences", "sentence_id", columns_of(SENTENCES, SENTENCE_COLUMNS)
        )
        with self._sentences as buckets:
            needed = [*SENTENCE_COLUMNS, "splitter_id"]
            where = selection.sentences() & _not_in("image_id", withdrawn[WithdrawnKind.IMAGE])
            for batch in workspace.table(SENTENCES).scan(needed, where):
                buckets.add(batch.select(list(SENTENCE_COLUMNS)))
        schema = columns_of(ANNOTATIONS, VOTE_COLUMNS)
        self._votes = Buckets(folder, "votes", "sentence_id", schema)
        self._adjudications = Buckets(folder, "adjudications", "sentence_id", schema)
        self._gold = Buckets(folder, "gold-answers", "sentence_id", schema)
        with self._votes, self._adjudications, self._gold:
            needed = [*VOTE_COLUMNS, "status", "purpose"]
            where = _is_answer() & _not_in("annotator", withdrawn[WithdrawnKind.ANNOTATOR])
            for batch in workspace.table(ANNOTATIONS).scan(needed, where):
                self._votes.add(_of_purpose(batch, Purpose.LABEL))
                self._adjudications.add(_of_purpose(batch, Purpose.ADJUDICATE))
                self._gold.add(_of_purpose(batch, Purpose.GOLD))

    def __iter__(self) -> Iterator[SentenceBucket]:
        """Yields all buckets that have sentences, in order of sentence ids."""
        for number in self._sentences.numbers():
            sentences = self._sentences.read(number).sort_by("sentence_id")
            votes = _newest(self._votes.read(number), sentences, self._voter)
            final = _newest(self._adjudications.read(number), sentences, ("sentence_id",))
            gold = _newest(self._gold.read(number), sentences, ONE_A_ROUND)
            yield SentenceBucket(number, sentences, votes, final, gold)

    def digest(self) -> Digest:
        """Returns the hash of the votes and the annotators; it does not depend on any order."""
        sha256 = hashlib.sha256()
        first: dict[str, datetime] = {}
        for bucket in self:
            for line in (*_lines(bucket.votes), *_lines(bucket.adjudications, "final")):
                sha256.update(line.encode())
            answers = pa.concat_tables([bucket.votes, bucket.adjudications, bucket.gold])
            found = answers.group_by("annotator").aggregate([("annotated_at", "min")])
            names = found.column("annotator").to_pylist()
            moments = found.column("annotated_at_min").to_pylist()
            for name, moment in zip(names, moments, strict=True):
                first[name] = min(moment, first.get(name, moment))
        return Digest(sha256.hexdigest(), first)


def _not_in(column: str, values: list[str]) -> pc.Expression:
    return ~pc.field(column).isin(pa.array(values, pa.string()))


def _is_answer() -> pc.Expression:
    submitted = pc.field("status") == AnnotationStatus.SUBMITTED.value
    return submitted & pc.field("verdict").is_valid()


def _of_purpose(answers: pa.Table, purpose: Purpose) -> pa.Table:
    chosen = answers.filter(pc.field("purpose") == purpose.value).select(list(VOTE_COLUMNS))
    place = chosen.schema.get_field_index("unit")
    unit = pc.fill_null(chosen["unit"], AnnotationUnit.SENTENCE.value)
    return chosen.set_column(place, chosen.schema.field(place), unit)


def _newest(votes: pa.Table, sentences: pa.Table, key: Sequence[str]) -> pa.Table:
    """Returns the vote of each key on these sentences that was updated last, in the same order."""
    wanted = sentences.column("sentence_id").combine_chunks()
    votes = votes.filter(pc.is_in(votes.column("sentence_id"), value_set=wanted))
    order = [*key, "updated_at", "server", "annotation_id"]
    votes = votes.sort_by([(name, "ascending") for name in order])
    if len(votes) < 2:
        return votes
    changes = np.zeros(len(votes) - 1, dtype=np.bool_)
    for name in key:
        column = votes.column(name)
        changes |= pc.not_equal(column.slice(1), column.slice(0, len(votes) - 1)).to_numpy()
    newest = votes.filter(pa.array(np.append(changes, True)))
    return newest.sort_by([(name, "ascending") for name in ONE_A_ROUND])


def _lines(votes: pa.Table, kind: str = "") -> Iterator[str]:
    """Yields each vote as a text line of all that a label depends on."""
    heads = pc.binary_join_element_wise(
        *(votes.column(name) for name in (*ONE_A_ROUND, "verdict")), _SEPARATOR
    )
    columns = (votes.column(name).to_pylist() for name in ("spans", "unit"))
    for head, spans, unit in zip(heads.to_pylist(), *columns, strict=True):
        asked = "" if unit == AnnotationUnit.SENTENCE else f"{_SEPARATOR}{unit}"
        yield f"{kind}{head}{_SEPARATOR}{_span_text(spans) if spans else ''}{asked}\n"


def raters(votes: pa.Table) -> pa.ChunkedArray:
    """Returns who gave each vote, as far as their errors are alike.

    Somebody who is asked about whole captions errs otherwise than when asked about one sentence:
    there, what was not read looks like *correct*.
    """
    as_two = pc.binary_join_element_wise(votes["annotator"], votes["unit"], _SEPARATOR)
    alone = pc.equal(votes["unit"], AnnotationUnit.SENTENCE.value)
    return pc.if_else(alone, votes["annotator"], as_two)


def _span_text(spans: list[dict[str, Any]]) -> str:
    return canonical_json([[s["start"], s["end"], s["type"], s["text"]] for s in spans])
