"""Sets that others annotated, as an importer gives them: typed, with every offset proved.

An importer is a class behind an entry point of the group `alignbench.importers`, in a file of its
own. It reads the files of one published set and yields captions; what it could not place it names
in the notes. It decides nothing silently: where a set says nothing, neither does the row.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from alignbench.schemas.ids import JsonValue, sha256_hex
from alignbench.schemas.ids import canonical_json as canonical
from alignbench.schemas.vocabulary import Direction, HallucinationType, ImageType, RowFlag, Verdict


@dataclass(frozen=True, slots=True)
class PublishedSet:
    """What is known of a set as a whole.

    Attributes:
        title: Its name, for people.
        url: Where it is published.
        license: Of its labels and texts, as SPDX name; None where none is stated.
    """

    title: str
    url: str
    license: str | None


@dataclass(frozen=True, slots=True)
class OwnTerms:
    """What people say of a set of their own; what they do not say, nobody claims.

    Attributes:
        title: Its name, for people; the release's if None.
        authors: Who made it.
        license: Of its labels and texts, as SPDX name; None where none is stated.
        language: Of its texts, as codes of ISO 639.
    """

    title: str | None = None
    authors: tuple[str, ...] = ()
    license: str | None = None
    language: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image as a set names it.

    Attributes:
        source: Where it is from, such as `coco`.
        name: The name people know it by.
        url: Where it can be fetched, if the set says.
        path: Its path in the set's own repository, if it lies there.
        image_type: Whether it is a photograph or drawing of people's, or a model's.
        also_named: Further file names that it may have in a folder.
        license: Of the image, if the set says.
    """

    source: str
    name: str
    url: str | None = None
    path: str | None = None
    image_type: ImageType = ImageType.REAL
    also_named: tuple[str, ...] = ()
    license: str | None = None

    @property
    def image_id(self) -> str:
        """The id of a row whose image nobody has: it is made of the locator."""
        return locator_image_id(self.source, self.name, self.url, self.path)


def locator_image_id(source: str, name: str, url: str | None, path: str | None) -> str:
    """Returns the id that stands for an image without bytes: a hash of what finds it."""
    return sha256_hex(canonical(["locator", source, url or path or name]).encode())


@dataclass(frozen=True, slots=True)
class VoteCounts:
    """How many annotators said what."""

    correct: int
    incorrect: int
    unknown: int


@dataclass(frozen=True, slots=True)
class ImportedSpan:
    """Wrong words: a range of code points in the sentence, and the text that proves it."""

    start: int
    end: int
    text: str
    type: HallucinationType | None = None


@dataclass(frozen=True, slots=True)
class ImportedSentence:
    """A judged range of a caption.

    Attributes:
        start: Offset of its first code point in the caption.
        end: Offset behind its last one.
        verdict: What the set says of it.
        error_type: What kind of mistake it is as a whole; None if the set does not say, or has a
            type for each span.
        spans: Its wrong words, in order.
        counts: Numbers of votes; None where the set has none.
        index: Its place in the caption, from 0.
        own_labels: What the set itself says of it, unchanged, as JSON.
        flags: What is to be known of how the row came about.
    """

    start: int
    end: int
    verdict: Verdict
    index: int
    error_type: HallucinationType | None = None
    spans: tuple[ImportedSpan, ...] = ()
    counts: VoteCounts | None = None
    own_labels: Mapping[str, JsonValue] = field(default_factory=dict)
    flags: tuple[RowFlag, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportedCaption:
    """A text about an image, with its judged sentences in order.

    Attributes:
        origin: File and entry that it is from, such as `set.json:12`.
        model: Who wrote the text or made the image, as the set calls it.
        text: The whole text.
        domain: What the image is of, if the set says.
        instruction: What the model was asked, if the set says.
    """

    origin: str
    model: str
    image: ImageReference
    text: str
    sentences: tuple[ImportedSentence, ...]
    direction: Direction = Direction.I2T
    domain: str | None = None
    instruction: str | None = None


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Something of a file that is not in the rows as the file says it: where, why, and what."""

    origin: str
    why: str
    text: str


class ImportNotes:
    """What an importer counts and names on its way.

    Attributes:
        counts: Numbers of the set's own terms, such as captions, labels or runs of wrong words.
        unplaced: What could not be placed, each named.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.unplaced: list[Unplaced] = []

    def count(self, what: str, number: int = 1) -> None:
        """Counts things of the set."""
        self.counts[what] += number

    def name(self, origin: str, why: str, text: str) -> None:
        """Names something that could not be placed.

        Args:
            origin: File and entry.
            why: A phrase that is the same for all of its kind; they are counted by it.
            text: The thing itself.
        """
        self.unplaced.append(Unplaced(origin, why, text))

    @property
    def unplaced_counts(self) -> dict[str, int]:
        """How much could not be placed, by why."""
        return dict(sorted(Counter(item.why for item in self.unplaced).items()))


class Importer(Protocol):
    """Reads the files of one published set.

    Attributes:
        published: The set; None of a format in which people bring sets of their own.
        mapping: The table by which the set's labels become ours, as it is shown and released; empty
            where there is nothing to choose.
    """

    published: ClassVar[PublishedSet | None]
    mapping: Mapping[str, JsonValue]

    def __init__(self, mapping: Path | None) -> None:
        """Takes a mapping file of the user's, in place of the importer's own."""
        ...

    def captions(self, files: Sequence[Path], notes: ImportNotes) -> Iterator[ImportedCaption]:
        """Yields the captions of the files in their order."""
        ...
