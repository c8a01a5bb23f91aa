"""What a name that is to be checked stands for: the model, and how a run would ask it."""

from dataclasses import dataclass
from typing import Any, Final

from alignbench.evaluation.chosen_detectors.entries import parse_detector
from alignbench.evaluation.prompts import read_prompt
from alignbench.models.in_process.weights import find_weights
from alignbench.schemas.configuration.catalog import GROUPS, catalog
from alignbench.schemas.configuration.config import Config, decode_config, parse_config
from alignbench.schemas.configuration.plugin_sections import GeneratorConfig
from alignbench.schemas.errors import ConfigError, UnknownNameError
from alignbench.schemas.protocols import Options
from alignbench.schemas.registry import Group, find, suggestion
from alignbench.schemas.vocabulary import ModelKind
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.workspace import CONFIG_KEY

_INSTRUCTION: Final = "Describe this image."


@dataclass(frozen=True, slots=True)
class Subject:
    """A model that is to be checked.

    Attributes:
        name: What it was called.
        kind: What it does.
        backend: The plug-in that runs it.
        repo: Repository, or folder.
        revision: Pinned, or as resolved now.
        asked: A captioner's instruction, or a detector's prompt.
        options: How it is run.
        params: What is sent to it.
    """

    name: str
    kind: ModelKind
    backend: str
    repo: str
    revision: str | None
    asked: str | None
    options: Options
    params: Options

    def load(self) -> Any:
        """Loads the model as a run would."""
        plugin = find(GROUPS[self.kind], self.backend)
        if self.kind is ModelKind.DETECTOR:
            return plugin(self.repo, self.revision, self.asked, self.options, self.params)
        return plugin(self.repo, self.revision, self.options, self.params)

    @property
    def source(self) -> str:
        """Where its files are.

        Raises:
            PickledWeightsError: A folder holds no weights that are safe to open.
            ModelNotFoundError: There is no such folder.
        """
        return find_weights(self.repo, self.revision).source


def find_subject(name: str, store: ObjectStore) -> Subject:
    """Returns what a name stands for: a model of the workspace, of the catalog, or a detector.

    Args:
        name: As in `alignbench.toml`, the catalog, or after `--detector`.
        store: A workspace, or a place without one.

    Raises:
        UnknownNameError: It stands for nothing.
        ConfigError: The configuration has a mistake.
    """
    configured = _configured(store)
    for kind, entries in (
        (ModelKind.CAPTIONER, configured.captioners if configured else ()),
        (ModelKind.IMAGE_GENERATOR, configured.image_generators if configured else ()),
        (ModelKind.CAPTIONER, _asked_about_texts(configured)),
    ):
        for entry in entries:
            if entry.name == name:
                return _of_entry(entry, kind)
    model = catalog().get(name)
    if model is not None and model.kind is not ModelKind.DETECTOR:
        entry = GeneratorConfig.model_validate(
            {key: getattr(model, key) for key in ("name", "backend", "repo", "revision", "params")}
            | {"instruction": model.instruction, **model.options}
        )
        return _of_entry(entry, model.kind)
    try:
        return _of_detector(name)
    except UnknownNameError:
        names = [entry.name for entry in configured.captioners] if configured else []
        known = [*names, *catalog()]
        raise UnknownNameError(f"There is no model {name!r}.", suggestion(name, known)) from None


def _asked_about_texts(configured: Config | None) -> list[GeneratorConfig]:
    """Returns rewriters and judges, which are tried as captioners are if they see images."""
    entries = [*configured.rewriters, *configured.judges] if configured else []
    return [entry.model_copy(update={"instruction": _INSTRUCTION}) for entry in entries]


def _configured(store: ObjectStore) -> Config | None:
    if not store.exists(CONFIG_KEY):
        return None
    where = f"{store.url}/{CONFIG_KEY}"
    return parse_config(decode_config(store.read(CONFIG_KEY), where), where)


def _of_entry(entry: GeneratorConfig, kind: ModelKind) -> Subject:
    group = GROUPS[kind]
    options, repo = entry.options(group), entry.repo or entry.name
    revision = entry.revision or find(group, entry.backend).resolve_revision(repo, options)
    params = entry.checked_params(group)
    return Subject(
        entry.name, kind, entry.backend, repo, revision, entry.instruction, options, params
    )


def _of_detector(text: str) -> Subject:
    entry = parse_detector(text)
    plugin = find(Group.DETECTORS, entry.backend)
    options = plugin.options_type.model_validate(entry.options)
    params = plugin.params_type.model_validate(entry.params)
    if not entry.repo:
        raise ConfigError(
            f"The detector {entry.name!r} has no model.",
            f"Name one, as in {entry.name}:repo=FOLDER.",
        )
    prompt = entry.prompt or plugin.default_prompt(params)
    asked = None if prompt is None else read_prompt(prompt)
    revision = entry.revision or plugin.resolve_revision(entry.repo, options)
    return Subject(
        entry.name, ModelKind.DETECTOR, entry.backend, entry.repo, revision, asked, options, params
    )
