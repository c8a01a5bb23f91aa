"""Selected sentences in the order in which annotators get them.

Sentences of one image come one after another, so that an annotator looks at it once. Image ids are
hashes, so cutting their range evenly cuts the sentences evenly: each range is sorted in memory and
the ranges follow one another, whatever order the parts of the tables have.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.schemas.columns import arrow_schema
from alignbench.schemas.rows import Sentence
from alignbench.schemas.tables import IMAGES, PAIRS, SENTENCES
from alignbench.workspace.selection import Selection
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
_DIGITS = 8
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
    where = which.sentences() if isinstance(which, Selection) else which
    for within in _image_ranges(_count(workspace, where), range_sentences):
        sentences = _sorted_range(workspace, where & within, columns)
        if len(sentences):
            yield sentences if keys_only else _with_surroundings(workspace, sentences, within)


def _count(workspace: Workspace, where: pc.Expression) -> int:
    scan = workspace.table(SENTENCES).scan(list(_FILTERED), where)
    return sum(len(batch) for batch in scan)


def _image_ranges(sentences: int, at_once: int) -> Iterator[pc.Expression]:
    """Yields filters on `image_id` that together let every id through once, in order."""
    number = -(-sentences // at_once)
    bounds = [f"{16**_DIGITS * index // number:0{_DIGITS}x}" for index in range(1, number)]
    # Above every hexadecimal digit, so that the last range has no upper end.
    for low, high in zip(["", *bounds], [*bounds, "g"], strict=True):
        yield (pc.field("image_id") >= low) & (pc.field("image_id") < high)


def _sorted_range(workspace: Workspace, where: pc.Expression, columns: tuple[str, ...]) -> pa.Table:
    needed = list(dict.fromkeys([*columns, *_FILTERED]))
    return workspace.table(SENTENCES).read(needed, where).select(columns).sort_by(_ORDER)


def _with_surroundings(
    workspace: Workspace, sentences: pa.Table, within: pc.Expression
) -> pa.Table:
    count_of = _counts(workspace, sentences, within)
    blobs = workspace.table(IMAGES).read(["image_id", "blob"], within)
    blob_of = dict(zip(blobs["image_id"].to_pylist(), blobs["blob"].to_pylist(), strict=True))
    before, after = _contexts(workspace, sentences, within)
    images = sentences["image_id"].to_pylist()
    pairs = zip(*(sentences[name].to_pylist() for name in _CUT), strict=True)
    surroundings = {
        "before": pa.array(before, pa.string()),
        "after": pa.array(after, pa.string()),
        "sentence_count": pa.array([count_of[pair] for pair in pairs], pa.int32()),
        "blob": pa.array([blob_of.get(image) for image in images], pa.string()),
    }
    for name, column in surroundings.items():
        sentences = sentences.append_column(name, column)
    return sentences


def _counts(
    workspace: Workspace, sentences: pa.Table, within: pc.Expression
) -> dict[tuple[str, str], int]:
    """Returns how many sentences a splitter cut each pair into, wanted here or not."""
    where = within & pc.field("pair_id").isin(pc.unique(sentences["pair_id"]))
    every = workspace.table(SENTENCES).read(["image_id", *_CUT], where)
    counts = every.group_by(list(_CUT)).aggregate([([], "count_all")])
    columns = (counts[name].to_pylist() for name in (*_CUT, "count_all"))
    return {(pair, splitter): count for pair, splitter, count in zip(*columns, strict=True)}


def _contexts(
    workspace: Workspace, sentences: pa.Table, within: pc.Expression
) -> tuple[list[str], list[str]]:
    """Gives what stands before and after each sentence; captions are read batch by batch."""
    rows_of: dict[str, list[tuple[int, int, int]]] = {}
    places = zip(
        *(sentences[name].to_pylist() for name in ("pair_id", "start", "end")), strict=True
    )
    for row, (pair, start, end) in enumerate(places):
        rows_of.setdefault(pair, []).append((row, start, end))
    before, after = [""] * len(sentences), [""] * len(sentences)
    where = within & pc.field("pair_id").isin(pa.array(rows_of, pa.string()))
    for batch in workspace.table(PAIRS).scan(["image_id", "pair_id", "text"], where):
        for pair, caption in zip(batch["pair_id"], batch["text"], strict=True):
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
