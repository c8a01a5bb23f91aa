"""Reading a Label Studio server's answers: JSON of unknown shape becomes checked values."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from alignbench.annotation.errors import UnexpectedAnswerError
from alignbench.annotation.label_studio.queries import in_order_of_id
from alignbench.annotation.label_studio.records import (
    JsonObject,
    as_id,
    as_instant,
    as_object,
    as_objects,
)
from alignbench.annotation.label_studio.transport import Transport

LISTING_PAGE = 1000


class Reader:
    """Reads objects and pages of tasks; what cannot be understood is an UnexpectedAnswerError.

    `what` is what is being done, for messages.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def tasks(
        self, project_id: int, what: str, since: datetime | None, **fields: str
    ) -> Iterator[JsonObject]:
        """Yields tasks page by page. Each page goes on after the last id that was seen.

        Page numbers would skip tasks whenever one before them leaves the filtered set. While a page
        is used here, the server makes the next.
        """

        def page_after(last: int) -> tuple[list[JsonObject], int | None]:
            query = in_order_of_id(last, since)
            return self.page(project_id, what, query, LISTING_PAGE, **fields)

        thread = ThreadPoolExecutor(1, thread_name_prefix="next-page")
        try:
            coming = thread.submit(page_after, 0)
            while True:
                page, total = coming.result()
                # A short page alone proves nothing: the server may cap its size.
                is_last = not page or len(page) == total
                if not is_last:
                    last = self.checked_id(page[-1].get("id"), what)
                    coming = thread.submit(page_after, last)
                yield from page
                if is_last:
                    return
        finally:
            thread.shutdown(wait=False, cancel_futures=True)

    def page(
        self, project_id: int, what: str, query: JsonObject, size: int, **fields: str
    ) -> tuple[list[JsonObject], int | None]:
        """Returns a page of tasks, and how many there are with those of later pages."""
        params: dict[str, str | int] = {
            "project": project_id,
            "query": json.dumps(query),
            "page_size": size,
            # Else a sentence that looks like a storage address would come back rewritten.
            "resolve_uri": "false",
            **fields,
        }
        answer = self.json_object("api/tasks/", what, params)
        return as_objects(answer.get("tasks")), as_id(answer.get("total"))

    def json_object(
        self, path: str, what: str, params: Mapping[str, str | int] | None = None
    ) -> JsonObject:
        """Returns the object that is at a path."""
        answer = as_object(self._transport.get_json(what, path, params))
        if answer is None:
            raise self.unexpected(what)
        return answer

    def checked_id(self, value: object, what: str) -> int:
        """Returns what must be an id."""
        checked = as_id(value)
        if checked is None:
            raise self.unexpected(what)
        return checked

    def count(self, value: object, what: str) -> int:
        """Returns what must be a number of things; none if it is not said."""
        return 0 if value in (0, None) else self.checked_id(value, what)

    def checked_instant(self, value: object, what: str) -> datetime:
        """Returns what must be a time."""
        checked = as_instant(value)
        if checked is None:
            raise self.unexpected(what)
        return checked

    def unexpected(self, what: str) -> UnexpectedAnswerError:
        """Returns the error of an answer that cannot be understood."""
        return UnexpectedAnswerError(
            f"Label Studio at {self._transport.url} answered what cannot be understood ({what}).",
            "Check that the address is Label Studio's own, and that its version is supported.",
        )
