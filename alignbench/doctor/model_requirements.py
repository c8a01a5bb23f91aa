"""Whether a model of the catalog can run on this machine, and what it lacks where it cannot."""

import os
import socket
from functools import cache
from importlib.util import find_spec
from typing import NamedTuple
from urllib.parse import urlsplit

from alignbench.models.errors import ModelNotFoundError
from alignbench.models.in_process.weights import HubRevision, local_folder
from alignbench.schemas.configuration.catalog import GROUPS, CatalogModel
from alignbench.schemas.configuration.mistakes import is_http_address
from alignbench.schemas.errors import AlignBenchError, UnknownNameError
from alignbench.schemas.registry import Group, find

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ANSWER_SECONDS = 0.5


class Gpu(NamedTuple):
    """The GPU that a model would be loaded on, and its memory in GB (10**9 bytes)."""

    name: str
    memory_gb: float


def requirements(model: CatalogModel) -> list[str]:
    """Returns what a model needs, in words: GPU memory, a key, a server, a promise."""
    found = [f"GPU {model.gpu_gb:g} GB"] if model.gpu_gb is not None else []
    found.extend(f"the package {package}" for package in model.packages)
    if model.key_env is not None:
        found.append(model.key_env)
    if (server := _own_server(model)) is not None:
        found.append(f"a server at {server}")
    if model.needs_remote_code:
        found.append("trust_remote_code")
    return found


def obstacles(model: CatalogModel) -> list[str]:
    """Returns why a model cannot run here; empty if it can.

    Looked at are packages, the environment, the GPU and servers of this machine. Nothing is asked
    of another one: not whether a key is good, nor whether weights can be had.
    """
    found = []
    if (missing := _missing_backend(GROUPS[model.kind], model.backend)) is not None:
        found.append(missing)
    for package in model.packages:
        if find_spec(package) is None:
            found.append(f"{package} is not installed")
    if model.key_env is not None and not os.environ.get(model.key_env):
        found.append(f"{model.key_env} is not set")
    if (server := _own_server(model)) is not None and not _answers(server):
        found.append(f"no server at {server}")
    # Without the backend there may be no PyTorch to ask, and its own absence is reason enough.
    if model.gpu_gb is not None and missing is None:
        gpu = largest_gpu()
        if gpu is None:
            found.append("no GPU")
        elif gpu.memory_gb < model.gpu_gb:
            found.append(f"{gpu.name} has {gpu.memory_gb:.0f} GB")
    return found


def is_downloaded(model: CatalogModel) -> bool | None:
    """Tells whether a model's files are on this machine; None of one that has none here.

    Asked is the cache of the hub, whose files may be of another revision than today's.
    """
    try:
        backend = find(GROUPS[model.kind], model.backend)
    except AlignBenchError:
        return None
    if not issubclass(backend, HubRevision):
        return None
    try:
        if local_folder(model.repo) is not None:
            return True
    except ModelNotFoundError:
        return False
    from huggingface_hub import try_to_load_from_cache

    names = ("config.json", "model_index.json")
    return any(isinstance(try_to_load_from_cache(model.repo, name), str) for name in names)


@cache
def largest_gpu() -> Gpu | None:
    """Returns the GPU with the most memory, or None where there is none or no PyTorch to ask."""
    if find_spec("torch") is None:
        return None
    import torch

    if torch.cuda.is_available():
        devices = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
        largest = max(devices, key=lambda device: device.total_memory)
        return Gpu(largest.name, largest.total_memory / 1e9)
    if torch.backends.mps.is_available():
        return Gpu("Apple GPU", torch.mps.recommended_max_memory() / 1e9)
    return None


@cache
def _missing_backend(group: Group, backend: str) -> str | None:
    try:
        find(group, backend)
    except UnknownNameError:
        return f"no plug-in {backend!r} is installed"
    except AlignBenchError as error:
        return f"{error.what} {error.fix}"
    return None


def _own_server(model: CatalogModel) -> str | None:
    """Returns the address of a server on this machine that the operator has to run."""
    url = model.options.get("base_url")
    if not isinstance(url, str) or not is_http_address(url):
        return None
    return url if urlsplit(url).hostname in _LOOPBACK else None


@cache
def _answers(url: str) -> bool:
    parts = urlsplit(url)
    place = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    try:
        socket.create_connection(place, _ANSWER_SECONDS).close()
    except OSError:
        return False
    return True
