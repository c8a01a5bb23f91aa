"""The sections of `alignbench.toml` that name a plug-in: sources, models and prompts."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from alignbench.schemas.configuration.gpus import Gpus
from alignbench.schemas.configuration.mistakes import refusing
from alignbench.schemas.names import Name
from alignbench.schemas.protocols import Options
from alignbench.schemas.registry import Group, find

# A release cannot be made of some names (release.names); better to hear it before the work.
_model_name = refusing(
    lambda name: name in ("all", "annotations"),
    "'all' and 'annotations' are names of other configs of a release",
    "Give the model another name.",
)
_sources = refusing(lambda sources: sources == (), "it names no source", "Leave it out for all.")


class _PluginSection(BaseModel):
    """A section whose further keys belong to the plug-in that it names."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @property
    def further(self) -> dict[str, Any]:
        """The keys that are the plug-in's own."""
        return dict(self.model_extra or {})


class SourceConfig(_PluginSection):
    """`[[sources]]`: where images come from."""

    name: Name
    kind: str

    def options(self) -> Options:
        """The plug-in's own keys, validated."""
        options: Options = find(Group.SOURCES, self.kind).options_type.model_validate(self.further)
        return options


class GeneratorConfig(_PluginSection):
    """`[[captioners]]` and `[[image_generators]]`: a model, and what is sent to it.

    What an entry without a `backend` leaves out is the catalog's (`catalog_defaults`).

    Attributes:
        name: The model's name in tables and releases; two entries may not share one.
        model: The model's name in the catalog; None for a model of the operator's own.
        backend: Name of the plug-in that runs it.
        repo: Repository, path or served name of the model.
        revision: Pinned revision. Not pinned, it is resolved once and kept.
        family: Models of one family prefer each other's captions; `name` if not given.
        instruction: What a captioner is asked.
        samples: Generations for each image or prompt.
        sources: For a captioner, the sources whose images it gets; all if not given.
        params: What is sent to the engine, exactly.
        gpus: How many GPUs a worker process of a Ray cluster needs for it, or what share of one.
    """

    name: Annotated[Name, AfterValidator(_model_name)]
    model: str | None = None
    backend: str
    repo: str = ""
    revision: str | None = None
    family: str | None = None
    instruction: str | None = None
    samples: Annotated[int, Field(ge=1, le=100)] = 1
    sources: Annotated[tuple[str, ...] | None, AfterValidator(_sources)] = None
    params: dict[str, Any] = Field(default_factory=dict)
    gpus: Gpus | None = None

    def options(self, group: Group) -> Options:
        """The backend's own keys, validated."""
        options: Options = find(group, self.backend).options_type.model_validate(self.further)
        return options

    def checked_params(self, group: Group) -> Options:
        """What is sent to the engine, validated."""
        params: Options = find(group, self.backend).params_type.model_validate(self.params)
        return params


class PromptsConfig(_PluginSection):
    """`[[prompts]]`: where prompts for image generators come from."""

    name: Name
    kind: str

    def options(self) -> Options:
        """The plug-in's own keys, validated."""
        plugin = find(Group.PROMPT_SOURCES, self.kind)
        options: Options = plugin.options_type.model_validate(self.further)
        return options
