"""`[labels]` and `[release]`: what becomes of the answers."""

import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from alignbench.schemas.configuration.mistakes import refusing
from alignbench.schemas.configuration.section import Section
from alignbench.schemas.names import Language, Name
from alignbench.schemas.vocabulary import ImageMode, LabelMethod

# datasets reads a split's name out of file names; better to hear it before the work.
_split_name = refusing(
    lambda name: "-" in name or not all(name.split(".")),
    "datasets cannot load a split of that name",
    "Use letters, digits and '_' only, such as 'test'.",
)

SplitName = Annotated[Name, AfterValidator(_split_name)]
Share = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class LabelsConfig(Section):
    """`[labels]`: how answers become a label.

    Attributes:
        method: How votes become a verdict.
        minimum_votes: With fewer, a sentence gets no label.
        every_round: Whether somebody who answered a sentence in several rounds has a vote in each;
            else their newest answer alone counts.
    """

    method: LabelMethod = LabelMethod.MAJORITY
    minimum_votes: Annotated[int, Field(ge=1)] = 1
    every_round: bool = False


class ReleaseConfig(Section):
    """`[release]`: the dataset that is published.

    Attributes:
        date: Printed on the card.
        license: Of sentences, labels and votes: best an SPDX identifier, or `other`.
        license_name: What a licence is called that hubs have no name for.
        license_link: Where its text is.
        language: Of the sentences, as codes of ISO 639.
        authors: Who made it, for the citation.
        url: Where it is published.
        cite_as: How to cite it, such as BibTeX of a paper; made of the above if not given.
        splits: Each split's share of the sentences, as weights. Images that belong together (of
            one prompt, or near-duplicates) are in one split.
        near_duplicates: How many bits the perceptual hashes of near-duplicates differ in at most.
        images: Whether images are embedded, referenced by URL, or both; an image whose licence
            forbids redistribution is never embedded.
        images_by_source: The same for single sources, or generators of images, by their name.
        figures: Whether the statistics are drawn too.
    """

    name: Name = "benchmark"
    version: Name = "1.0.0"
    date: datetime.date | None = None
    title: str | None = None
    description: str = ""
    license: str = "other"
    license_name: str | None = None
    license_link: str | None = None
    language: tuple[Language, ...] = ("en",)
    authors: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    url: str | None = None
    cite_as: str | None = None
    splits: Annotated[dict[SplitName, Share], Field(min_length=1)] = Field(
        default_factory=lambda: {"test": 1.0}
    )
    near_duplicates: Annotated[int, Field(ge=0, le=16)] = 4
    images: ImageMode = ImageMode.BOTH
    images_by_source: dict[Name, ImageMode] = Field(default_factory=dict)
    figures: bool = True
