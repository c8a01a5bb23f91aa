"""The catalog: models that can be used by name, and what each of them needs.

A package brings models by an entry point that names it and a file `catalog.toml` inside it:

    [project.entry-points."alignbench.catalogs"]
    mine = "my_package"

The file holds one `[[models]]` table for each model, with the keys of `CatalogModel`.
"""

import datetime
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError
from pydantic import model_validator as validator

from alignbench.schemas.configuration.gpus import Gpus
from alignbench.schemas.configuration.mistakes import describe
from alignbench.schemas.errors import ConfigError, MissingExtraError, UnknownNameError
from alignbench.schemas.names import Name
from alignbench.schemas.registry import Group, packages, suggestion
from alignbench.schemas.vocabulary import ModelKind

CATALOG_FILE = "catalog.toml"

GROUPS = {
    ModelKind.CAPTIONER: Group.CAPTIONERS,
    ModelKind.IMAGE_GENERATOR: Group.IMAGE_GENERATORS,
    ModelKind.DETECTOR: Group.DETECTORS,
}
"""The plug-ins that run the models of each kind."""

TRUST_REMOTE_CODE = "trust_remote_code"
"""The option that lets code of the model's repository run."""

EnvironmentVariable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
PackageName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Price = Annotated[float, Field(ge=0)]


class CatalogModel(BaseModel):
    """One model that can be used by its name alone.

    Attributes:
        name: What a configuration calls it.
        kind: What it does.
        backend: Name of the plug-in that runs it.
        repo: Repository or served name of the model.
        revision: Pinned revision; not pinned, a workspace resolves it once and keeps it.
        family: Models of one family prefer each other's captions.
        instruction: What it is asked if the configuration does not say.
        params: What is sent to the engine if the configuration does not say.
        options: The backend's own keys if the configuration does not say.
        parameters: How many parameters it has, if that is published.
        license: Licence of its weights, or `proprietary`.
        gpu_gb: GPU memory that it needs in this process, in GB; None where the CPU will do.
        gpus: How many GPUs a worker process of a Ray cluster needs for it, or what share of one;
            not given, one for a model that runs in this process, none for one behind an endpoint.
        packages: Packages that it needs beside those of its backend, by the names they are
            imported under.
        key_env: Name of the environment variable that holds the key of its provider.
        price_in: US dollars for a million tokens sent.
        price_out: US dollars for a million tokens received.
        price_image: US dollars for an image made with the params above.
        price_date: The day on which the prices were read.
        image_tokens: Estimate of the tokens that an image counts as.
        answer_tokens: Estimate of the tokens of an answer, its reasoning included.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    kind: ModelKind
    backend: str
    repo: str
    revision: str | None = None
    family: str
    instruction: str | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)
    parameters: PositiveFloat | None = None
    license: str
    gpu_gb: PositiveFloat | None = None
    gpus: Gpus | None = None
    packages: tuple[PackageName, ...] = ()
    key_env: EnvironmentVariable | None = None
    price_in: Price | None = None
    price_out: Price | None = None
    price_image: Price | None = None
    price_date: datetime.date | None = None
    image_tokens: PositiveInt | None = None
    answer_tokens: PositiveInt | None = None

    @property
    def needs_remote_code(self) -> bool:
        """Whether code of the model's repository runs when it is loaded."""
        return self.options.get(TRUST_REMOTE_CODE) is True

    @validator(mode="after")
    def _prices_are_whole(self) -> Self:
        if (self.price_in is None) != (self.price_out is None):
            raise ValueError("price_in and price_out stand together")
        priced = self.price_in is not None or self.price_image is not None
        if priced != (self.price_date is not None):
            raise ValueError("a price and price_date stand together")
        return self


class _CatalogFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    models: tuple[CatalogModel, ...] = ()


class _Brought(NamedTuple):
    package: str
    model: CatalogModel


@cache
def catalog() -> Mapping[str, CatalogModel]:
    """Returns the models of all installed catalogs by name, in the order of their files.

    Raises:
        ConfigError: A catalog is missing or wrong, or two models have one name.
        MissingExtraError: A package with a catalog needs one that is not installed.
    """
    brought: dict[str, _Brought] = {}
    for package in packages(Group.CATALOGS):
        for model in _models(package):
            if model.name in brought:
                raise ConfigError(
                    f"The model {model.name!r} stands in the catalogs of two packages, "
                    f"{brought[model.name].package!r} and {package!r}."
                    if brought[model.name].package != package
                    else f"The model {model.name!r} stands twice in the catalog of {package!r}.",
                    "Uninstall one of them, or give its model another name.",
                )
            brought[model.name] = _Brought(package, model)
    return {name: model for name, (_, model) in brought.items()}


def catalog_model(name: str, kind: ModelKind) -> CatalogModel:
    """Returns a model of the catalog.

    Raises:
        UnknownNameError: There is none of that name and kind; the nearest is named.
    """
    model = catalog().get(name)
    if model is not None and model.kind is kind:
        return model
    if model is not None:
        raise UnknownNameError(
            f"{name!r} of the catalog is no {_words(kind)} but {_with_article(model.kind)}.",
            f"Name it where {_words(model.kind)}s are named.",
        )
    known = [model.name for model in catalog().values() if model.kind is kind]
    raise UnknownNameError(
        f"There is no {_words(kind)} {name!r} in the catalog.",
        f"{suggestion(name, sorted(known))} A model of your own needs a 'backend' and a 'repo'.",
    )


def _models(package: str) -> tuple[CatalogModel, ...]:
    where = f"{package}/{CATALOG_FILE}"
    try:
        text = (files(package) / CATALOG_FILE).read_text(encoding="utf-8")
        return _CatalogFile.model_validate(tomllib.loads(text)).models
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"The catalog of {package!r} needs the package {error.name!r}, which is not installed.",
            "Install it, or uninstall what brings that catalog.",
        ) from None
    except (FileNotFoundError, TypeError):  # the latter: a module, not a package
        raise ConfigError(
            f"The package {package!r} is said to have a catalog, but there is no {where}.",
            "Install that package again, or uninstall it.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where} is not TOML: {error}.", "Correct that line.") from None
    except ValidationError as error:
        raise describe(error, where, _CatalogFile) from None


def _words(kind: ModelKind) -> str:
    return kind.value.replace("_", " ")


def _with_article(kind: ModelKind) -> str:
    return f"an {_words(kind)}" if kind is ModelKind.IMAGE_GENERATOR else f"a {_words(kind)}"
