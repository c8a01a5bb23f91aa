"""caption: a caption is written for each image by each configured captioner.

What comes in: the images of the sources that a captioner is given, or, for a captioner that only
passes on what exists, the captions that came with them. What is done: the model is asked; a seed
derived from the pair's key goes along. What goes out: rows of `pairs`, direction `i2t`.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.engine.items import rows_of, scope_of
from alignbench.engine.matching import Stream, answered, in_batches, of_size
from alignbench.engine.report import StageReport
from alignbench.engine.running import run_stage
from alignbench.engine.stage import Failed, Limits, Made, Outcome, Stage
from alignbench.flows.generation.caption_inputs import given_captions, images_to_caption
from alignbench.flows.generation.pairs import CaptionItem, caption_pair
from alignbench.flows.generation.untaken_captions import untaken_captions
from alignbench.flows.runs.errors import EMPTY_CAPTION
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.runs.samples import show_pairs
from alignbench.flows.runs.stage_flow import stage_flow
from alignbench.flows.selected.generators import (
    SelectedGenerator,
    load,
    reads_pixels,
    register_generators,
    worker_gpus,
)
from alignbench.flows.selected.model_checks import unchecked_models
from alignbench.schemas import ids
from alignbench.schemas.fence import Fence
from alignbench.schemas.protocols import (
    Captioner,
    CaptionInput,
    CaptionRequest,
    Generation,
    ItemFailure,
    StreamingCaptioner,
)
from alignbench.schemas.rows.generation import Generator
from alignbench.schemas.spending import Budget
from alignbench.schemas.tables import IMAGES, PAIRS, TableSpec
from alignbench.schemas.text import clean_text
from alignbench.schemas.vocabulary import Direction, FailureKind, ImageType, StageName
from alignbench.workspace.errors import ObjectNotFoundError


@stage_flow("caption")
def caption(
    workspace: str = ".",
    limit: int | None = None,
    retry: bool = False,
    budget: float | None = None,
    max_tokens: int | None = None,
) -> StageReport:
    """Writes captions for the workspace's images with the configured captioners.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        limit: Most captions to write in this run.
        retry: Take only those that failed before.
        budget: Most US dollars that all runs of the generating stages may spend together.
        max_tokens: Most tokens that they may send and receive together.
    """
    run = open_run(workspace)
    limits = Limits(limit, retry, Budget(budget, max_tokens))

    def make_stage(_: Fence) -> CaptionStage:
        captioners = register_generators(run, Direction.I2T)
        stage = CaptionStage(run, captioners)
        unchecked = unchecked_models(run.workspace.store, [each.row for each in captioners])
        stage.notes = [*unchecked, *_without_captioner(run), *map(str, untaken_captions(run))]
        return stage

    report = run_stage(StageName.CAPTION, make_stage, run.context, limits)
    if report.made:
        show_pairs(run, Direction.I2T)
    return report


def _without_captioner(run: Run) -> list[str]:
    real = pc.field("image_type") == ImageType.REAL.value
    images = run.workspace.table(IMAGES)
    if run.config.captioners or not any(len(rows) for rows in images.scan(["image_type"], real)):
        return []
    return ["no captioner is configured: add a [[captioners]] entry, and images get captions"]


class CaptionStage(Stage):
    """Items are (captioner, image, sample); the key is the pair's id."""

    name: ClassVar[StageName] = StageName.CAPTION
    writes: ClassVar[Sequence[TableSpec[Any]]] = (PAIRS,)
    mixes_scopes: ClassVar[bool] = False
    is_shareable = True

    def __init__(self, run: Run, captioners: Sequence[SelectedGenerator]) -> None:
        self._workspace = run.workspace
        self._all_sources = tuple(source.name for source in run.config.sources)
        self._captioners = {selected.row.generator_id: selected for selected in captioners}

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:  # noqa: ARG002 - items are small
        """Yields every image that a captioner is to write for, with that captioner."""
        for generator_id, selected in self._captioners.items():
            chosen = selected.config.sources
            sources = self._all_sources if chosen is None else chosen
            if reads_pixels(selected):
                samples = selected.config.samples
                yield from images_to_caption(self._workspace, sources, generator_id, samples)
            else:
                model = selected.row.repo
                yield from given_captions(self._workspace, sources, generator_id, model)

    def gpus(self, scope: str) -> float | None:
        """Returns how many GPUs a captioner needs."""
        return worker_gpus(self._captioners[scope])

    def done(self) -> pa.Table:
        """Returns the captions that have a row."""
        columns = ["pair_id", "generator_id", "direction"]
        captions = pc.field("direction") == Direction.I2T.value
        pairs = self._workspace.table(PAIRS).read(columns, captions)
        return pairs.select(columns[:2]).rename_columns(["key", "scope"])

    def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
        """Writes captions for images of one captioner, in the batches that its model takes."""
        scope, items = scope_of(items)
        selected = self._captioners[scope]
        captioner = load(selected)
        asked = self._requests(items, captioner.reads_pixels)
        stream = _stream(captioner, selected.row)
        for item, answer in answered(asked, stream, selected.row.backend):
            yield _outcome(item, answer, selected.row)

    def _requests(
        self, items: Iterator[pa.Table], with_pixels: bool
    ) -> Iterator[tuple[CaptionItem, CaptionRequest | ItemFailure]]:
        """Yields what is asked, reading an image only when it is its turn."""
        for item in rows_of(CaptionItem, items):
            image = self._caption_input(item, with_pixels)
            if isinstance(image, ItemFailure):
                yield item, image
            else:
                yield item, CaptionRequest(image, ids.item_seed(item.key))

    def _caption_input(self, item: CaptionItem, with_pixels: bool) -> CaptionInput | ItemFailure:
        if not with_pixels or item.blob is None:
            return CaptionInput(item.image_id, b"", item.caption)
        try:
            return CaptionInput(item.image_id, self._workspace.store.read(item.blob), item.caption)
        except ObjectNotFoundError as error:
            return ItemFailure(error.code, f"{error.what} Restore it from a backup.")


def _stream(
    captioner: Captioner | StreamingCaptioner, generator: Generator
) -> Stream[CaptionRequest, Generation | ItemFailure]:
    instruction = generator.instruction
    if isinstance(captioner, StreamingCaptioner):
        return lambda requests: captioner.caption_stream(requests, instruction)

    def caption_batch(batch: list[CaptionRequest]) -> list[Generation | ItemFailure]:
        images, seeds = [r.image for r in batch], [r.seed for r in batch]
        return captioner.caption(images, instruction, seeds)

    return in_batches(of_size(captioner.forward_batch), caption_batch, generator.backend)


def _outcome(item: CaptionItem, answer: Generation | ItemFailure, generator: Generator) -> Outcome:
    if isinstance(answer, ItemFailure):
        return Failed(item.key, answer)
    cleaned = clean_text(answer.text)
    if not cleaned.text.strip():
        return Failed(item.key, ItemFailure(EMPTY_CAPTION, "No text.", FailureKind.EMPTY))
    return Made(item.key, [caption_pair(item, cleaned, answer, generator)])
