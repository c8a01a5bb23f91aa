"""Selected sentences in the order in which annotators get them.

Sentences of one image come one after another, so that an annotator looks at it once. Image ids are
hashes, so what is parted by ranges of them comes in even parts: a large workspace is read once and
parted onto local disk, and each part is sorted in memory, whatever order the tables have.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.schemas.columns import arrow_schema
from alignbench.schemas.rows.generation import Sentence
from alignbench.schemas.tables import IMAGES, PAIRS, SENTENCES, TableSpec
from alignbench.workspace.selection import Selection
from alignbench.workspace.tables.buckets import Buckets, columns_of
from alignbench.workspace.workspace import Workspace

RANGE_SENTENCES = 50_000
"""About how many sentences are held at once."""
CONTEXT_CHARACTERS = 2000
"""How much of the caption is shown before and after a sentence."""
KEY_COLUMNS = (
    "sentence_id", "generator_id", "splitter_id", "image_id", "pair_id", "sentence_index",
)  # fmt: skip

_CUT = ("pair_id", "splitter_id")
_FILTERED = ("sentence_id", "generator_id", "splitter_id", "image_id")
_ORDER = [(name, "ascending") for name in ("image_id", "pair_id", "sentence_index")]
_ELLIPSIS = "…"


def ordered_sentences(
    workspace: Workspace,
    which: Selection | pc.Expression,
    keys_only: bool = False,
    range_sentences: int = RANGE_SENTENCES,
) -> Iterator[pa.Table]:
    """Yields sentences by image, pair and index.

    Args:
        workspace: Where they are.
        which: Which of them: those that are selected, or what a filter lets through.
        keys_only: Yield `KEY_COLUMNS` only.
        range_sentences: About how many sentences are held at once.

    Yields:
        Tables with all columns of `Sentence`, and with `before` and `after` (the caption around the
        sentence, at most `CONTEXT_CHARACTERS` each), `sentence_count` (of its pair) and `blob` (key
        of its image, null if table `images` does not have it).
    """
    columns = KEY_COLUMNS if keys_only else tuple(arrow_schema(Sentence).names)
    with tempfile.TemporaryDirectory(prefix="alignbench-order-") as folder:
        parted = _Parted(workspace, Path(folder))
        sentences = parted.by_image(SENTENCES, columns, _filter(which), _FILTERED)
        surroundings = None
        if not keys_only:
            surroundings = _Surroundings(parted, _images_of_few(sentences, range_sentences))
        for numbers in _ranges(sentences, range_sentences):
            rows = _together(sentences, numbers).sort_by(_ORDER)
            yield rows if surroundings is None else surroundings.added_to(rows, numbers)


def unordered_keys(workspace: Workspace, which: Selection | pc.Expression) -> Iterator[pa.Table]:
    """Yields `KEY_COLUMNS` of the same sentences as they come, for what only counts them."""
    needed = list(dict.fromkeys([*KEY_COLUMNS, *_FILTERED]))
    for batch in workspace.table(SENTENCES).scan(needed, _filter(which)):
        yield batch.select(list(KEY_COLUMNS))


def _filter(which: Selection | pc.Expression) -> pc.Expression:
    return which.sentences() if isinstance(which, Selection) else which


class _Parted:
    """Columns of tables, parted by image."""

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self._workspace, self._folder = workspace, folder

    def by_image(
        self,
        spec: "TableSpec[Any]",
        columns: Sequence[str],
        where: pc.Expression | None = None,
        filter_columns: Sequence[str] = (),
    ) -> Buckets:
        """Returns some columns of a table's rows."""
        name = f"{spec.name}-{len(columns)}"
        buckets = Buckets(self._folder, name, "image_id", columns_of(spec, columns))
        with buckets:
            needed = list(dict.fromkeys([*columns, *filter_columns]))
            for batch in self._workspace.table(spec).scan(needed, where):
                buckets.add(batch.select(list(columns)))
        return buckets


def _ranges(buckets: Buckets, rows: int) -> Iterator[list[int]]:
    """Yields the numbers of buckets, in order, so many at once that they have about those rows."""
    together: list[int] = []
    held = 0
    for number in buckets.numbers():
        if together and held + buckets.row_count(number) > rows:
            yield together
            together, held = [], 0
        together.append(number)
        held += buckets.row_count(number)
    if together:
        yield together


def _together(buckets: Buckets, numbers: Sequence[int]) -> pa.Table:
    return pa.concat_tables([buckets.read(number) for number in numbers])


def _images_of_few(sentences: Buckets, few: int) -> pc.Expression | None:
    """Returns the filter for the images of sentences, if there are but few; None for all images."""
    numbers = sentences.numbers()
    if sum(map(sentences.row_count, numbers)) > few:
        return None
    images = [pc.unique(sentences.read(number)["image_id"]) for number in numbers]
    return pc.field("image_id").isin(pa.chunked_array(images, pa.string()).combine_chunks())


class _Surroundings:
    """What a task shows of a sentence beside the sentence itself."""

    def __init__(self, parted: _Parted, within: pc.Expression | None) -> None:
        self._cut = parted.by_image(SENTENCES, ("image_id", *_CUT), within)
        self._blobs = parted.by_image(IMAGES, ("image_id", "blob"), within)
        self._pairs = parted.by_image(PAIRS, ("image_id", "pair_id", "text"), within)

    def added_to(self, sentences: pa.Table, numbers: Sequence[int]) -> pa.Table:
        """Returns sentences of some buckets with the further columns."""
        count_of = _counts(_together(self._cut, numbers))
        blobs = _together(self._blobs, numbers)
        blob_of = dict(zip(blobs["image_id"].to_pylist(), blobs["blob"].to_pylist(), strict=True))
        before, after = _contexts(sentences, (self._pairs.read(number) for number in numbers))
        images = sentences["image_id"].to_pylist()
        pairs = zip(*(sentences[name].to_pylist() for name in _CUT), strict=True)
        further = {
            "before": pa.array(before, pa.string()),
            "after": pa.array(after, pa.string()),
            "sentence_count": pa.array([count_of[pair] for pair in pairs], pa.int32()),
            "blob": pa.array([blob_of.get(image) for image in images], pa.string()),
        }
        for name, column in further.items():
            sentences = sentences.append_column(name, column)
        return sentences


def _counts(cut: pa.Table) -> dict[tuple[str, str], int]:
    """Returns how many sentences a splitter cut each pair into, wanted here or not."""
    counts = cut.group_by(list(_CUT)).aggregate([([], "count_all")])
    columns = (counts[name].to_pylist() for name in (*_CUT, "count_all"))
    return {(pair, splitter): count for pair, splitter, count in zip(*columns, strict=True)}


def _contexts(sentences: pa.Table, pairs: Iterator[pa.Table]) -> tuple[list[str], list[str]]:
    """Gives what stands before and after each sentence."""
    rows_of: dict[str, list[tuple[int, int, int]]] = {}
    places = zip(
        *(sentences[name].to_pylist() for name in ("pair_id", "start", "end")), strict=True
    )
    for row, (pair, start, end) in enumerate(places):
        rows_of.setdefault(pair, []).append((row, start, end))
    before, after = [""] * len(sentences), [""] * len(sentences)
    for batch in pairs:
        wanted = batch.filter(pc.is_in(batch["pair_id"], pa.array(rows_of, pa.string())))
        for pair, caption in zip(wanted["pair_id"], wanted["text"], strict=True):
            text = caption.as_py()
            for row, start, end in rows_of[pair.as_py()]:
                before[row], after[row] = caption_before(text, start), caption_after(text, end)
    return before, after


def caption_before(caption: str, start: int) -> str:
    """Returns the caption up to a sentence; of a long one, whole words of its end."""
    if start <= CONTEXT_CHARACTERS:
        return caption[:start]
    return _ELLIPSIS + caption[start - CONTEXT_CHARACTERS : start].partition(" ")[2]


def caption_after(caption: str, end: int) -> str:
    """Returns the caption from a sentence's end on; of a long one, whole words of its start."""
    if len(caption) - end <= CONTEXT_CHARACTERS:
        return caption[end:]
    return caption[end : end + CONTEXT_CHARACTERS].rpartition(" ")[0] + _ELLIPSIS
