"""Which weights may be loaded, and which revision of them it is.

Only safetensors: a pickled file runs whatever code its author put in when it is opened.
"""

import re
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

from alignbench.models.errors import ChangedWeightsError, ModelNotFoundError, PickledWeightsError
from alignbench.models.in_process.folder_digest import files_below, folder_digest
from alignbench.models.in_process.library_errors import translated
from alignbench.schemas.protocols import Options

PACKAGE: Final = "package:"
"""Begins the name of a model that comes inside an installed package: `package:name/folder`."""
_OUR_PACKAGES: Final = frozenset({"scenes"})
"""Named without `alignbench.`: the name is part of generators' ids, which must not change."""
_LOCAL: Final = "sha256:"
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_PICKLED: Final = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle")


class Weights(NamedTuple):
    """What `from_pretrained` is called with.

    Attributes:
        source: A local folder, or a repository on the hub.
        revision: The revision on the hub; None for a folder.
        contents: What tells its files from all others: a commit, or a folder's hash as
            `resolve_revision` gives it. None where nobody said, or a branch was named, which moves.
    """

    source: str
    revision: str | None
    contents: str | None = None


def find_weights(repo: str, revision: str | None) -> Weights:
    """Returns what is to be loaded for a model.

    Args:
        repo: A folder, `package:name/folder`, or a repository on the hub.
        revision: As `resolve_revision` gave it, or pinned by the operator.

    Raises:
        PickledWeightsError: A folder holds no weights that are safe to open.
        ChangedWeightsError: A folder holds other files than those that made earlier rows.
        ModelNotFoundError: There is no such package or folder.
    """
    folder = local_folder(repo)
    if folder is None:
        is_commit = revision is not None and _COMMIT.fullmatch(revision) is not None
        return Weights(repo, revision, revision if is_commit else None)
    _check_safe(folder)
    is_hash = revision is not None and revision.startswith(_LOCAL)
    if is_hash and revision != _revision(folder):
        raise ChangedWeightsError(
            f"The files in {repo} are not those that this workspace's rows were made with.",
            "Put the old ones back, or give the changed model a name and folder of its own.",
        )
    return Weights(str(folder), None, revision if is_hash else None)


def resolve_revision(repo: str) -> str:
    """Returns the revision that a model has now: a commit, or a hash of a folder's files.

    Raises:
        ModelNotFoundError: There is no such model, or the hub cannot be asked.
    """
    folder = local_folder(repo)
    if folder is not None:
        return _revision(folder)
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = HfApi().model_info(repo).sha
    except Exception as error:
        if not isinstance(error, HFValidationError) and translated(error, repo) is None:
            raise
        for name in ("config.json", "model_index.json"):
            cached = (
                None if isinstance(error, HFValidationError) else try_to_load_from_cache(repo, name)
            )
            if isinstance(cached, str):
                return Path(cached).parent.name
        raise ModelNotFoundError(
            f"The revision of {repo!r} cannot be determined: {type(error).__name__}.",
            "Check the name and the network, set revision to a commit, or give a local folder.",
        ) from None
    if found is None:
        raise ModelNotFoundError(f"The hub gives no revision of {repo!r}.", "Set revision.")
    return str(found)


class HubRevision:
    """What plug-ins have in common whose model `find_weights` finds."""

    @classmethod
    def resolve_revision(cls, repo: str, options: Options) -> str | None:  # noqa: ARG003
        """Returns the commit of the repository, or a hash of the folder's files."""
        return resolve_revision(repo)


def local_folder(repo: str) -> Path | None:
    """Returns the folder that a model's name stands for; None for one on the hub.

    Raises:
        ModelNotFoundError: There is no such package or folder, or nothing is named.
    """
    if not repo:  # the path "" is the current folder
        raise ModelNotFoundError("No model is named.", "Give a repository or a folder.")
    if repo.startswith(PACKAGE):
        name, _, path = repo.removeprefix(PACKAGE).partition("/")
        package = f"alignbench.{name}" if name in _OUR_PACKAGES else name
        try:
            folder: Path | None = Path(str(files(package).joinpath(path)))
        except ModuleNotFoundError:
            folder = None
        if folder is None or not path or ".." in Path(path).parts or not folder.is_dir():
            raise ModelNotFoundError(
                f"No installed package has {repo!r}.", "Install it, or correct the name."
            )
        return folder
    named = Path(repo)
    if named.is_dir():
        return named
    if named.is_absolute() or repo.startswith((".", "~")):
        raise ModelNotFoundError(f"There is no folder {repo}.", "Correct the path.")
    return None


def _check_safe(folder: Path) -> None:
    names = [path.relative_to(folder).as_posix() for path in files_below(folder)]
    if any(name.endswith(".safetensors") for name in names):
        return
    pickled = next((name for name in names if name.endswith(_PICKLED)), None)
    raise PickledWeightsError(
        f"{folder} has no weights as safetensors"
        + (f"; {pickled} is a pickle, which can run any code when opened." if pickled else "."),
        "Save the model with save_pretrained of a current version, which writes safetensors.",
    )


def _revision(folder: Path) -> str:
    return _LOCAL + folder_digest(folder)[:32]
