"""The selected sentences that have a label, and the votes on them, parted for writing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.agreement.collect import AgreementCounts
from alignbench.release.errors import NoLabelsError, StaleLabelsError
from alignbench.release.joins import looked_up
from alignbench.release.splits import LINK_SCHEMA
from alignbench.release.votes import SENTENCE_COLUMNS, SentenceBucket, Votes
from alignbench.release_format.columns import VOTE_SCHEMA
from alignbench.release_format.manifest import LeftOut
from alignbench.schemas.rows import LabelSet
from alignbench.schemas.tables import IMAGES, LABELS, SENTENCES
from alignbench.schemas.vocabulary import Purpose
from alignbench.workspace.buckets import Buckets, columns_of
from alignbench.workspace.workspace import Workspace

_LABEL_COLUMNS: Final = (
    "sentence_id", "verdict", "confidence", "n_correct", "n_incorrect", "n_unknown",
    "agreement_ratio", "fleiss_Pi", "error_type", "error_spans", "span_agreement", "adjudicated",
)  # fmt: skip
_LABELLED_SCHEMA: Final = pa.schema(
    [*columns_of(SENTENCES, SENTENCE_COLUMNS), *columns_of(LABELS, _LABEL_COLUMNS[1:])]
)
_VOTED_SCHEMA: Final = VOTE_SCHEMA.append(pa.field("image_id", pa.string()))


class Labelled(NamedTuple):
    """What is released of the votes.

    Attributes:
        sentences: Labelled sentences with the columns of their labels, parted by image.
        votes: The votes and adjudications of them, annotators under pseudonyms, with `image_id`;
            parted by sentence.
        models: Models that have such sentences, sorted.
        annotators: Who answered, under pseudonyms.
        agreement: How far the votes agree.
        left_out: Selected sentences that are not released.
    """

    sentences: Buckets
    votes: Buckets
    models: list[str]
    annotators: set[str]
    agreement: AgreementCounts
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
    """Returns the images of labelled sentences as `release.splits` deals them out."""
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
    folder: Path,
    between: pa.Array | None = None,
) -> Labelled:
    """Joins the selected sentences with their labels.

    Args:
        votes: Those on the selected sentences, and the sentences.
        labels: From `label_buckets`.
        names: Pseudonyms of all who answered.
        folder: Where buckets go; the caller removes it.
        between: Images that are in no split and left out.

    Raises:
        NoLabelsError: No selected sentence has a label.
    """
    agreement, annotators, models = AgreementCounts(), set[str](), set[str]()
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
            given = _given(bucket, kept, names)
            sentences.add(kept)
            released_votes.add(given)
            models.update(kept["model"].unique().to_pylist())
            annotators.update(given["annotator"].unique().to_pylist())
            as_votes = given.filter(pc.field("purpose") == Purpose.LABEL.value)
            agreement.add(kept.rename_columns({"text": "caption"}), as_votes)
    if not models:
        raise NoLabelsError(
            "No selected sentence has a label that can be released.",
            "Run 'alignbench pull' and 'alignbench label', or lower [labels] minimum_votes.",
        )
    return Labelled(
        sentences, released_votes, sorted(models), annotators, agreement, LeftOut(**left)
    )


def _labelled(sentences: pa.Table, labels: pa.Table) -> pa.Table:
    ids = labels["sentence_id"].combine_chunks()
    return sentences.filter(pc.is_in(sentences["sentence_id"], value_set=ids))


def _with_labels(bucket: SentenceBucket, labels: pa.Table) -> pa.Table:
    sentences = _labelled(bucket.sentences, labels)
    of_sentence = looked_up(sentences["sentence_id"], labels, "sentence_id")
    for name in _LABEL_COLUMNS[1:]:
        sentences = sentences.append_column(name, of_sentence[name])
    return sentences


def _given(bucket: SentenceBucket, sentences: pa.Table, names: Mapping[str, str]) -> pa.Table:
    """Returns the votes on sentences and their adjudications, under pseudonyms."""
    parts = []
    for chosen, purpose in (
        (bucket.votes, Purpose.LABEL), (bucket.adjudications, Purpose.ADJUDICATE),
    ):  # fmt: skip
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
    return rows.select(_VOTED_SCHEMA.names).cast(_VOTED_SCHEMA)
