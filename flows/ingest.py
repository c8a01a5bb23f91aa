"""ingest: images come in from the configured sources.

What comes in: folders, tables of URLs, Parquet files with images, sets of captioned images.
What is done: every image is read and decoded once, normalised only where it must be, and stored by
its content. What goes out: a blob, a row in `images`, and a row in `origins` for each place that it
was found in.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pyarrow as pa

from alignbench.flows.answers import matched
from alignbench.flows.commit import Failed, Made, Outcome
from alignbench.flows.images import store_image
from alignbench.flows.orchestration import stage_flow
from alignbench.flows.report import StageReport
from alignbench.flows.run import Run, open_run
from alignbench.flows.samples import show_images
from alignbench.flows.stage import Limits, run_stage
from alignbench.generators.image_checks import check_image
from alignbench.schemas import ids
from alignbench.schemas.columns import Bool, Str, from_batch, to_batch
from alignbench.schemas.protocols import ItemFailure, ItemFailureAt, Source, SourceItem
from alignbench.schemas.registry import Group, find
from alignbench.schemas.rows import Origin
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
    report = run_stage(IngestStage(run), run, Limits(limit, retry))
    if report.made:
        show_images(run, ImageType.REAL)
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One entry of a source's listing, as the engine hands it on."""

    key: Str
    scope: Str
    locator: Str
    image_name: Str = ""
    image_url: Str | None = None
    license: Str | None = None
    redistributable: Bool | None = None
    domain: Str | None = None
    caption: Str | None = None
    caption_model: Str | None = None
    failure_code: Str | None = None
    failure_message: Str | None = None


class IngestStage:
    """Items are entries of the sources' listings; the key is the origin's id."""

    name: ClassVar[StageName] = StageName.INGEST
    writes: ClassVar[Sequence[TableSpec[Any]]] = (IMAGES, ORIGINS)
    mixes_scopes: ClassVar[bool] = False

    def __init__(self, run: Run) -> None:
        self._workspace = run.workspace
        self._sources: dict[str, Source] = {
            config.name: find(Group.SOURCES, config.kind)(
                config.options(), run.surroundings(config.name)
            )
            for config in run.config.sources
        }

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:  # noqa: ARG002 - a listing has no more
        """Yields what the sources offer."""
        for name, source in self._sources.items():
            for entries in _chunks(source.items(), _LISTED_AT_ONCE):
                offers = [_offer(name, entry) for entry in entries]
                yield pa.Table.from_batches([to_batch(Offer, offers)])

    def done(self) -> pa.Table:
        """Returns the origins that have a row."""
        origins = self._workspace.table(ORIGINS).read(["origin_id", "source"])
        return origins.rename_columns(["key", "scope"])

    def work(self, items: pa.Table) -> Iterator[Outcome]:
        """Reads, checks and stores images of one source, a few at a time."""
        for start in range(0, len(items), _READ_AT_ONCE):
            offers = list(from_batch(Offer, items.slice(start, _READ_AT_ONCE)))
            good = [offer for offer in offers if offer.failure_code is None]
            yield from (_refused(offer) for offer in offers if offer.failure_code is not None)
            wanted = [_source_item(offer) for offer in good]
            contents = self._sources[offers[0].scope].read(wanted)
            for offer, content in matched(good, contents, offers[0].scope):
                yield _stored(self._workspace, offer, content)


def _refused(offer: Offer) -> Failed:
    failure = ItemFailure(str(offer.failure_code), str(offer.failure_message))
    return Failed(offer.key, _naming(offer, failure))


def _naming(offer: Offer, failure: ItemFailure) -> ItemFailure:
    """Returns the failure with the item's name in it: no row tells what its key stands for."""
    if offer.locator in failure.message:
        return failure
    return replace(failure, message=f"{offer.image_name or offer.locator}: {failure.message}")


def _stored(workspace: Workspace, offer: Offer, content: bytes | ItemFailure) -> Outcome:
    checked = content if isinstance(content, ItemFailure) else check_image(content)
    if isinstance(checked, ItemFailure):
        return Failed(offer.key, _naming(offer, checked))
    image = store_image(workspace, checked, ImageType.REAL)
    return Made(offer.key, [image, _origin(offer, image.image_id)])


def _offer(source: str, entry: SourceItem | ItemFailureAt) -> Offer:
    key = ids.origin_id(source, entry.locator)
    if isinstance(entry, ItemFailureAt):
        return Offer(
            key=key,
            scope=source,
            locator=entry.locator,
            failure_code=entry.failure.code,
            failure_message=entry.failure.message,
        )
    return Offer(
        key=key,
        scope=source,
        locator=entry.locator,
        image_name=entry.image_name,
        image_url=entry.image_url,
        license=entry.license,
        redistributable=entry.redistributable,
        domain=entry.domain,
        caption=entry.caption,
        caption_model=entry.caption_model,
    )


def _source_item(offer: Offer) -> SourceItem:
    return SourceItem(
        locator=offer.locator,
        image_name=offer.image_name,
        image_url=offer.image_url,
        license=offer.license,
        redistributable=offer.redistributable,
        domain=offer.domain,
        caption=offer.caption,
        caption_model=offer.caption_model,
    )


def _origin(offer: Offer, image_id: str) -> Origin:
    return Origin(
        origin_id=offer.key,
        image_id=image_id,
        source=offer.scope,
        locator=offer.locator,
        image_name=offer.image_name,
        image_url=offer.image_url,
        license=offer.license,
        redistributable=offer.redistributable,
        domain=offer.domain,
        caption=offer.caption,
        caption_model=offer.caption_model,
    )


def _chunks(
    entries: Iterable[SourceItem | ItemFailureAt], size: int
) -> Iterator[list[SourceItem | ItemFailureAt]]:
    chunk: list[SourceItem | ItemFailureAt] = []
    for entry in entries:
        chunk.append(entry)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
