"""The selected sentences that have a label, and the votes on them, parted for writing."""

from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from release.answers import SENTENCE_COLUMNS, Answers, SentenceBucket
from release.buckets import Buckets, columns_of
from release.columns import VOTE_SCHEMA
from release.errors import NoLabelsError, StaleLabelsError
from release.joins import looked_up
from release.manifest import LeftOut
from schemas.rows import LabelSet
from schemas.tables import LABELS, SENTENCES
from workspace.workspace import Workspace

_LABEL_COLUMNS: Final = (
    "sentence_id", "verdict", "confidence", "n_correct", "n_incorrect", "n_unknown",
    "agreement_ratio", "fleiss_Pi", "error_type", "error_spans", "span_agreement", "adjudicated",
)  # fmt: skip
_LABELLED_SCHEMA: Final = pa.schema(
    [*columns_of(SENTENCES, SENTENCE_COLUMNS), *columns_of(LABELS, _LABEL_COLUMNS[1:])]
)


class Labelled(NamedTuple):
    """What is released of the answers.

    Attributes:
        sentences: Labelled sentences with the columns of their labels, parted by image.
        votes: The votes on them with `model`, parted by sentence.
        models: Models that have such sentences, sorted.
        annotators: Who voted on them.
        left_out: Selected sentences without a label.
    """

    sentences: Buckets
    votes: Buckets
    models: list[str]
    annotators: set[str]
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


def labelled(workspace: Workspace, answers: Answers, set_id: str, folder: Path) -> Labelled:
    """Joins the selected sentences with their labels.

    Args:
        workspace: Where the labels are.
        answers: Sentences and votes.
        set_id: Which labels.
        folder: Where buckets go; the caller removes it.

    Raises:
        NoLabelsError: No selected sentence has a label.
    """
    labels = Buckets(folder, "labels", "sentence_id", columns_of(LABELS, _LABEL_COLUMNS))
    with labels:
        needed = ["label_set_id", *_LABEL_COLUMNS]
        for batch in workspace.table(LABELS).scan(needed, pc.field("label_set_id") == set_id):
            labels.add(batch.select(list(_LABEL_COLUMNS)))
    found = Labelled(
        Buckets(folder, "labelled", "image_id", _LABELLED_SCHEMA),
        Buckets(folder, "released-votes", "sentence_id", VOTE_SCHEMA),
        [],
        set(),
        LeftOut(unanswered=0, below_minimum_votes=0),
    )
    models: set[str] = set()
    unanswered = below = 0
    with found.sentences, found.votes:
        for bucket in answers:
            kept, votes = _with_labels(bucket, labels.read(bucket.number))
            found.sentences.add(kept)
            found.votes.add(votes)
            models.update(kept["model"].unique().to_pylist())
            found.annotators.update(votes["annotator"].unique().to_pylist())
            answered = len(bucket.votes["sentence_id"].unique())
            unanswered += len(bucket.sentences) - answered
            below += answered - len(kept)
    if not models:
        raise NoLabelsError(
            f"No selected sentence of {workspace.url} has a label.",
            "Run 'alignbench pull' and 'alignbench label', or lower [labels] minimum_votes.",
        )
    left_out = LeftOut(unanswered=unanswered, below_minimum_votes=below)
    return found._replace(models=sorted(models), left_out=left_out)


def _with_labels(bucket: SentenceBucket, labels: pa.Table) -> tuple[pa.Table, pa.Table]:
    ids = labels["sentence_id"].combine_chunks()
    sentences = bucket.sentences.filter(pc.is_in(bucket.sentences["sentence_id"], value_set=ids))
    of_sentence = looked_up(sentences["sentence_id"], labels, "sentence_id")
    for name in _LABEL_COLUMNS[1:]:
        sentences = sentences.append_column(name, of_sentence[name])
    votes = bucket.votes.filter(pc.is_in(bucket.votes["sentence_id"], value_set=ids))
    model = looked_up(votes["sentence_id"], sentences, "sentence_id")["model"]
    votes = votes.append_column("model", model).select(VOTE_SCHEMA.names)
    return sentences, votes.cast(VOTE_SCHEMA)
