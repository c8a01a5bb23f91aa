"""`release.json`: what a release was made from and what is in it."""

import datetime
import json
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from alignbench.release_format.columns import RELEASE_SCHEMA_VERSION
from alignbench.release_format.errors import NotAReleaseError
from alignbench.release_format.folder import ReleaseFolder
from alignbench.release_format.layout import CHECKSUMS, MANIFEST
from alignbench.schemas.control_sample import ControlSample
from alignbench.schemas.names import Name
from alignbench.schemas.rows.labels import LabelSet
from alignbench.schemas.vocabulary import Direction


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SelectionRecord(_Part):
    """What of the workspace was released."""

    generator_ids: tuple[str, ...]
    splitter_id: str | None


class LabelSetRecord(_Part):
    """Whose labels they are; `options` are the method's."""

    label_set_id: str
    method: str
    options: dict[str, Any]
    answers_sha256: str

    @classmethod
    def of(cls, label_set: LabelSet) -> Self:
        """Returns the record of a row of `label_sets`."""
        return cls(
            label_set_id=label_set.label_set_id,
            method=label_set.method,
            options=json.loads(label_set.options),
            answers_sha256=label_set.answers_sha256,
        )


class ReleaseRecord(_Part):
    """Another release, by name, version and the SHA-256 of its `SHA256SUMS`."""

    name: Name
    version: Name
    sha256: str


class ImageCounts(_Part):
    """Images by how a reader gets them; each image counts once."""

    embedded: int
    by_url: int
    unavailable: int

    @property
    def total(self) -> int:
        """How many images the rows speak of."""
        return self.embedded + self.by_url + self.unavailable


class ModelCounts(_Part):
    """What one model has in the release."""

    direction: Direction
    sentences: int
    correct: int
    incorrect: int
    unknown: int
    votes: int


class SplitCounts(_Part):
    """What one split has in the release; `by_model` counts sentences, `gold` answers to gold."""

    sentences: int
    votes: int
    adjudications: int
    by_model: dict[str, int]
    gold: int = 0


class SplitRecord(_Part):
    """How the sentences were dealt out to splits; `after` is the release whose sides were kept."""

    shares: dict[str, float]
    near_duplicates: int
    after: ReleaseRecord | None = None


VoteNumber = Annotated[int, Field(ge=1, le=50)]


class RoundRecord(_Part):
    """How many votes a round asked for.

    Attributes:
        first: How many every unit was to get; None where an older version began the round.
        most: How many one was to get at most; likewise.
        until: The confidence from which on no further vote was asked for; None where all units
            were to get equally many.
        control_share: Share of the images whose units were asked in full all the same.
        guideline_ids: The wordings that its annotators read, by the answers in `annotations/`;
            none where earlier versions set the projects up.
        label_schema_ids: What they could answer; likewise.
    """

    first: VoteNumber | None
    most: VoteNumber | None
    until: Annotated[float, Field(gt=0, lt=1)] | None
    control_share: Annotated[float, Field(ge=0, le=1)]
    guideline_ids: tuple[str, ...] = ()
    label_schema_ids: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.until is not None and not (self.first and self.most and self.first <= self.most):
            raise ValueError("until is given without a number of votes to begin and end with")
        return self

    def control(self, name: str) -> ControlSample:
        """Returns the control sample of the round, given its name."""
        return ControlSample(name, self.control_share, self.until is not None)


class LeftOut(_Part):
    """Selected sentences that are not in the release, by why.

    `between_splits`: their image belongs together with images of an older release that are in two
    splits.
    """

    unanswered: int
    below_minimum_votes: int
    between_splits: int


class Counts(_Part):
    """What is in the release."""

    sentences: int
    votes: int
    adjudications: int
    annotators: int
    images: ImageCounts
    by_model: dict[str, ModelCounts]
    by_split: dict[str, SplitCounts]
    left_out: LeftOut


class ImportedFile(_Part):
    """A file that a release was imported from."""

    name: str
    sha256: str


class ImportRecord(_Part):
    """Where the rows of an imported release come from.

    Attributes:
        kind: The importer.
        published_at: Where the set is published; None of data that people brought themselves.
        license: Of its labels and texts; None where none is stated.
        files: What was read.
        mapping: The table by which the set's labels became ours.
        counts: Numbers of the set's own terms.
        unplaced: How much could not be placed, by why; `import-report.json` names each.
    """

    kind: str
    published_at: str | None
    license: str | None
    files: tuple[ImportedFile, ...]
    mapping: dict[str, Any]
    counts: dict[str, int]
    unplaced: dict[str, int]


class Manifest(_Part):
    """The content of `release.json`.

    Attributes:
        rounds: The rounds that votes in `annotations/` were given in; empty in releases of older
            versions.
        intervals: How the intervals of agreement were come by; None in releases of older versions,
            which drew images again.
        imported: Where the rows come from if others annotated them; None in releases of our own.
        license_name: What a licence is called that hubs have no name for.
        license_link: Where the text of the licence is.
        language: Of the sentences, as codes of ISO 639; empty if it is not known.
        authors: Who made it.
        url: Where it is published.
        cite_as: How to cite it; made of the above if None.
        texts: Which templates the card, `LICENSE` and `CITATION.cff` were written from; None in
            releases of older versions, which have the card alone.
        config: The whole resolved configuration, without secrets.
    """

    name: Name
    version: Name
    date: datetime.date | None
    title: str
    description: str
    license: str
    splits: SplitRecord
    figures: bool
    schema_version: int = RELEASE_SCHEMA_VERSION
    selection: SelectionRecord
    label_set: LabelSetRecord
    counts: Counts
    rounds: dict[str, RoundRecord] = {}
    intervals: str | None = None
    imported: ImportRecord | None = None
    license_name: str | None = None
    license_link: str | None = None
    language: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    url: str | None = None
    cite_as: str | None = None
    texts: str | None = None
    config: dict[str, Any]

    def to_json(self) -> str:
        """Returns the file's text."""
        return self.model_dump_json(indent=2) + "\n"


def read_manifest(folder: ReleaseFolder) -> Manifest | None:
    """Returns what `release.json` says; None if it is not there, or of another version."""
    try:
        return Manifest.model_validate_json(folder.text(MANIFEST) or "")
    except ValidationError:
        return None


def finished_manifest(folder: ReleaseFolder) -> Manifest:
    """Returns what `release.json` of a finished release says.

    Raises:
        NotAReleaseError: There is no `SHA256SUMS`, or the release is of another version.
    """
    manifest = read_manifest(folder)
    if manifest is None or CHECKSUMS not in folder.sizes:
        raise NotAReleaseError(
            f"{folder.address} is no finished release of this version.",
            "Name a release that 'alignbench verify' finds sound.",
        )
    return manifest
