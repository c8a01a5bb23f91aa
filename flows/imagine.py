"""imagine: an image is made from each prompt by each configured image generator.

What comes in: table `prompts`. What is done: the model is asked, with a seed derived from the
pair's key; what it makes is checked like any other image. What goes out, in this order: a blob, a
row of `images`, a row of `pairs`, direction `t2i`, whose text is the prompt.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.flows.answers import Stream, answered, in_batches
from alignbench.flows.commit import Failed, Made, Outcome
from alignbench.flows.generators import SelectedGenerator, load, register_generators
from alignbench.flows.images import store_image
from alignbench.flows.orchestration import stage_flow
from alignbench.flows.pairs import image_pair
from alignbench.flows.report import StageReport
from alignbench.flows.run import Run, open_run
from alignbench.flows.samples import show_pairs
from alignbench.flows.stage import Limits, run_stage
from alignbench.generators.image_checks import check_image
from alignbench.schemas import ids
from alignbench.schemas.columns import Int, Str, from_batch, to_batch
from alignbench.schemas.protocols import (
    GeneratedImage,
    ImageGenerator,
    ImageRequest,
    ItemFailure,
    StreamingImageGenerator,
)
from alignbench.schemas.rows import Generator, Prompt
from alignbench.schemas.tables import IMAGES, PAIRS, PROMPTS, TableSpec
from alignbench.schemas.vocabulary import Direction, ImageType, StageName
from alignbench.workspace.workspace import Workspace

_READ_ITEMS = 256


@stage_flow("imagine")
def imagine(workspace: str = ".", limit: int | None = None, retry: bool = False) -> StageReport:
    """Makes images from the workspace's prompts with the configured image generators.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        limit: Most images to make in this run.
        retry: Take only those that failed before.
    """
    run = open_run(workspace)
    stage = ImagineStage(run, ())
    report = run_stage(stage, run, Limits(limit, retry), first=stage.register)
    if report.made:
        show_pairs(run, Direction.T2I)
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagineItem:
    """One image to be made; `key` is the pair's id, `scope` the generator's."""

    key: Str
    scope: Str
    prompt_id: Str
    text: Str
    sample_index: Int


class ImagineStage:
    """Items are (image generator, prompt, sample); the key is the pair's id."""

    name: ClassVar[StageName] = StageName.IMAGINE
    writes: ClassVar[Sequence[TableSpec[Any]]] = (IMAGES, PAIRS)
    mixes_scopes: ClassVar[bool] = False

    def __init__(self, run: Run, generators: Sequence[SelectedGenerator]) -> None:
        self._run = run
        self._workspace = run.workspace
        self._generators = {selected.row.generator_id: selected for selected in generators}

    def register(self) -> list[str]:
        """Gives each configured image generator its row; the stage's lock must be held."""
        generators = register_generators(self._run, Direction.T2I)
        self._generators = {selected.row.generator_id: selected for selected in generators}
        return []

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:  # noqa: ARG002 - items are small
        """Yields every prompt with every image generator."""
        for generator_id, selected in self._generators.items():
            for prompts in self._workspace.table(PROMPTS).scan(["prompt_id", "text"]):
                for sample in range(selected.config.samples):
                    yield _items(prompts, generator_id, sample)

    def done(self) -> pa.Table:
        """Returns the images that have a pair."""
        columns = ["pair_id", "generator_id", "direction"]
        made = pc.field("direction") == Direction.T2I.value
        pairs = self._workspace.table(PAIRS).read(columns, made)
        return pairs.select(columns[:2]).rename_columns(["key", "scope"])

    def work(self, items: pa.Table) -> Iterator[Outcome]:
        """Makes images from prompts with one generator, in the batches that its model takes."""
        selected = self._generators[items["scope"][0].as_py()]
        stream = _stream(load(selected), selected.row.backend)
        asked = (
            (item, ImageRequest(item.text, ids.item_seed(item.key)))
            for start in range(0, len(items), _READ_ITEMS)
            for item in from_batch(ImagineItem, items.slice(start, _READ_ITEMS))
        )
        for item, answer in answered(asked, stream, selected.row.backend):
            yield _outcome(self._workspace, item, answer, selected.row)


def _stream(
    generator: ImageGenerator | StreamingImageGenerator, backend: str
) -> Stream[ImageRequest, GeneratedImage | ItemFailure]:
    if isinstance(generator, StreamingImageGenerator):
        return generator.generate_stream

    def generate_batch(batch: list[ImageRequest]) -> list[GeneratedImage | ItemFailure]:
        return generator.generate([r.prompt for r in batch], [r.seed for r in batch])

    return in_batches(generator.forward_batch, generate_batch, backend)


def _items(prompts: pa.Table, generator_id: str, sample: int) -> pa.Table:
    items = [
        ImagineItem(
            key=ids.pair_id(generator_id, prompt_id, sample),
            scope=generator_id,
            prompt_id=prompt_id,
            text=text,
            sample_index=sample,
        )
        for prompt_id, text in zip(
            prompts["prompt_id"].to_pylist(), prompts["text"].to_pylist(), strict=True
        )
    ]
    return pa.Table.from_batches([to_batch(ImagineItem, items)])


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
    prompt = Prompt(prompt_id=item.prompt_id, text=item.text, origin="")
    pair = image_pair(item.key, image.image_id, item.sample_index, prompt, answer, generator)
    return Made(item.key, [image, pair])
