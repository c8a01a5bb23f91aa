"""What needs sentences and votes together, or all sentences: joined bucket by bucket on disk."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.agreement.by_unit import AgreementByUnit
from alignbench.release.agreement.collect import SENTENCE_COLUMNS
from alignbench.release.columns.verdict_counts import VERDICTS
from alignbench.release.labels.stopping import StoppingVotes
from alignbench.release.verify.batches import Batch, table_of
from alignbench.release.verify.derived import SPAN_COLUMNS, VotesOnSentence, span_vote_problems
from alignbench.release.verify.report import Findings, Rule
from alignbench.release.verify.rounds import check_control
from alignbench.release.verify.rows import span_problem
from alignbench.release.votes.rounds import AnsweredWordings
from alignbench.release.words import has_tokenizer
from alignbench.release_format.columns import DATA_SCHEMA, VOTE_SCHEMA
from alignbench.release_format.manifest import RoundRecord
from alignbench.schemas.label_options import ONE_A_ROUND, LabelOptions
from alignbench.schemas.vocabulary import (
    PUBLISHED_LABEL,
    AnnotationUnit,
    AnswerFlag,
    Purpose,
    Verdict,
)
from alignbench.workspace.tables.buckets import Buckets

_SENTENCE: Final = (
    "sentence_id", "model", "image_id", "caption", "annotation", "adjudicated", "n_correct",
    "n_incorrect", "n_unknown", "in_control", "label_method", *SPAN_COLUMNS,
)  # fmt: skip
_VOTE: Final = (
    "sentence_id", "model", "annotator", "round", "purpose", "verdict", "spans", "flags",
    "in_control", "unit",
)  # fmt: skip
_PLACE: Final = [pa.field("file", pa.string()), pa.field("row", pa.int64())]
_FLAGS: Final = frozenset(AnswerFlag)
PSEUDONYM: Final = re.compile(r"A\d{3,}")

SENTENCES_OF_AGREEMENT: Final = pa.schema([DATA_SCHEMA.field(name) for name in SENTENCE_COLUMNS])

Row = dict[str, Any]


class JoinedChecks:
    """Takes the rows of all shards, and checks them once all are there."""

    def __init__(
        self, folder: Path, rounds: Mapping[str, RoundRecord] | None, options: LabelOptions
    ) -> None:
        """Makes it empty.

        Args:
            folder: Where rows go meanwhile; the caller removes it.
            rounds: The rounds that `release.json` tells of; None if it is of an older version.
            options: Tell how often somebody counts who answered in several rounds.
        """
        self._voter = ONE_A_ROUND if rounds is None else options.voter
        self._known_rounds = rounds
        self._sentences = Buckets(folder, "data", "sentence_id", _schema(DATA_SCHEMA, _SENTENCE))
        self._votes = Buckets(folder, "votes", "sentence_id", _schema(VOTE_SCHEMA, _VOTE))
        self.has_words = has_tokenizer()
        self.agreement = AgreementByUnit(with_spans=self.has_words)
        self.stopping = StoppingVotes(rounds or {})
        self.sentences = self.votes = 0
        self.annotators: set[str] = set()
        self.wordings = AnsweredWordings()

    def add_sentences(self, batch: Batch) -> None:
        """Takes rows of a data shard."""
        self.sentences += len(batch.rows)
        self._sentences.add(_placed(batch, _SENTENCE))

    def add_votes(self, batch: Batch) -> None:
        """Takes rows of a vote shard."""
        counted = table_of(batch).filter(pc.field("purpose") != Purpose.GOLD.value)
        self.votes += len(counted)
        self.annotators.update(counted["annotator"].unique().to_pylist())
        self.wordings.add(table_of(batch))
        self._votes.add(_placed(batch, _VOTE))

    def check(self, findings: Findings) -> None:
        """Checks everything that was taken."""
        self._sentences.close()
        self._votes.close()
        for number in sorted({*self._sentences.numbers(), *self._votes.numbers()}):
            sentences: dict[str, Row] = {}
            for row in self._sentences.read(number).to_pylist():
                first = sentences.setdefault(row["sentence_id"], row)
                if first is not row:
                    text = f"sentence_id {row['sentence_id']} stands in {first['file']} too"
                    findings.add(row["file"], Rule.DUPLICATE, text, row["row"])
            votes = self._votes.read(number)
            before = findings.counts.total()
            given = votes.to_pylist()
            _check_votes(given, sentences, self._voter, findings)
            if self._known_rounds is not None:
                check_control(given, sentences, self._known_rounds, findings)
            if findings.counts.total() == before:  # what is wrong is reported; it is not counted
                if self.has_words:
                    _check_spans(given, sentences, findings)
                found = pa.Table.from_pylist(list(sentences.values()), SENTENCES_OF_AGREEMENT)
                as_votes = votes.filter(pc.field("purpose") == Purpose.LABEL.value)
                self.agreement.add(found, as_votes)
                self.stopping.add(found, as_votes)


def _check_spans(votes: list[Row], sentences: dict[str, Row], findings: Findings) -> None:
    """Checks the wrong spans of sentences against their votes, which must be sound."""
    given: dict[str, list[Row]] = {}
    finals: dict[str, Row] = {}
    for vote in votes:
        if vote["purpose"] == Purpose.ADJUDICATE:
            finals[vote["sentence_id"]] = vote
        elif vote["purpose"] == Purpose.LABEL:
            given.setdefault(vote["sentence_id"], []).append(vote)
    for sentence_id, sentence in sentences.items():
        on_it = VotesOnSentence(given.get(sentence_id, []), finals.get(sentence_id))
        if sentence["label_method"] == PUBLISHED_LABEL and not on_it.votes:
            continue
        for text in span_vote_problems(sentence, on_it):
            findings.add(sentence["file"], Rule.SPAN_VOTES, text, sentence["row"])


def _check_votes(
    votes: list[Row], sentences: dict[str, Row], voter: Sequence[str], findings: Findings
) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    final: dict[str, str] = {}
    seen: set[tuple[str, ...]] = set()
    voted = {vote["sentence_id"] for vote in votes}
    for vote in votes:
        is_vote = vote["purpose"] == Purpose.LABEL
        key = (vote["purpose"], *(vote[name] for name in (voter if is_vote else ONE_A_ROUND)))
        if key in seen:
            text = f"{vote['annotator']} has two votes on {vote['sentence_id']}"
            findings.add(vote["file"], Rule.DUPLICATE, text, vote["row"])
        seen.add(key)
        if vote["purpose"] == Purpose.ADJUDICATE:
            if vote["sentence_id"] in final:
                text = f"{vote['sentence_id']} is adjudicated twice"
                findings.add(vote["file"], Rule.ADJUDICATION, text, vote["row"])
            final[vote["sentence_id"]] = vote["verdict"]
        elif vote["purpose"] == Purpose.LABEL:
            counts[vote["sentence_id"], vote["verdict"]] += 1
        _check_vote(vote, sentences.get(vote["sentence_id"]), findings)
    for sentence_id, sentence in sentences.items():
        _check_final(sentence, final.get(sentence_id), findings)
        if sentence["label_method"] == PUBLISHED_LABEL and sentence_id not in voted:
            continue  # its numbers, if any, are the set's own, which does not say who voted
        for verdict in VERDICTS:
            said, counted = sentence[f"n_{verdict}"], counts[sentence_id, verdict]
            if said != counted:
                text = f"n_{verdict} is {said}, the votes in annotations/ are {counted}"
                findings.add(sentence["file"], Rule.VOTES, text, sentence["row"])


def _check_final(sentence: Row, final: str | None, findings: Findings) -> None:
    place = sentence["file"], sentence["row"]
    if sentence["adjudicated"] != (final is not None):
        text = "is adjudicated" if sentence["adjudicated"] else "is not adjudicated"
        findings.add(place[0], Rule.ADJUDICATION, f"{text}, annotations/ says otherwise", place[1])
    elif final not in (None, sentence["annotation"]):
        text = f"the adjudication says {final}, not {sentence['annotation']}"
        findings.add(place[0], Rule.ADJUDICATION, text, place[1])


def _check_vote(vote: Row, sentence: Row | None, findings: Findings) -> None:
    place = vote["file"], vote["row"]
    if not PSEUDONYM.fullmatch(vote["annotator"]):
        findings.add(place[0], Rule.PSEUDONYM, "the annotator has no pseudonym", place[1])
    if vote["purpose"] not in list(Purpose):
        text = f"purpose {vote['purpose']!r} is not of the vocabulary"
        findings.add(place[0], Rule.VALUE, text, place[1])
    if vote["verdict"] not in VERDICTS:
        text = f"verdict {vote['verdict']!r} is not of the vocabulary"
        findings.add(place[0], Rule.VALUE, text, place[1])
    if sentence is None:
        text = f"a vote on sentence {vote['sentence_id']}, which is not in the data"
        findings.add(place[0], Rule.VOTES, text, place[1])
        return
    if vote["model"] != sentence["model"]:
        text = f"model {vote['model']!r}, its sentence is of {sentence['model']!r}"
        findings.add(place[0], Rule.VALUE, text, place[1])
    if vote["unit"] not in (None, *AnnotationUnit):
        text = f"there is no unit of annotation {vote['unit']!r}"
        findings.add(place[0], Rule.VALUE, text, place[1])
    for flag in sorted(set(vote["flags"]) - _FLAGS):
        findings.add(place[0], Rule.VALUE, f"there is no flag {flag!r}", place[1])
    if vote["spans"] and vote["verdict"] != Verdict.INCORRECT:
        text = f"a vote of {vote['verdict']} marks wrong spans"
        findings.add(place[0], Rule.SPAN, text, place[1])
    for span in vote["spans"]:
        problem = span_problem(sentence["caption"], span)
        if problem is not None:
            findings.add(place[0], Rule.SPAN, problem, place[1])


def _schema(schema: pa.Schema, names: tuple[str, ...]) -> pa.Schema:
    return pa.schema([*(schema.field(name) for name in names), *_PLACE])


def _placed(batch: Batch, names: tuple[str, ...]) -> pa.Table:
    rows = table_of(batch).select(list(names)).replace_schema_metadata(None)
    numbers = np.arange(batch.first, batch.first + len(rows), dtype=np.int64)
    rows = rows.append_column(_PLACE[0], pa.array([batch.file] * len(rows), pa.string()))
    return rows.append_column(_PLACE[1], pa.array(numbers))
