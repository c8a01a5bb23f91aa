"""What is known of an image beside its pixels: from a source's options, or from a metadata file."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alignbench.generators.errors import InputFileError
from alignbench.generators.sources.paths import canonical_name, inside
from alignbench.generators.sources.record_files import read_records
from alignbench.generators.sources.records import Record
from alignbench.schemas.columns import Bool, Str
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.protocols import ItemFailureAt, Options, SourceItem

FILE_NAME: Final = "file_name"
_URL_COLUMNS: Final = ("image_url", "source_url", "url")
FACT_COLUMNS: Final = (*_URL_COLUMNS, "license", "redistributable", "domain")
"""Columns with facts about an image, in whatever file they stand."""

METADATA_FILES: Final = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
"""Files that are taken for the description of a folder's images without being named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """Facts about one image, named as in `SourceItem`; None where nothing is known."""

    image_url: Str | None = None
    license: Str | None = None
    redistributable: Bool | None = None
    domain: Str | None = None

    def otherwise(self, defaults: "ImageFacts") -> "ImageFacts":
        """Returns these facts, with those of `defaults` where there are none."""
        if defaults == _NOTHING:
            return self
        redistributable = self.redistributable
        return ImageFacts(
            image_url=self.image_url or defaults.image_url,
            license=self.license or defaults.license,
            redistributable=(
                defaults.redistributable if redistributable is None else redistributable
            ),
            domain=self.domain or defaults.domain,
        )

    def item(
        self, locator: str, image_name: str, caption: tuple[str, str] | None = None
    ) -> SourceItem:
        """Returns the item of the image that these facts are about; a caption is text and model."""
        text, model = caption or (None, None)
        return SourceItem(
            locator=locator,
            image_name=image_name,
            image_url=self.image_url,
            license=self.license,
            redistributable=self.redistributable,
            domain=self.domain,
            caption=text,
            caption_model=model,
        )


_NOTHING: Final = ImageFacts()


class ImageFactOptions(Options):
    """What holds for every image of a source that does not say otherwise itself.

    Attributes:
        license: Licence of the images, best as an SPDX identifier.
        redistributable: Whether a release may contain the images themselves.
        domain: What the images are of, such as Animal or Document.
    """

    license: str | None = None
    redistributable: bool | None = None
    domain: str | None = None

    @property
    def facts(self) -> ImageFacts:
        """What these options say of every image."""
        return ImageFacts(
            license=self.license, redistributable=self.redistributable, domain=self.domain
        )


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """The metadata file of a folder of images, in memory.

    Attributes:
        by_name: Facts by relative path; the keys are canonical and lead nowhere but inside.
        failures: Rows that could not be understood.
    """

    by_name: dict[str, ImageFacts]
    failures: tuple[ItemFailureAt, ...] = ()


def own_facts(record: Record, image_url: str | None = None) -> ImageFacts:
    """Returns the facts that a record itself gives.

    Args:
        record: The record.
        image_url: The URL, where it is known already.

    Raises:
        ItemError: A value is of the wrong kind.
    """
    return ImageFacts(
        image_url=image_url or record.text(*_URL_COLUMNS),
        license=record.text("license"),
        redistributable=record.flag("redistributable"),
        domain=record.text("domain"),
    )


def read_folder_facts(folder: Path, name: str | None) -> FolderFacts:
    """Reads the metadata file of a folder, laid out as Hugging Face's image folders have it.

    Columns are `file_name` (relative to the folder) and any of `license`, `redistributable`,
    `domain`, and `image_url`, `source_url` or `url`. Other columns are ignored.

    Args:
        folder: The folder, with its links resolved.
        name: The file's name in the folder; not given, `metadata.csv`, `.jsonl` or `.parquet` is
            taken if it is there.

    Raises:
        InputFileError: The file that was named is not there, or cannot be read.
        InputColumnError: It has no column `file_name`.
    """
    path = _metadata_file(folder, name)
    if path is None:
        return FolderFacts({})
    facts: dict[str, ImageFacts] = {}
    failures: list[ItemFailureAt] = []
    columns: Collection[str] = (FILE_NAME, *FACT_COLUMNS)
    for record in read_records(path, columns=columns, required=(FILE_NAME,)):
        if isinstance(record, ItemFailureAt):
            failures.append(record)
            continue
        try:
            file_name = _listed_name(folder, record, facts)
            facts[file_name] = own_facts(record)
        except ItemError as error:
            failures.append(ItemFailureAt(record.place, error.failure))
    return FolderFacts(facts, tuple(failures))


def _listed_name(folder: Path, record: Record, known: dict[str, ImageFacts]) -> str:
    file_name = record.required_text(FILE_NAME)
    inside(folder, file_name)
    file_name = canonical_name(file_name)
    if file_name in known:
        raise ItemError(
            ItemCode.ENTRY_TWICE.failure(
                f"{record.place} describes {file_name!r}, which an earlier entry has described; "
                "the earlier one is used."
            )
        )
    return file_name


def _metadata_file(folder: Path, name: str | None) -> Path | None:
    if name is not None:
        path = folder / name
        if not path.is_file():
            raise InputFileError(
                f"There is no metadata file {path}.", "Correct `metadata` in alignbench.toml."
            )
        return path
    candidates = (folder / name for name in METADATA_FILES)
    return next((path for path in candidates if path.is_file()), None)
