"""What probes found, kept on this machine: a model is tried at its first start, not at every one.

On a processor, trying a model of a gigabyte takes as long as captioning six images. What is kept is
only what was found *good*, of the very same files: what failed may have failed for a passing
reason, and is tried again. Findings lie in the user's cache folder, a small file each; removing
them costs the next start a trial, and a file that cannot be read is as if it were not there.
"""

import os
import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, TypeVar

import torch
from platformdirs import user_cache_path
from pydantic import TypeAdapter, ValidationError

from alignbench.models.in_process.placement import InProcessOptions, Placement
from alignbench.models.in_process.weights import Weights
from alignbench.schemas.ids import JsonValue, derive_id, sha256_hex

FOLDER: Final = "ALIGNBENCH_PROBES"
"""The variable that names another folder than the user's for what is remembered."""
_LIBRARIES: Final = ("torch", "transformers", "diffusers")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RememberedFindings:
    """Findings about one model, run in one way on this machine.

    Attributes:
        model: All that a finding may depend on, as a hash; None for a model whose files are not
            known to be the same the next time, of which nothing is kept.
        tries_again: Whether earlier findings are passed over, and replaced.
    """

    model: str | None = None
    tries_again: bool = False

    @classmethod
    def of(
        cls,
        weights: Weights,
        options: InProcessOptions,
        placement: Placement,
        *further: JsonValue,
        tries_again: bool = False,
    ) -> "RememberedFindings":
        """Returns what is remembered of a model.

        Args:
            weights: Its files.
            options: How it is run.
            placement: Where it is run.
            *further: What else is the same in each start.
            tries_again: Whether earlier findings are passed over, and replaced.
        """
        if weights.contents is None:
            return cls(tries_again=tries_again)
        here = [platform.machine(), torch.backends.cpu.get_cpu_capability()]
        facts: list[JsonValue] = [
            weights.contents, options.model_dump(mode="json"), placement.lineage(), here,
            [_version(name) for name in _LIBRARIES], _own_code(), *further,
        ]  # fmt: skip
        return cls(derive_id(*facts), tries_again)

    def found(
        self,
        name: str,
        kind: type[T],
        probe: Callable[[], T],
        *,
        is_good: Callable[[T], bool],
        given: JsonValue = None,
    ) -> T:
        """Returns what a probe finds, or found at an earlier start.

        Args:
            name: The probe's.
            kind: What it returns: a dataclass, a named tuple, an enumeration or a plain value.
            probe: Tries the model.
            is_good: Whether a finding may be kept.
            given: What the probe depends on beside the model.
        """
        if self.model is None:
            return probe()
        adapter = TypeAdapter(kind)
        path = _folder() / f"{name}-{derive_id(self.model, name, given)}.json"
        if not self.tries_again:
            with suppress(OSError, ValidationError):
                return adapter.validate_json(path.read_bytes())
        finding = probe()
        if is_good(finding):
            _write(path, adapter.dump_json(finding))
        return finding


def _folder() -> Path:
    named = os.environ.get(FOLDER)
    return Path(named) if named else user_cache_path("alignbench") / "probes"


def _write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all; where nothing can be written, nothing is remembered."""
    written = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        written.write_bytes(content)
        written.replace(path)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@cache
def _own_code() -> str:
    """Returns a hash of the code that runs and tries models: another version may find otherwise."""
    folder = Path(__file__).parent
    return sha256_hex(b"\0".join(file.read_bytes() for file in sorted(folder.rglob("*.py"))))
