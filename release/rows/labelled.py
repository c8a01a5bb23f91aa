"""The selected sentences that have a label, and the votes on them, parted for writing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.agreement.by_unit import AgreementByUnit
from alignbench.release.columns.joins import looked_up
from alignbench.release.errors import NoLabelsError, StaleLabelsError
from alignbench.release.labels.stopping import StoppingVotes
from alignbench.release.splits.splits import LINK_SCHEMA
from alignbench.release.votes.rounds import AnsweredWordings, RoundRecords, in_control
from alignbench.release.votes.votes import SENTENCE_COLUMNS, SentenceBucket, Votes
from alignbench.release_format.columns import DATA_SCHEMA, VOTE_SCHEMA, vote_count
from alignbench.release_format.manifest import LeftOut, RoundRecord
from alignbench.schemas.rows.labels import LabelSet
from alignbench.schemas.tables import IMAGES, LABELS, SENTENCES
from alignbench.schemas.vocabulary import Purpose
from alignbench.workspace.tables.buckets import Buckets, columns_of
from alignbench.workspace.workspace import Workspace

_LABEL_COLUMNS: Final = (
    "sentence_id", "verdict", "confidence", "n_correct", "n_incorrect", "n_unknown",
    "agreement_ratio", "fleiss_Pi", "error_type", "error_spans", "span_agreement", "adjudicated",
)  # fmt: skip
_ASKED: Final = ("n_votes", "in_control")
_LABELLED_SCHEMA: Final = pa.schema(
    [
        *columns_of(SENTENCES, SENTENCE_COLUMNS),
        *columns_of(LABELS, _LABEL_COLUMNS[1:]),
        *(DATA_SCHEMA.field(name) for name in _ASKED),
    ]
)
_VOTED_SCHEMA: Final = VOTE_SCHEMA.append(pa.field("image_id", pa.string()))


class Labelled(NamedTuple):
    """What is released of the votes.

    Attributes:
        sentences: Labelled sentences with the columns of their labels, how many votes they have,
            and whether they are in the control sample; parted by image.
        votes: The votes on them, answers to those that are gold, and adjudications, annotators
            under pseudonyms, with `image_id`; parted by sentence.
        models: Models that have such sentences, sorted.
        annotators: Who voted or adjudicated, under pseudonyms.
        rounds: The rounds that these answers were given in.
        agreement: How far the votes agree.
        stopping: The votes, to check how sure labels on few of them are.
        left_out: Selected sentences that are not released.
    """

    sentences: Buckets
    votes: Buckets
    models: list[str]
    annotators: set[str]
    rounds: dict[str, RoundRecord]
    agreement: AgreementByUnit
    stopping: StoppingVotes
    left_out: LeftOut


def check_current(label_set: LabelSet, answers_sha256: str) -> None:
    """Checks that a label set was made from the votes as they are now.

    Raises:
        StaleLabelsError: It was made from others.
    """
    if label_set.answers_sha256 != answers_sha256:
        raise StaleLabelsError(
            f"Answers or the selection changed after label set {label_set.label_set_id} was made.",
            "Run 'alignbench label' again, then release.",
        )


def label_buckets(workspace: Workspace, set_id: str, folder: Path) -> Buckets:
    """Returns the labels of a set, parted by sentence into a folder that the caller removes."""
    labels = Buckets(folder, "labels", "sentence_id", columns_of(LABELS, _LABEL_COLUMNS))
    with labels:
        needed = ["label_set_id", *_LABEL_COLUMNS]
        for batch in workspace.table(LABELS).scan(needed, pc.field("label_set_id") == set_id):
            labels.add(batch.select(list(_LABEL_COLUMNS)))
    return labels


def image_links(workspace: Workspace, votes: Votes, labels: Buckets) -> pa.Table:
    """Returns the images of labelled sentences as `release.splits.splits` deals them out."""
    hashes = workspace.table(IMAGES).read(["image_id", "perceptual_hash"])
    parts = [LINK_SCHEMA.empty_table()]
    for bucket in votes:
        sentences = _labelled(bucket.sentences, labels.read(bucket.number))
        counted = sentences.group_by(["image_id", "prompt_id"]).aggregate([([], "count_all")])
        found = looked_up(counted["image_id"], hashes, "image_id")
        columns = [counted["image_id"], counted["prompt_id"], found["perceptual_hash"]]
        parts.append(pa.table([*columns, counted["count_all"]], schema=LINK_SCHEMA))
    return pa.concat_tables(parts)


def labelled(
    votes: Votes,
    labels: Buckets,
    names: Mapping[str, str],
    rounds: RoundRecords,
    folder: Path,
    between: pa.Array | None = None,
) -> Labelled:
    """Joins the selected sentences with their labels.

    Args:
        votes: Those on the selected sentences, and the sentences.
        labels: From `label_buckets`.
        names: Pseudonyms of all who answered.
        rounds: How many votes each round asked for.
        folder: Where buckets go; the caller removes it.
        between: Images that are in no split and left out.

    Raises:
        NoLabelsError: No selected sentence has a label.
    """
    agreement, annotators, models = AgreementByUnit(), set[str](), set[str]()
    wordings, stopping = AnsweredWordings(), StoppingVotes(rounds.known)
    sentences = Buckets(folder, "labelled", "image_id", _LABELLED_SCHEMA)
    released_votes = Buckets(folder, "released-votes", "sentence_id", _VOTED_SCHEMA)
    left = dict.fromkeys(LeftOut.model_fields, 0)
    between = pa.array([], pa.string()) if between is None else between
    with sentences, released_votes:
        for bucket in votes:
            found = _with_labels(bucket, labels.read(bucket.number))
            apart = pc.is_in(found["image_id"], value_set=between)
            kept = found.filter(pc.invert(apart))
            answered = len(bucket.votes["sentence_id"].unique())
            left["unanswered"] += len(bucket.sentences) - answered
            left["below_minimum_votes"] += answered - len(found)
            left["between_splits"] += len(found) - len(kept)
            given = _given(bucket, kept, names, rounds)
            as_votes = given.filter(pc.field("purpose") == Purpose.LABEL.value)
            kept = _with_control(kept, as_votes)
            sentences.add(kept)
            released_votes.add(given)
            models.update(kept["model"].unique().to_pylist())
            counted = given.filter(pc.field("purpose") != Purpose.GOLD.value)
            annotators.update(counted["annotator"].unique().to_pylist())
            wordings.add(given)
            agreement.add(kept.rename_columns({"text": "caption"}), as_votes)
            stopping.add(kept, as_votes)
    if not models:
        raise NoLabelsError(
            "No selected sentence has a label that can be released.",
            "Run 'alignbench pull' and 'alignbench label', or lower [labels] minimum_votes.",
        )
    return Labelled(
        sentences,
        released_votes,
        sorted(models),
        annotators,
        wordings.onto(rounds.of(wordings.rounds)),
        agreement,
        stopping,
        LeftOut(**left),
    )


def _labelled(sentences: pa.Table, labels: pa.Table) -> pa.Table:
    ids = labels["sentence_id"].combine_chunks()
    return sentences.filter(pc.is_in(sentences["sentence_id"], value_set=ids))


def _with_labels(bucket: SentenceBucket, labels: pa.Table) -> pa.Table:
    sentences = _labelled(bucket.sentences, labels)
    of_sentence = looked_up(sentences["sentence_id"], labels, "sentence_id")
    for name in _LABEL_COLUMNS[1:]:
        sentences = sentences.append_column(name, of_sentence[name])
    return sentences.append_column("n_votes", vote_count(sentences))


def _with_control(sentences: pa.Table, votes: pa.Table) -> pa.Table:
    """Tells of sentences whether they are in the control sample of every round they have votes of.

    One that was settled early in any round is not to be compared with those asked in full.
    """
    found = votes.group_by("sentence_id").aggregate([("in_control", "all")])
    of_sentence = looked_up(sentences["sentence_id"], found, "sentence_id")["in_control_all"]
    return sentences.append_column("in_control", of_sentence)


def _given(
    bucket: SentenceBucket, sentences: pa.Table, names: Mapping[str, str], rounds: RoundRecords
) -> pa.Table:
    """Returns all answers to sentences that are released, under pseudonyms."""
    parts = []
    for chosen, purpose in (
        (bucket.votes, Purpose.LABEL),
        (bucket.gold, Purpose.GOLD),
        (bucket.adjudications, Purpose.ADJUDICATE),
    ):
        rows = _labelled(chosen, sentences)
        parts.append(rows.append_column("purpose", pa.array([purpose.value] * len(rows))))
    rows = pa.concat_tables(parts, promote_options="permissive")
    of_sentence = looked_up(rows["sentence_id"], sentences, "sentence_id")
    for name in ("model", "image_id"):
        rows = rows.append_column(name, of_sentence[name])
    real, hidden = (pa.array(list(part), pa.string()) for part in (names, names.values()))
    known_as = hidden.take(pc.index_in(rows["annotator"], value_set=real).combine_chunks())
    place = rows.schema.get_field_index("annotator")
    rows = rows.set_column(place, "annotator", known_as)
    rows = rows.append_column("in_control", _vote_control(rows, rounds))
    return rows.select(_VOTED_SCHEMA.names).cast(_VOTED_SCHEMA)


def _vote_control(answers: pa.Table, rounds: RoundRecords) -> pa.Array:
    """Tells of each vote whether it was asked for in full; gold always is, of a decision null."""
    of_round = in_control(
        rounds.of(answers["round"].unique().to_pylist()), answers["round"], answers["image_id"]
    )
    is_gold = pc.equal(answers["purpose"], Purpose.GOLD.value)
    is_decision = pc.equal(answers["purpose"], Purpose.ADJUDICATE.value)
    nothing = pa.scalar(None, pa.bool_())
    return pc.if_else(is_decision, nothing, pc.or_(is_gold, of_round))
