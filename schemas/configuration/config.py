"""`alignbench.toml`: what a workspace is to hold and how it is to be made.

Unknown keys are refused, with the nearest known key named. No secret is ever read from here: keys
and passwords come from the environment.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from alignbench.schemas.configuration.annotation_section import AnnotationConfig
from alignbench.schemas.configuration.catalog_defaults import with_catalog
from alignbench.schemas.configuration.mistakes import describe, find_at
from alignbench.schemas.configuration.plugin_sections import (
    GeneratorConfig,
    PromptsConfig,
    SourceConfig,
)
from alignbench.schemas.configuration.question_sections import (
    JudgeConfig,
    QuestionsConfig,
    RewriterConfig,
)
from alignbench.schemas.configuration.release_section import LabelsConfig, ReleaseConfig
from alignbench.schemas.configuration.run_section import RunConfig
from alignbench.schemas.configuration.section import Section
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.names import Name
from alignbench.schemas.protocols import Options
from alignbench.schemas.registry import Group
from alignbench.schemas.vocabulary import LabelMethod


class Config(Section):
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
