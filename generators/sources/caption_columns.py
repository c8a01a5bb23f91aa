"""Captions that stand beside images in a file: their columns, and what they are known by."""

from typing import Final, NamedTuple, Self

from pydantic import model_validator

from alignbench.generators.sources.image_facts import ImageFactOptions
from alignbench.generators.sources.records import Record
from alignbench.schemas.ids import text_sha256

_HASH_DIGITS: Final = 16


class Caption(NamedTuple):
    """A caption and the model that wrote it."""

    text: str
    model: str

    def locator(self, image: str) -> str:
        """Returns what tells this caption of an image from its others."""
        return f"{image}#{self.model}@{text_sha256(self.text)[:_HASH_DIGITS]}"


class CaptionColumnOptions(ImageFactOptions):
    """Columns of a file that may have captions.

    Attributes:
        caption_column: Where a caption of the image is, if it has one.
        caption_model: The model that wrote the captions.
        model_column: Instead of `caption_model`, where the model that wrote each is.
    """

    caption_column: str | None = None
    caption_model: str | None = None
    model_column: str | None = None

    @model_validator(mode="after")
    def _check_model(self) -> Self:
        if self.caption_column and not (self.caption_model or self.model_column):
            raise ValueError("caption_column needs caption_model or model_column beside it")
        return self

    @property
    def caption_columns(self) -> tuple[str, ...]:
        """The columns that are asked for by name."""
        asked = (self.caption_column, self.model_column)
        return tuple(column for column in asked if column is not None)

    def caption_of(self, record: Record) -> Caption | None:
        """Returns the caption of a record; None if the file is said to have none.

        Raises:
            ItemError: A column has no value here, or one that is not text.
        """
        if self.caption_column is None:
            return None
        text = record.required_text(self.caption_column, may_be_empty=True)
        if self.model_column is not None:
            return Caption(text, record.required_text(self.model_column))
        return Caption(text, self.caption_model or "")
