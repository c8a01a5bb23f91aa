"""`alignbench.toml`: what a workspace is to hold and how it is to be made.

Unknown keys are refused, with the nearest known key named. No secret is ever read from here: keys
and passwords come from the environment.
"""

import datetime
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from alignbench.schemas.config_catalog import with_catalog
from alignbench.schemas.config_errors import describe, find_at, is_http_address, refusing
from alignbench.schemas.config_plugins import GeneratorConfig, PromptsConfig, SourceConfig
from alignbench.schemas.config_questions import JudgeConfig, QuestionsConfig, RewriterConfig
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.names import Language, Name
from alignbench.schemas.protocols import Options
from alignbench.schemas.registry import Group
from alignbench.schemas.vocabulary import (
    ADJUDICATION_ROUND,
    AnnotationUnit,
    ImageMode,
    LabelMethod,
)

# datasets reads a split's name out of file names; better to hear it before the work.
_split_name = refusing(
    lambda name: "-" in name or not all(name.split(".")),
    "datasets cannot load a split of that name",
    "Use letters, digits and '_' only, such as 'test'.",
)
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


_ray_address = refusing(
    lambda address: address is not None and not re.fullmatch(r"(ray://)?[^\s/@?#]+:\d+", address),
    "it is not the address of a Ray cluster",
    "Write host:port, such as '10.0.0.5:6379'.",
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


SplitName = Annotated[Name, AfterValidator(_split_name)]
RoundName = Annotated[Name, AfterValidator(_round_name)]
Share = Annotated[float, Field(gt=0, allow_inf_nan=False)]
People = Annotated[tuple[str, ...], AfterValidator(_addresses)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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


class VotesConfig(_Section):
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


class AnnotationConfig(_Section):
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


class LabelsConfig(_Section):
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


class ReleaseConfig(_Section):
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


class RunConfig(_Section):
    """`[run]`: how work is cut up and when a run counts as failed.

    Attributes:
        commit_rows: Most items of one commit (one Parquet part, one Prefect task).
        commit_seconds: How long a finished item waits at most until its commit is written.
        max_failure_share: A run with a larger share of failed items exits with code 1.
        allow_private_addresses: Whether image URLs may lead to private and loopback addresses.
        max_shared_picture_share: `ingest` exits with code 1 if one picture stands behind a larger
            share of a source's URLs.
        runner: Who works on the items of a stage: this process, or processes of a Ray cluster.
        ray_address: Address of a cluster; not given, `RAY_ADDRESS`, or else one on this machine.
        workers: How many processes of the cluster; not given, one a GPU that a model needs, or one
            a machine.
    """

    commit_rows: Annotated[int, Field(ge=1, le=100_000)] = 2048
    commit_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    max_failure_share: Annotated[float, Field(ge=0, le=1)] = 0.01
    allow_private_addresses: bool = False
    max_shared_picture_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    runner: Literal["local", "ray"] = "local"
    ray_address: Annotated[str | None, AfterValidator(_ray_address)] = None
    workers: Annotated[int | None, Field(ge=1, le=10_000)] = None


class Config(_Section):
    """A whole `alignbench.toml`."""

    name: Name = "benchmark"
    sources: tuple[SourceConfig, ...] = ()
    captioners: tuple[GeneratorConfig, ...] = ()
    image_generators: tuple[GeneratorConfig, ...] = ()
    prompts: tuple[PromptsConfig, ...] = ()
    questions: QuestionsConfig = QuestionsConfig()
    rewriters: tuple[RewriterConfig, ...] = ()
    judges: tuple[JudgeConfig, ...] = ()
    annotation: AnnotationConfig = AnnotationConfig()
    labels: LabelsConfig = LabelsConfig()
    release: ReleaseConfig = ReleaseConfig()
    run: RunConfig = RunConfig()


def decode_config(data: bytes, where: str) -> str:
    """Returns the text of a configuration file, without a byte order mark.

    Args:
        data: The file's bytes.
        where: Where they are from, for messages.

    Raises:
        ConfigError: It is not UTF-8; the first byte that is not is named by its offset.
    """
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{where} is not UTF-8: see the byte at offset {error.start}.",
            "Save the file as UTF-8.",
        ) from None


def parse_config(text: str, where: str) -> Config:
    """Reads a configuration and checks every key, those of plug-ins included.

    Args:
        text: TOML.
        where: Where the text is from, for messages.

    Raises:
        ConfigError: It is not TOML, or a key or value is wrong; each is named with its place.
        UnknownNameError: A plug-in or a model of the catalog that it names does not exist.
        MissingExtraError: A plug-in needs a package that is not installed.
    """
    raw = with_catalog(_toml(text, where), where)
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise describe(error, where, Config) from None
    _check_names(config, where)
    _check_votes(config, where)
    _find_ats(config, where)
    return config


def parse_run_settings(text: str, where: str) -> RunConfig:
    """Reads the section `[run]` alone: what else there is may need plug-ins that are not here.

    Raises:
        ConfigError: It is not TOML, or a key or value of that section is wrong.
    """
    section = _toml(text, where).get("run", {})
    try:
        return RunConfig.model_validate(section)
    except ValidationError as error:
        raise describe(error, f"{where}: [run]", RunConfig) from None


def configuration_folder(url: str) -> Path:
    """Returns what relative paths of a configuration are relative to.

    That is the workspace's own folder; for one on S3 it is the current folder.
    """
    return Path.cwd() if url.startswith("s3://") else Path(url)


def _toml(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where} is not TOML: {error}.", "Correct that line.") from None


def _check_names(config: Config, where: str) -> None:
    sections = {
        "sources": [source.name for source in config.sources],
        "captioners and image_generators": [
            generator.name for generator in (*config.captioners, *config.image_generators)
        ],
        "prompts": [prompts.name for prompts in config.prompts],
        "rewriters": [rewriter.name for rewriter in config.rewriters],
        "judges": [judge.name for judge in config.judges],
    }
    for section, names in sections.items():
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(
                f"{where}: the name {twice[0]!r} stands twice among the {section}.",
                "Give each entry a name of its own; it tells them apart in the release.",
            )
    sources = sections["sources"]
    for captioner in config.captioners:
        for source in captioner.sources or ():
            if source not in sources:
                raise ConfigError(
                    f"{where}: captioner {captioner.name!r} names the source {source!r}, "
                    "which is not there.",
                    f"Known sources: {', '.join(sources) or 'none'}.",
                )


def _check_votes(config: Config, where: str) -> None:
    """Refuses to ask for votes by a method that is not the one that labels are made by."""
    votes, method = config.annotation.votes, config.labels.method
    if votes is None or votes.first == votes.most:
        return
    if method is not LabelMethod.SMOOTHED_DAWID_SKENE:
        raise ConfigError(
            f"{where}: [annotation] votes asks for answers as they are needed, and [labels] method "
            f"is {method.value!r}, whose confidence says too little with two votes.",
            f"Set method = {LabelMethod.SMOOTHED_DAWID_SKENE.value!r} in [labels].",
        )


def _find_ats(config: Config, where: str) -> None:
    for source in config.sources:
        place = f"{where}: [[sources]] {source.name!r}"
        plugin = find_at(place, Group.SOURCES, source.kind)
        _check_values(place, plugin.options_type, source.further, SourceConfig)
    for prompts in config.prompts:
        place = f"{where}: [[prompts]] {prompts.name!r}"
        plugin = find_at(place, Group.PROMPT_SOURCES, prompts.kind)
        _check_values(place, plugin.options_type, prompts.further, PromptsConfig)
    sections: tuple[tuple[Group, str, Sequence[GeneratorConfig]], ...] = (
        (Group.CAPTIONERS, "captioners", config.captioners),
        (Group.IMAGE_GENERATORS, "image_generators", config.image_generators),
        (Group.CAPTIONERS, "rewriters", config.rewriters),
        (Group.CAPTIONERS, "judges", config.judges),
    )
    for group, section, generators in sections:
        for item in generators:
            place = f"{where}: [[{section}]] {item.name!r}"
            plugin = find_at(place, group, item.backend)
            _check_values(place, plugin.options_type, item.further, type(item))
            _check_values(f"{place} params", plugin.params_type, item.params, None)


def _check_values(
    place: str,
    options_type: type[Options],
    values: dict[str, Any],
    section: type[BaseModel] | None,
) -> None:
    try:
        options_type.model_validate(values)
    except ValidationError as error:
        raise describe(error, place, options_type, section) from None
