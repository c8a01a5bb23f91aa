"""Which detectors are to be run: named on the command line, or described in a file.

`NAME` is a detector of the catalog, or a plug-in that needs no model or takes its catalog default.
`NAME:key=value,key=value` sets what the entry, the parameters or the options have under that key:
`clip:repo=/models/mine,name=mine`, `scores:path=scores.csv`.
"""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alignbench.evaluation.chosen_detectors.offline import (
    check_model_is_named,
    naming_what_runs_offline,
)
from alignbench.evaluation.prompts import read_prompt
from alignbench.models.in_process.placement import gpus_needed
from alignbench.models.in_process.weights import PACKAGE, HubRevision
from alignbench.schemas.configuration.catalog import CatalogModel, catalog
from alignbench.schemas.configuration.gpus import Gpus
from alignbench.schemas.configuration.mistakes import describe
from alignbench.schemas.detection import Detector, ListingDetector, ReferenceDetector, WordDetector
from alignbench.schemas.errors import ConfigError, UnknownNameError, UsageError
from alignbench.schemas.ids import derive_id
from alignbench.schemas.names import Name
from alignbench.schemas.protocols import Options
from alignbench.schemas.registry import Group, find, names, suggestion
from alignbench.schemas.vocabulary import ModelKind

_OF_ENTRY: Final = ("name", "repo", "revision", "family", "prompt")


class DetectorEntry(BaseModel):
    """One detector to be run.

    Attributes:
        name: Its name in tables and figures.
        backend: Name of the plug-in that runs it.
        repo: Repository, path or served name of the model; empty where there is none.
        revision: Pinned revision.
        family: Models of one family prefer each other's captions.
        prompt: Name of a prompt, or its text; the plug-in's own if not given.
        params: What its scores depend on.
        options: How it is reached or run.
        gpus: How many GPUs a worker process of a Ray cluster needs for it, or what share of one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    backend: str
    repo: str = ""
    revision: str | None = None
    family: str | None = None
    prompt: str | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)
    gpus: Gpus | None = None


class PreparedDetector:
    """An entry whose keys were checked and whose revision is known; no model is loaded yet.

    Attributes:
        name: Its name in tables and figures.
        family: Its family; its name if it has none.
        detector_id: Hash of all that its scores depend on.
        reads_pixels: Whether it looks at images.
        most_references: How many reference captions of a sentence it is given at the most.
        word_threshold: The score below which a word counts as wrong, if it scores words.
        record: What is written down of it; without secrets.
        gpus: How many GPUs a process needs for it; None for one where there are any.
        can_be_sent: Whether another process can load it; not so for a function of this process.

    Raises:
        ConfigError: A key or value is wrong.
        UnknownNameError: There is no such plug-in or prompt.
        ModelNotFoundError: Its model is not named, or cannot be had.
    """

    def __init__(self, entry: DetectorEntry, plugin: type[Detector] | None = None) -> None:
        """Checks an entry; `plugin` is its class if that is none of the registry's."""
        self._plugin = plugin or _registered(entry.backend)
        place = f"detector {entry.name!r}"
        self._options = _checked(f"{place}: options", self._plugin.options_type, entry.options)
        self._params = _checked(f"{place}: params", self._plugin.params_type, entry.params)
        self._repo = entry.repo
        self.gpus = gpus_needed(self._plugin.options_type, entry.gpus)
        self.can_be_sent = plugin is None
        self._prompt = self._read_prompt(entry)
        if issubclass(self._plugin, HubRevision):
            check_model_is_named(entry.name, entry.backend, entry.repo)
        with naming_what_runs_offline():
            self._revision = entry.revision or self._plugin.resolve_revision(
                entry.repo, self._options
            )
        self.name, self.family = entry.name, entry.family or entry.name
        self.reads_pixels = self._plugin.reads_pixels
        self.most_references = (
            self._plugin.most_references(self._params)
            if issubclass(self._plugin, ReferenceDetector)
            else 0
        )
        self.word_threshold = (
            self._plugin.word_threshold(self._params)
            if issubclass(self._plugin, WordDetector)
            else None
        )
        sent = self._params.model_dump(mode="json")
        identity = (entry.name, entry.backend, entry.repo, self._revision, self._prompt, sent)
        self.detector_id = derive_id(*identity)
        keys = ("name", "backend", "repo", "revision", "prompt", "params")
        self.record: dict[str, Any] = dict(zip(keys, identity, strict=True)) | {
            "family": self.family,
            "detector_id": self.detector_id,
        }

    @property
    def runs(self) -> bool:
        """Whether it scores anything itself, rather than handing on a list of scores."""
        return not issubclass(self._plugin, ListingDetector)

    def listed_sentences(self) -> Sequence[str] | None:
        """Returns the ids of the sentences that it has scores of; None if it can score any."""
        if not issubclass(self._plugin, ListingDetector):
            return None
        return self._plugin.listed_sentences(self._options)

    def load(self) -> Detector:
        """Loads the model.

        Raises:
            ModelNotFoundError: It cannot be had.
        """
        with naming_what_runs_offline():
            return self._plugin(
                self._repo, self._revision, self._prompt, self._options, self._params
            )

    def _read_prompt(self, entry: DetectorEntry) -> str | None:
        default = self._plugin.default_prompt(self._params)
        if default is None:
            if entry.prompt is not None:
                raise ConfigError(
                    f"The detector {entry.name!r} is asked nothing, but has a prompt.",
                    "Remove its prompt.",
                )
            return None
        return read_prompt(entry.prompt or default)


def _registered(backend: str) -> type[Detector]:
    plugin: type[Detector] = find(Group.DETECTORS, backend)
    return plugin


def parse_detector(text: str) -> DetectorEntry:
    """Returns the detector that a word of the command line names.

    Raises:
        UnknownNameError: There is no such detector; the nearest is named.
        UsageError: What follows the colon is not `key=value` pairs, or a key is not known.
    """
    name, _, rest = text.partition(":")
    entry = _named(name)
    values = _values(rest, text)
    plugin: type[Detector] = find(Group.DETECTORS, entry.backend)
    params, options = dict(entry.params), dict(entry.options)
    changed: dict[str, Any] = {"params": params, "options": options}
    for key, value in values.items():
        if key in _OF_ENTRY:
            changed[key] = str(value)
        elif key in plugin.params_type.model_fields:
            params[key] = value
        elif key in plugin.options_type.model_fields:
            options[key] = value
        else:
            known = [
                *_OF_ENTRY,
                *plugin.params_type.model_fields,
                *plugin.options_type.model_fields,
            ]
            raise UsageError(f"{text!r}: {name} has no key {key!r}.", suggestion(key, known))
    if changed.get("repo", entry.repo) != entry.repo and "revision" not in changed:
        changed["revision"] = None  # the catalog's is one of its own repository
    return _validated(entry.model_dump() | changed, f"--detector {text}")


def read_entries(text: str, where: str) -> list[DetectorEntry]:
    """Returns the `[[detectors]]` of a TOML file; without a backend, one of the catalog.

    Raises:
        ConfigError: It is not TOML, or a key or value is wrong.
        UnknownNameError: A detector is not in the catalog.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where} is not TOML: {error}.", "Correct that line.") from None
    tables = raw.get("detectors")
    if list(raw) != ["detectors"] or not isinstance(tables, list):
        raise ConfigError(f"{where} holds something else than [[detectors]].", "Remove the rest.")
    entries = []
    for table in tables:
        base = {}
        if isinstance(table, dict) and "backend" not in table and "name" in table:
            base = _named(str(table.pop("model", table["name"]))).model_dump()
        entries.append(_validated(base | table, f"{where}: [[detectors]]"))
    return entries


def check_names(entries: list[DetectorEntry]) -> None:
    """Checks that no two detectors share a name.

    Raises:
        UsageError: Two do.
    """
    found = [entry.name for entry in entries]
    for name in found:
        if found.count(name) > 1:
            raise UsageError(
                f"Two detectors are named {name!r}.",
                f"Name one of them otherwise, as in {name}:name=another.",
            )


def _named(name: str) -> DetectorEntry:
    models = [model for model in catalog().values() if model.kind is ModelKind.DETECTOR]
    for model in models:
        if model.name == name:
            return _of_catalog(model, name)
    plugins = names(Group.DETECTORS)
    if name not in plugins:
        known = sorted({*plugins, *(model.name for model in models)})
        raise UnknownNameError(f"There is no detector {name!r}.", suggestion(name, known))
    of_plugin = [model for model in models if model.backend == name]
    inside = [model for model in of_plugin if model.repo.startswith(PACKAGE)]
    for model in [*inside, *of_plugin]:
        return _of_catalog(model, name)
    return DetectorEntry(name=name, backend=name)


def _of_catalog(model: CatalogModel, name: str) -> DetectorEntry:
    return DetectorEntry(
        name=name,
        backend=model.backend,
        repo=model.repo,
        revision=model.revision,
        family=model.family,
        prompt=model.instruction,
        params=model.params,
        options=model.options,
        gpus=model.gpus,
    )


def _values(rest: str, whole: str) -> dict[str, Any]:
    values = {}
    for pair in filter(None, rest.split(",")):
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"{whole!r}: {pair!r} is not key=value.", "Write NAME:key=value,…")
        values[key.strip()] = _scalar(value.strip())
    return values


def _scalar(text: str) -> Any:
    """Returns a TOML value, or the text itself where it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _checked(place: str, kind: type[Options], values: Mapping[str, Any]) -> Options:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise describe(error, place, kind) from None


def _validated(values: Mapping[str, Any], where: str) -> DetectorEntry:
    try:
        return DetectorEntry.model_validate(values)
    except ValidationError as error:
        raise describe(error, where, DetectorEntry) from None
