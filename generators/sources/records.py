"""Entries of an input file, whatever its format, and how their values are read."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.protocols import ItemFailureAt, SourceItem
from alignbench.schemas.text import clean_text

_FLAGS: Final = {
    "true": True, "yes": True, "1": True,
    "false": False, "no": False, "0": False,
}  # fmt: skip


class Record(NamedTuple):
    """One entry of an input file.

    Attributes:
        place: File and line, element or row, as in `captions.jsonl:12`.
        values: Values by column name; a column may be absent.
    """

    place: str
    values: Mapping[str, object]

    def text(self, *columns: str) -> str | None:
        """Returns the text of the first of these columns that has one, cleaned; else None.

        Text is cleaned as soon as it is read because tables are UTF-8, which the lone surrogates
        that JSON can spell do not fit into.

        Raises:
            ItemError: The value is neither text nor a number.
        """
        for column in columns:
            value = self.values.get(column)
            if value is None or value == "":
                continue
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise self.wrong(column, "text", value)
            return clean_text(str(value)).text
        return None

    def required_text(self, column: str, *, may_be_empty: bool = False) -> str:
        """Returns the text of a column, cleaned.

        Raises:
            ItemError: There is none, or the value is not text.
        """
        value = self.values.get(column)
        if value is None or (value == "" and not may_be_empty):
            raise ItemError(
                ItemCode.ENTRY_INCOMPLETE.failure(f"{self.place} has no value for {column!r}.")
            )
        if not isinstance(value, str):
            raise self.wrong(column, "text", value)
        return clean_text(value).text

    def flag(self, column: str) -> bool | None:
        """Returns a yes or no: a Boolean, or true, yes, 1, false, no, 0 in any case.

        Raises:
            ItemError: The value is none of these.
        """
        value = self.values.get(column)
        if value is None or value == "" or isinstance(value, bool):
            return value if isinstance(value, bool) else None
        flag = _FLAGS.get(str(value).strip().lower())
        if flag is None:
            raise self.wrong(column, "true or false", value)
        return flag

    def wrong(self, column: str, wanted: str, value: object) -> ItemError:
        """Returns the error of a value of the wrong kind."""
        found = clean_text(repr(value)[:80]).text
        return ItemError(
            ItemCode.ENTRY_INVALID.failure(
                f"{self.place}: {column!r} should be {wanted}, but is {found}."
            )
        )


def source_items(
    records: Iterable[Record | ItemFailureAt], item: Callable[[Record], SourceItem]
) -> Iterator[SourceItem | ItemFailureAt]:
    """Yields the item of each record; a record that has none becomes a failure at its place."""
    for record in records:
        if isinstance(record, ItemFailureAt):
            yield record
            continue
        try:
            yield item(record)
        except ItemError as error:
            yield ItemFailureAt(record.place, error.failure)
