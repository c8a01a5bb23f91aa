"""Images behind URLs."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import Field

from alignbench.generators.image_checks import MAX_BYTES
from alignbench.generators.sources.caption_columns import CaptionColumnOptions
from alignbench.generators.sources.image_facts import FACT_COLUMNS, own_facts
from alignbench.generators.sources.paths import configured_path
from alignbench.generators.sources.record_files import read_records
from alignbench.generators.sources.records import Record, source_items
from alignbench.generators.sources.table_text import TableFileOptions
from alignbench.schemas.errors import MissingExtraError
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.plugins import SourceBase
from alignbench.schemas.protocols import ItemFailure, ItemFailureAt, SourceItem
from alignbench.schemas.text import clean_text


class UrlsOptions(TableFileOptions, CaptionColumnOptions):
    """A file with URLs, its columns, and limits of the download.

    Attributes:
        path: CSV, JSON Lines, JSON (an array) or Parquet, an entry per image. Columns `license`,
            `redistributable` and `domain` are read where they are there.
        url_column: Where the URL is.
        name_column: Where the image's name is; else the last part of the URL's path is its name.
        concurrency: Downloads at the same time.
        timeout_seconds: Time for one attempt, redirects included.
        max_bytes: Bytes of one image.
        retries: Further attempts after a failure that may pass, with growing pauses.
        respect_opt_outs: Whether images are left where their site reserves them from use by
            machines (see `generators.sources.opt_outs`).
    """

    path: str
    url_column: str = "url"
    name_column: str | None = None
    concurrency: Annotated[int, Field(ge=1, le=256)] = 16
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    max_bytes: Annotated[int, Field(ge=1, le=MAX_BYTES)] = MAX_BYTES
    retries: Annotated[int, Field(ge=0, le=10)] = 3
    respect_opt_outs: bool = True

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that are asked for by name."""
        name = (self.name_column,) if self.name_column else ()
        return (self.url_column, *name, *self.caption_columns)


class UrlsSource(SourceBase[UrlsOptions]):
    """Images behind the URLs of a file; a locator is the URL, with caption and model if there are.

    URLs that lead to private, link-local or loopback addresses are refused, after redirects too,
    unless the surroundings allow them. A URL with a password in it is refused because URLs are
    published. Whatever a server calls its answer, it counts as an image only if it decodes as one.

    Raises:
        MissingExtraError: httpx is not installed.
    """

    def load(self) -> None:
        """Finds the files; raises `InputFileError` where they are missing."""
        self._path = configured_path(self.options.path, self.surroundings)
        self._allow_private = self.surroundings.allow_private_addresses
        self._facts = self.options.facts
        _require_httpx()

    def listing_files(self) -> Sequence[Path]:
        """Returns the file of URLs: nothing else is looked at while it is listed."""
        return (self._path,)

    def items(self) -> Iterator[SourceItem | ItemFailureAt]:
        """Yields an item per entry; nothing is fetched."""
        required = self.options.required
        records = read_records(
            self._path,
            columns=(*required, *FACT_COLUMNS),
            required=required,
            layout=self.options.layout,
        )
        return source_items(records, self._item)

    def read(self, items: Sequence[SourceItem]) -> list[bytes | ItemFailure]:
        """Downloads the images, several at once; not to be called from a running event loop."""
        from alignbench.generators.sources.checked_network import CheckedNetwork
        from alignbench.generators.sources.download import DownloadLimits, download_all

        options = self.options
        limits = DownloadLimits(
            options.concurrency,
            options.timeout_seconds,
            options.max_bytes,
            options.retries,
            options.respect_opt_outs,
        )
        network = CheckedNetwork(allow_private=self._allow_private)
        urls = [item.image_url or item.locator for item in items]
        return asyncio.run(download_all(urls, limits, network))

    def _item(self, record: Record) -> SourceItem:
        options = self.options
        url = _checked_url(record.required_text(options.url_column).strip())
        name = record.text(options.name_column) if options.name_column else None
        facts = own_facts(record, image_url=url).otherwise(self._facts)
        name = name or _last_part(url)
        caption = options.caption_of(record)
        return facts.item(caption.locator(url) if caption else url, name, caption)


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
        credentials = "@" in parts.netloc and (parts.username or parts.password)
    except ValueError as error:
        raise ItemError(ItemCode.URL_INVALID.failure(f"{url!r} is not a URL: {error}.")) from None
    if parts.scheme not in ("http", "https") or not host:
        raise ItemError(ItemCode.URL_INVALID.failure(f"{url!r} is not an http or https URL."))
    if credentials:
        raise ItemError(
            ItemCode.URL_INVALID.failure(
                f"The URL of a file on {host} carries a user name or password, which would be "
                "published; download such files and use a source of kind 'folder'."
            )
        )
    return url


def _last_part(url: str) -> str:
    parts = urlsplit(url)
    last = parts.path.rstrip("/").rpartition("/")[2]
    if last == ".":
        last = PurePosixPath(parts.path).name
    name = clean_text(unquote(last)).text
    return name or parts.netloc


def _require_httpx() -> None:
    try:
        import httpx  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtraError(
            "Downloading images needs httpx, which is not installed.",
            "Run: pip install 'alignbench[pipeline]'.",
        ) from None
