"""ingest: images come in from the configured sources.

What comes in: folders, tables of URLs, Parquet files with images, sets of captioned images.
What is done: every image is read and decoded once, normalised only where it must be, and stored by
its content. What goes out: a blob, a row in `images`, and a row in `origins` for each place that it
was found in.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain, islice
from typing import Any, ClassVar

import pyarrow as pa

from alignbench.engine.items import rows_of, scope_of
from alignbench.engine.matching import matched
from alignbench.engine.report import StageReport
from alignbench.engine.running import run_stage
from alignbench.engine.stage import Failed, Limits, Made, Outcome, Stage
from alignbench.flows.generation.untaken_captions import untaken_captions
from alignbench.flows.intake.images import store_image
from alignbench.flows.intake.listed_keys import listed_keys
from alignbench.flows.intake.shared_pictures import shared_pictures
from alignbench.flows.runs.errors import SharedPictureError
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.runs.samples import show_images
from alignbench.flows.runs.sources import Sources
from alignbench.flows.runs.stage_flow import stage_flow
from alignbench.generators.image_checks import check_image
from alignbench.schemas import ids
from alignbench.schemas.columns import Str, to_batch
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import (
    ItemFailure,
    ItemFailureAt,
    NotingSource,
    Source,
    SourceItem,
)
from alignbench.schemas.registry import Group
from alignbench.schemas.rows.generation import Origin
from alignbench.schemas.tables import IMAGES, ORIGINS, TableSpec
from alignbench.schemas.vocabulary import ImageType, StageName
from alignbench.workspace.workspace import Workspace

_LISTED_AT_ONCE = 1024
_READ_AT_ONCE = 32


@stage_flow("ingest")
def ingest(workspace: str = ".", limit: int | None = None, retry: bool = False) -> StageReport:
    """Reads images from the configured sources into the workspace.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        limit: Most images to take in this run.
        retry: Take only those that failed before.
    """
    run = open_run(workspace)
    report = run_stage(
        StageName.INGEST, lambda _: IngestStage(run), run.context, Limits(limit, retry)
    )
    if report.made:
        show_images(run, ImageType.REAL)
        _check_shared_pictures(run, report)
    return report


def _check_shared_pictures(run: Run, report: StageReport) -> None:
    allowed = run.config.run.max_shared_picture_share
    for shared in shared_pictures(run.workspace):
        if shared.share > allowed:
            raise SharedPictureError(
                f"{shared}: more than {allowed:.1%}.",
                "Look at it; if it is a placeholder, run 'alignbench withdraw image "
                f"{shared.image_id}' and mend the list, else raise run.max_shared_picture_share.",
                [report],
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestItem(SourceItem):
    """An entry of a source's listing; one that cannot be read has why.

    Attributes:
        key: The origin's id.
        scope: The source's name.
        failure_code: Why the entry cannot be read, if it cannot.
        failure_message: The same in a sentence.
    """

    key: Str
    scope: Str
    failure_code: Str | None = None
    failure_message: Str | None = None


class IngestStage(Stage):
    """Items are entries of the sources' listings; the key is the origin's id."""

    name: ClassVar[StageName] = StageName.INGEST
    writes: ClassVar[Sequence[TableSpec[Any]]] = (IMAGES, ORIGINS)
    mixes_scopes: ClassVar[bool] = False

    def __init__(self, run: Run, *, may_be_gone: bool = False) -> None:
        """Opens the sources; to count, those may be gone whose images are here."""
        self._run = run
        self._workspace = run.workspace
        self._opted_out: Counter[str] = Counter()
        self._empty: set[str] = set()
        self.sources: Sources[Source] = Sources(
            run, Group.SOURCES, run.config.sources, may_be_gone=may_be_gone
        )

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:
        """Yields what the sources list."""
        for name, source in self.sources.by_name.items():
            self._empty.add(name)
            tables = self._keys(name, source) if keys_only else self._items(name, source)
            for table in self.sources.listed(name, tables):
                self._empty.discard(name)
                yield table

    def _items(self, name: str, source: Source) -> Iterator[pa.Table]:
        for keys, listed in _listed(name, source):
            entries_by_key = zip(keys, listed, strict=True)
            items = [_item(name, key, entry) for key, entry in entries_by_key]
            yield pa.Table.from_batches([to_batch(IngestItem, items)])

    def _keys(self, name: str, source: Source) -> Iterator[pa.Table]:
        def listing() -> Iterator[list[str]]:
            return (keys for keys, _ in _listed(name, source))

        for keys in listed_keys(self._workspace.store, name, source, listing):
            yield pa.table({"key": keys, "scope": pa.repeat(name, len(keys))})

    def done(self) -> pa.Table:
        """Returns the origins that have a row."""
        origins = self._workspace.table(ORIGINS).read(["origin_id", "source"])
        return origins.rename_columns(["key", "scope"])

    def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
        """Reads, checks and stores images of one source, a few at a time."""
        scope, items = scope_of(items)
        rows = rows_of(IngestItem, items)
        while batch := list(islice(rows, _READ_AT_ONCE)):
            readable = [item for item in batch if item.failure_code is None]
            yield from (_refused(item) for item in batch if item.failure_code is not None)
            contents = self.sources.by_name[scope].read(readable)
            for item, content in matched(readable, contents, scope):
                if isinstance(content, ItemFailure):
                    self._opted_out[scope] += content.code == ItemCode.OPTED_OUT
                yield _stored(self._workspace, item, content)

    def input_notes(self) -> Sequence[str]:
        """Returns what lists nothing, what was passed over, and what nothing will take."""
        empty = [
            f"{source}: it lists no image"
            for source in self.sources.by_name
            if source in self._empty
        ]
        listings = (
            source.notes()
            for source in self.sources.by_name.values()
            if isinstance(source, NotingSource)
        )
        reserved = [
            f"{source}: {count:,} images left, which their sites reserve from use by machines "
            "(respect_opt_outs = false takes them)"
            for source, count in self._opted_out.items()
            if count
        ]
        untaken = map(str, untaken_captions(self._run))
        return [*empty, *chain.from_iterable(listings), *reserved, *untaken]

    def closing_notes(self) -> Sequence[str]:
        """Returns the pictures that stand behind many URLs."""
        return [str(shared) for shared in shared_pictures(self._workspace)]


def _listed(
    name: str, source: Source
) -> Iterator[tuple[list[str], list[SourceItem | ItemFailureAt]]]:
    """Yields what a source lists, some entries at a time, with their keys."""
    entries = iter(source.items())
    while listed := list(islice(entries, _LISTED_AT_ONCE)):
        yield ids.origin_ids(name, (entry.locator for entry in listed)), listed


def _refused(item: IngestItem) -> Failed:
    failure = ItemFailure(str(item.failure_code), str(item.failure_message))
    return Failed(item.key, _naming(item, failure))


def _naming(item: IngestItem, failure: ItemFailure) -> ItemFailure:
    """Returns the failure with the item's name in it: no row tells what its key stands for."""
    if item.locator in failure.message:
        return failure
    return replace(failure, message=f"{item.image_name or item.locator}: {failure.message}")


def _stored(workspace: Workspace, item: IngestItem, content: bytes | ItemFailure) -> Outcome:
    checked = content if isinstance(content, ItemFailure) else check_image(content)
    if isinstance(checked, ItemFailure):
        return Failed(item.key, _naming(item, checked))
    image = store_image(workspace, checked, ImageType.REAL)
    facts = _facts(item)
    origin = Origin(origin_id=item.key, image_id=image.image_id, source=item.scope, **facts)
    return Made(item.key, [image, origin])


def _item(source: str, key: str, entry: SourceItem | ItemFailureAt) -> IngestItem:
    if isinstance(entry, SourceItem):
        return IngestItem(key=key, scope=source, **_facts(entry))
    return IngestItem(
        key=key,
        scope=source,
        locator=entry.locator,
        image_name="",
        failure_code=entry.failure.code,
        failure_message=entry.failure.message,
    )


def _facts(item: SourceItem) -> dict[str, Any]:
    """Returns what a source says of an image, by the names of its columns."""
    return {field.name: getattr(item, field.name) for field in fields(SourceItem)}
