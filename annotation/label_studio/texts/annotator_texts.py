"""The texts of the page and of the guidelines in one language, checked when they are read."""

import tomllib
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from alignbench.schemas import ids
from alignbench.schemas.configuration.mistakes import describe
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.vocabulary import HallucinationType, Meaning, Verdict

ENGLISH: Final = "en"
_TAGS: Final = frozenset(
    ["b", "br", "em", "h2", "h3", "h4", "kbd", "li", "ol", "p", "strong", "ul"]
)
"""What Label Studio's server lets through, and needs no attribute."""

Line = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True, pattern=r"^[^\n]+$")]


class _TagNames(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS or attrs:
            self.refused.append(self.get_starttag_text() or tag)


def _plain_html(text: str) -> str:
    parser = _TagNames()
    parser.feed(text)
    if parser.refused:
        raise ValueError(
            f"{parser.refused[0]} is not shown by the server; use {', '.join(sorted(_TAGS))} "
            "without attributes"
        )
    return text.strip()


Html = Annotated[str, AfterValidator(_plain_html), StringConstraints(min_length=1)]


class _Texts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PageTexts(_Texts):
    """The headings and hints of the page."""

    progress: Line = "Round"
    sentence: Line
    answered: Line
    verdict: Line
    verdict_missing: Line
    types: Line
    note: Line
    note_hint: Line


class VerdictTexts(_Texts):
    """A verdict: the word on its button, and when to give it."""

    name: Line
    definition: Line


class TypeTexts(_Texts):
    """A hallucination type: the word on its button, what it covers, and two examples.

    In an example the wrong words stand between asterisks, and what the image shows instead follows.
    """

    name: Line
    definition: Line
    examples: tuple[Line, Line]


class GuidelineTexts(_Texts):
    """The running text of the guidelines, and the headings of their two tables."""

    opening: Html
    verdict: Line
    incorrect: Line
    marking: Html
    closing: Html


class CaptionTexts(_Texts):
    """What the page for whole captions says otherwise than the one for sentences.

    Attributes:
        types: Heading of the labels.
        whole_sentence: Name of the label of a sentence that is wrong as a whole.
        whole_sentence_definition: When to use it.
        judged: Name of the key that says that every sentence was judged.
        judged_definition: What it means.
        judged_missing: What a submit without it says.
        opening: The beginning of the guidelines.
        marking: How they say that words and sentences are marked.
    """

    types: Line
    whole_sentence: Line
    whole_sentence_definition: Line
    judged: Line
    judged_definition: Line
    judged_missing: Line
    opening: Html
    marking: Html


class RatingTexts(_Texts):
    """What somebody reads who rates answers to questions.

    Attributes:
        history: Heading of the earlier turns.
        question: Heading of what was asked.
        response: Heading of the answer to be rated.
        rating: Heading of the scale.
        rating_missing: What a submit without a rating says.
        reference: The key that shows the reference, or hides it again.
        reference_hint: What the reference is.
        reason: Heading of the field for a reason.
        reason_hint: What stands in the field.
        opening: The beginning of the guidelines.
        scale: Heading of their table.
        levels: What two ratings each mean: 9 and 10 first, 1 and 2 last.
        closing: The end of the guidelines.
    """

    history: Line
    question: Line
    response: Line
    rating: Line
    rating_missing: Line
    reference: Line
    reference_hint: Line
    reason: Line
    reason_hint: Line
    opening: Html
    scale: Line
    levels: tuple[Line, Line, Line, Line, Line]
    closing: Html


class MeaningTexts(_Texts):
    """What can be said of two questions: the word on its button, and when to say it."""

    name: Line
    definition: Line


class VariantTexts(_Texts):
    """What somebody reads who says whether two questions mean the same.

    Attributes:
        history: Heading of the earlier turns.
        question: Heading of the question that the other was written from.
        variant: Heading of the question in other words.
        meaning: Heading of the three answers.
        meaning_missing: What a submit without one says.
        meanings: The answers.
        reason: Heading of the field for a reason.
        reason_hint: What stands in the field.
        opening: The beginning of the guidelines.
        closing: The end of the guidelines.
    """

    history: Line
    question: Line
    variant: Line
    meaning: Line
    meaning_missing: Line
    meanings: dict[Meaning, MeaningTexts]
    reason: Line
    reason_hint: Line
    opening: Html
    closing: Html

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if missing := [meaning for meaning in Meaning if meaning not in self.meanings]:
            raise ValueError(f"there is no text for {', '.join(missing)}")
        if len({each.name for each in self.meanings.values()}) < len(self.meanings):
            raise ValueError("two buttons have one name")
        return self


class FeedbackTexts(_Texts):
    """The page that shows somebody which of their answers differ from checked ones."""

    title: Line
    opening: Line
    yours: Line
    checked: Line
    nothing: Line
    closing: Line
    image: Line


def _english_feedback() -> FeedbackTexts:
    """Returns what a file says that was translated before there was such a page."""
    return annotator_texts(ENGLISH).feedback


class AnnotatorTexts(_Texts):
    """Everything that an annotator reads beside the captions, in one language.

    Attributes:
        language: BCP 47 tag.
        name: Of the language, in itself.
        direction: Which way the language runs.
        caption: For the page with whole captions; a language may do without.
        ratings: For the page on which answers are rated; likewise.
        variants: For the page on which questions in other words are checked; likewise.
    """

    language: Line
    name: Line
    direction: Literal["ltr", "rtl"]
    page: PageTexts
    verdicts: dict[Verdict, VerdictTexts]
    types: dict[HallucinationType, TypeTexts]
    guidelines: GuidelineTexts
    caption: CaptionTexts | None = None
    ratings: RatingTexts | None = None
    variants: VariantTexts | None = None
    feedback: FeedbackTexts = Field(default_factory=_english_feedback)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        for kinds, texts in ((Verdict, self.verdicts), (HallucinationType, self.types)):
            missing = [kind for kind in kinds if kind not in texts]
            if missing:
                raise ValueError(f"there is no text for {', '.join(missing)}")
            names = [each.name for each in texts.values()]
            if len(set(names)) < len(names):
                raise ValueError("two buttons have one name")
        return self

    @property
    def guideline_id(self) -> str:
        """Names this wording of what is said about sentences: another wording has another id.

        What is said after the work, or of how much of it is done, is no part of it.
        """
        untold: dict[str, bool | set[str]] = {
            "feedback": True, "ratings": True, "variants": True, "page": {"progress"},
        }  # fmt: skip
        return ids.derive_id("guidelines", self.model_dump(mode="json", exclude=untold))

    @property
    def rating_guideline_id(self) -> str:
        """Names this wording of what is said about answers to be rated."""
        return self._id_of("ratings")

    @property
    def variant_guideline_id(self) -> str:
        """Names this wording of what is said about questions in other words."""
        return self._id_of("variants")

    def _id_of(self, section: str) -> str:
        said = self.model_dump(mode="json", include={"language", "direction", section})
        return ids.derive_id("guidelines", said)


def languages() -> list[str]:
    """Returns the languages that come along."""
    names = (file.name for file in files(__package__).iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def annotator_texts(language: str, folder: Path = Path()) -> AnnotatorTexts:
    """Returns the texts of a language.

    Args:
        language: One that comes along, or the path of a `.toml` file.
        folder: What a relative path is relative to.

    Raises:
        ConfigError: There are none, or they are not whole.
    """
    if language.endswith(".toml"):
        path = folder / language
        try:
            return _parse(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"annotation.language, or languages, names {path}, which cannot be read: {error}.",
                "Name a file in UTF-8, relative to alignbench.toml.",
            ) from error
    if language not in languages():
        raise ConfigError(
            f"annotation.language, or languages, has {language!r}; "
            f"what comes along is {', '.join(languages())}.",
            "Take one of them, or translate en.toml and name that file.",
        )
    return _parse(files(__package__).joinpath(f"{language}.toml").read_text("utf-8"), language)


def _parse(text: str, where: str) -> AnnotatorTexts:
    try:
        return AnnotatorTexts.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where} is not TOML: {error}.", "Compare it with en.toml.") from error
    except ValidationError as error:
        raise describe(error, where, AnnotatorTexts) from error
