"""`[annotation]`: the server that people answer on, and what is asked of whom."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from alignbench.schemas.configuration.mistakes import is_http_address, refusing
from alignbench.schemas.configuration.section import Section
from alignbench.schemas.names import Name
from alignbench.schemas.vocabulary import ADJUDICATION_ROUND, AnnotationUnit

_round_name = refusing(
    lambda name: name == ADJUDICATION_ROUND,
    "it is the round of decisions",
    "Choose another name.",
)
_address = refusing(
    lambda url: url is not None and not is_http_address(url),
    "it is not an HTTP address, or it has a user name, a password or a query in it",
    "Write it as in https://label-studio.example.org; the token comes from the environment.",
)
_isolation = refusing(
    lambda _: True,
    "every annotator has a project of their own now",
    "Take the line out; 'team' names the annotators if they are not all who have an account.",
)
_addresses = refusing(
    lambda people: any("@" not in one or one != one.strip() for one in people),
    "it is to list e-mail addresses",
    "Name people by the addresses that they log in with.",
)


def _by_address(languages: dict[str, str]) -> dict[str, str]:
    """Returns the languages by addresses as the server has them: in lower case."""
    _addresses(tuple(languages))
    return {address.lower(): language for address, language in languages.items()}


RoundName = Annotated[Name, AfterValidator(_round_name)]
People = Annotated[tuple[str, ...], AfterValidator(_addresses)]


def _of_captions(unit: AnnotationUnit) -> AnnotationUnit:
    if unit.is_of_questions:
        is_rated = unit is AnnotationUnit.RESPONSE
        verb = "sample" if is_rated else "check"
        raise PydanticCustomError(
            "refused",
            "{what}",
            {
                "what": "answers are rated in rounds that questions were sampled for"
                if is_rated
                else "variants are checked in rounds that they were drawn for",
                "fix": f"Remove 'unit', and run 'alignbench questions {verb}'.",
            },
        )
    return unit


class VotesConfig(Section):
    """`votes` in `[annotation]`: how many answers a sentence is to get, as they are needed.

    Attributes:
        first: How many every sentence gets.
        most: How many a sentence gets at most.
        until: The confidence of a label from which on no further answer is asked for.
        control_share: Share of the images whose sentences get `most` answers in any case: agreement
            can be told from these alone.
    """

    first: Annotated[int, Field(ge=1, le=50)]
    most: Annotated[int, Field(ge=1, le=50)]
    until: Annotated[float, Field(ge=0.5, lt=1)] = 0.98
    control_share: Annotated[float, Field(ge=0.01, le=1)] = 0.05

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.most < self.first:
            advice = {"what": "most is less than first", "fix": "Let most be first, or more."}
            raise PydanticCustomError("refused", "{what}", advice)
        return self


class AnnotationConfig(Section):
    """`[annotation]`: the Label Studio server and the round.

    Attributes:
        url: The server, without a secret in it; not given, `LABEL_STUDIO_URL` or else the
            embedded one of this workspace is used.
        project: Title of the projects; annotators see it, so it must not give the models away.
        language: What annotators read: a language that comes along (`alignbench` has `ar`, `en`,
            `ja`, `zh`), or the path of a file with its texts.
        languages: What single annotators read instead, by e-mail address.
        round: Name of the current round.
        unit: What an annotator is asked about at once: a `sentence`, or a whole `caption`.
        annotators_per_sentence: How many answers each sentence is to get.
        votes: How many it is to get as they are needed, instead.
        tasks_per_project: Where a further project is begun.
        storage: How images reach the browser: `local`, as files on the server's machine, or `s3`,
            by addresses that the server signs for some minutes.
        gold: JSON Lines file with sentences whose answer is known.
        gold_share: How many of them are mixed into a round, as a share of its sentences.
        team: E-mail addresses of the annotators; all who have an account, if there are none.
        adjudicators: E-mail addresses of those who decide what is disputed, and who are in the team
            only if it names them; the operator, if there are none.
        isolation: No longer a key.
    """

    url: Annotated[str | None, AfterValidator(_address)] = None
    project: Annotated[str, Field(min_length=3, max_length=50)] = "Image descriptions"
    language: str = "en"
    languages: Annotated[dict[str, str], AfterValidator(_by_address)] = Field(default_factory=dict)
    round: RoundName = "1"
    unit: Annotated[AnnotationUnit, AfterValidator(_of_captions)] = AnnotationUnit.SENTENCE
    annotators_per_sentence: Annotated[int, Field(ge=1, le=50)] = 3
    votes: VotesConfig | None = None
    tasks_per_project: Annotated[int, Field(ge=1, le=50_000)] = 50_000
    storage: Literal["local", "s3"] = "local"
    gold: Path | None = None
    gold_share: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    team: People = ()
    adjudicators: People = ()
    isolation: Annotated[None, BeforeValidator(_isolation)] = None

    def language_of(self, annotator: str | None) -> str:
        """Returns what an annotator reads; without one, what everybody reads."""
        return self.language if annotator is None else self.languages.get(annotator, self.language)
