"""Precomputed captions: a file that says which model wrote what about which image."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal

from alignbench.generators.sources.caption_columns import Caption
from alignbench.generators.sources.image_facts import (
    FACT_COLUMNS,
    FolderFacts,
    ImageFactOptions,
    ImageFacts,
    own_facts,
    read_folder_facts,
)
from alignbench.generators.sources.paths import (
    canonical_name,
    configured_folder,
    configured_path,
    inside,
    read_image_file,
)
from alignbench.generators.sources.record_files import read_records
from alignbench.generators.sources.records import Record, source_items
from alignbench.generators.sources.table_text import TableFileOptions
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.plugins import SourceBase
from alignbench.schemas.protocols import ItemFailure, ItemFailureAt, SourceItem

_SHAREGPT_IMAGE: Final = "image"
_SHAREGPT_TURNS: Final = "conversations"


class CaptionsOptions(TableFileOptions, ImageFactOptions):
    """A file of captions and the folder of their images.

    Attributes:
        path: CSV, JSON Lines, JSON (an array, up to 256 MiB) or Parquet, an entry per caption.
        images: The folder that file names in it are relative to.
        format: `columns`, or `sharegpt` for entries as ShareGPT4V has them: `image`, and
            `conversations` whose one answer is the caption.
        image_column: Where the image's relative path is.
        caption_column: Where the caption is.
        model_column: Where the name of the model that wrote it is.
        model: If given, the model that wrote them all; `model_column` is not looked at.
        metadata: A file in the folder that describes its images (see
            `generators.sources.image_facts`).
    """

    path: str
    images: str
    format: Literal["columns", "sharegpt"] = "columns"
    image_column: str = "file_name"
    caption_column: str = "caption"
    model_column: str = "model"
    model: str | None = None
    metadata: str | None = None


class CaptionsSource(SourceBase[CaptionsOptions]):
    """Images with captions; a locator is `<path of the image>#<model>@<hash of the caption>`.

    An image with captions of several models is offered once for each. Captions are cleaned here as
    generated text is (`schemas.text`), because table `origins` has to hold them. An item's
    `image_name` is its path relative to the folder, by which `read` finds the file.
    """

    def load(self) -> None:
        """Finds the files; raises `InputFileError` where they are missing."""
        self._path = configured_path(self.options.path, self.surroundings)
        self._images = configured_folder(self.options.images, self.surroundings)

    def items(self) -> Iterator[SourceItem | ItemFailureAt]:
        """Yields an item per caption, and a failure for each entry that is not one."""
        facts = read_folder_facts(self._images, self.options.metadata)
        yield from facts.failures
        required = self._required_columns()
        records = read_records(
            self._path,
            columns=(*required, *FACT_COLUMNS),
            required=required,
            layout=self.options.layout,
        )
        yield from source_items(records, lambda record: self._item(record, facts))

    def read(self, items: Sequence[SourceItem]) -> list[bytes | ItemFailure]:
        """Returns the bytes of the images."""
        return [read_image_file(self._images, item.image_name) for item in items]

    def _required_columns(self) -> tuple[str, ...]:
        options = self.options
        model = () if options.model is not None else (options.model_column,)
        if options.format == "sharegpt":
            return (_SHAREGPT_IMAGE, _SHAREGPT_TURNS, *model)
        return (options.image_column, options.caption_column, *model)

    def _item(self, record: Record, folder: FolderFacts) -> SourceItem:
        options = self.options
        if options.format == "sharegpt":
            name, text = record.required_text(_SHAREGPT_IMAGE), _only_answer(record)
        else:
            name = record.required_text(options.image_column)
            text = record.required_text(options.caption_column, may_be_empty=True)
        inside(self._images, name)
        name = canonical_name(name)
        model = options.model or record.required_text(options.model_column)
        of_file = folder.by_name.get(name, ImageFacts())
        facts = own_facts(record).otherwise(of_file).otherwise(options.facts)
        caption = Caption(text, model)
        return facts.item(caption.locator(name), name, caption)


def _only_answer(record: Record) -> str:
    turns = record.values.get(_SHAREGPT_TURNS)
    if not isinstance(turns, list):
        raise record.wrong(_SHAREGPT_TURNS, "a list of turns", turns)
    answers = [turn for turn in turns if isinstance(turn, dict) and turn.get("from") == "gpt"]
    if len(answers) != 1:
        raise ItemError(
            ItemCode.ENTRY_INVALID.failure(
                f"{record.place} is a conversation with {len(answers)} answers; "
                "a caption is the one answer to one request."
            )
        )
    return Record(record.place, answers[0]).required_text("value", may_be_empty=True)
