"""imagine: an image is made from each prompt by each configured image generator.

What comes in: table `prompts`. What is done: the model is asked, with a seed derived from the
pair's key; what it makes is checked like any other image. What goes out, in this order: a blob, a
row of `images`, a row of `pairs`, direction `t2i`, whose text is the prompt.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.engine.behind import done_behind
from alignbench.engine.items import rows_of, scope_of
from alignbench.engine.matching import Stream, answered, in_batches, of_size
from alignbench.engine.report import StageReport
from alignbench.engine.running import run_stage
from alignbench.engine.stage import Failed, Limits, Made, Outcome, Stage
from alignbench.flows.generation.pairs import ImagineItem, image_pair
from alignbench.flows.intake.images import store_image
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.runs.samples import show_pairs
from alignbench.flows.runs.stage_flow import stage_flow
from alignbench.flows.selected.generators import (
    SelectedGenerator,
    load,
    register_generators,
    worker_gpus,
)
from alignbench.flows.selected.model_checks import unchecked_models
from alignbench.generators.image_checks import check_image
from alignbench.schemas import ids
from alignbench.schemas.columns import arrow_schema
from alignbench.schemas.fence import Fence
from alignbench.schemas.protocols import (
    GeneratedImage,
    ImageGenerator,
    ImageRequest,
    ItemFailure,
    StreamingImageGenerator,
)
from alignbench.schemas.rows.generation import Generator
from alignbench.schemas.spending import Budget
from alignbench.schemas.tables import IMAGES, PAIRS, PROMPTS, TableSpec
from alignbench.schemas.vocabulary import Direction, ImageType, StageName
from alignbench.workspace.workspace import Workspace


@stage_flow("imagine")
def imagine(
    workspace: str = ".",
    limit: int | None = None,
    retry: bool = False,
    budget: float | None = None,
    max_tokens: int | None = None,
) -> StageReport:
    """Makes images from the workspace's prompts with the configured image generators.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        limit: Most images to make in this run.
        retry: Take only those that failed before.
        budget: Most US dollars that all runs of the generating stages may spend together.
        max_tokens: Most tokens that they may send and receive together.
    """
    run = open_run(workspace)
    limits = Limits(limit, retry, Budget(budget, max_tokens))

    def make_stage(_: Fence) -> ImagineStage:
        generators = register_generators(run, Direction.T2I)
        stage = ImagineStage(run, generators)
        unchecked = unchecked_models(run.workspace.store, [each.row for each in generators])
        stage.notes = [*unchecked, *_without_generator(run)]
        return stage

    report = run_stage(StageName.IMAGINE, make_stage, run.context, limits)
    if report.made:
        show_pairs(run, Direction.T2I)
    return report


def _without_generator(run: Run) -> list[str]:
    if run.config.image_generators or not run.workspace.table(PROMPTS).count():
        return []
    return [
        "no image generator is configured: add an [[image_generators]] entry, and prompts get "
        "images"
    ]


class ImagineStage(Stage):
    """Items are (image generator, prompt, sample); the key is the pair's id."""

    name: ClassVar[StageName] = StageName.IMAGINE
    writes: ClassVar[Sequence[TableSpec[Any]]] = (IMAGES, PAIRS)
    mixes_scopes: ClassVar[bool] = False
    is_shareable = True

    def __init__(self, run: Run, generators: Sequence[SelectedGenerator]) -> None:
        self._workspace = run.workspace
        self._generators = {selected.row.generator_id: selected for selected in generators}

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:  # noqa: ARG002 - items are small
        """Yields every prompt with every image generator."""
        for generator_id, selected in self._generators.items():
            for prompts in self._workspace.table(PROMPTS).scan(["prompt_id", "text"]):
                for sample in range(selected.config.samples):
                    yield _items(prompts, generator_id, sample)

    def gpus(self, scope: str) -> float | None:
        """Returns how many GPUs an image generator needs."""
        return worker_gpus(self._generators[scope])

    def done(self) -> pa.Table:
        """Returns the images that have a pair."""
        columns = ["pair_id", "generator_id", "direction"]
        made = pc.field("direction") == Direction.T2I.value
        pairs = self._workspace.table(PAIRS).read(columns, made)
        return pairs.select(columns[:2]).rename_columns(["key", "scope"])

    def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
        """Makes images from prompts with one generator, in the batches that its model takes.

        Images are checked and stored by other threads while the model makes the next ones.
        """
        scope, items = scope_of(items)
        selected = self._generators[scope]
        stream = _stream(load(selected), selected.row.backend)
        asked = (
            (item, ImageRequest(item.text, ids.item_seed(item.key)))
            for item in rows_of(ImagineItem, items)
        )
        made = answered(asked, stream, selected.row.backend)

        def outcome(pair: tuple[ImagineItem, GeneratedImage | ItemFailure]) -> Outcome:
            return _outcome(self._workspace, *pair, selected.row)

        yield from done_behind(made, outcome)


def _stream(
    generator: ImageGenerator | StreamingImageGenerator, backend: str
) -> Stream[ImageRequest, GeneratedImage | ItemFailure]:
    if isinstance(generator, StreamingImageGenerator):
        return generator.generate_stream

    def generate_batch(batch: list[ImageRequest]) -> list[GeneratedImage | ItemFailure]:
        return generator.generate([r.prompt for r in batch], [r.seed for r in batch])

    return in_batches(of_size(generator.forward_batch), generate_batch, backend)


def _items(prompts: pa.Table, generator_id: str, sample: int) -> pa.Table:
    keys = ids.pair_ids(generator_id, prompts["prompt_id"].to_pylist(), sample)
    columns = {
        "key": pa.array(keys, pa.string()),
        "scope": pa.repeat(generator_id, len(keys)),
        "prompt_id": prompts["prompt_id"],
        "text": prompts["text"],
        "sample_index": pa.repeat(pa.scalar(sample, pa.int32()), len(keys)),
    }
    return pa.table(columns, schema=arrow_schema(ImagineItem))


def _outcome(
    workspace: Workspace,
    item: ImagineItem,
    answer: GeneratedImage | ItemFailure,
    generator: Generator,
) -> Outcome:
    if isinstance(answer, ItemFailure):
        return Failed(item.key, answer)
    checked = check_image(answer.data)
    if isinstance(checked, ItemFailure):
        return Failed(item.key, checked)
    image = store_image(workspace, checked, ImageType.SYNTHETIC)
    pair = image_pair(item, image.image_id, answer, generator)
    return Made(item.key, [image, pair])
