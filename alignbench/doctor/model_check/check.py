"""A check of one model, from its name to the outcome that is kept."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from alignbench.doctor.check_result import CheckResult, results_or_failure
from alignbench.doctor.model_check.subject import Subject, find_subject
from alignbench.flows.selected.model_checks import CheckedLine, ModelCheck, keep_check
from alignbench.schemas.errors import ConfigError
from alignbench.workspace.workspace import CONFIG_KEY, open_store

_LIBRARIES: Final = ("torch", "transformers", "diffusers", "torchvision")
Checks = Callable[[Subject], Iterator[CheckResult]]


def check_model(name: str, workspace: str, *, with_weights: bool = True) -> ModelCheck:
    """Checks a model, and keeps the outcome where there is a workspace.

    Args:
        name: As in `alignbench.toml`, the catalog, or after `--detector`.
        workspace: A folder, or `s3://bucket/prefix`; it need not be a workspace yet.
        with_weights: Whether to load it, or to read its configuration only.

    Raises:
        UnknownNameError: There is no such model.
        ConfigError: It is none that runs in this process.
    """
    store = open_store(workspace)
    subject = find_subject(name, store)
    by_configuration, by_trying = _checks_of(subject)
    lines = list(results_or_failure("files", lambda: by_configuration(subject)))
    if with_weights and all(line.state != "missing" for line in lines):
        tried = list(results_or_failure("weights", lambda: by_trying(subject)))
        # What was tried counts for more than what was read.
        named = {line.check for line in tried}
        lines = [line for line in lines if line.check not in named] + tried
    check = ModelCheck(
        name=name,
        backend=subject.backend,
        repo=subject.repo,
        revision=subject.revision,
        versions=_versions(),
        with_weights=with_weights,
        checked_at=datetime.now(UTC).isoformat(timespec="seconds"),
        lines=tuple(CheckedLine(**line._asdict()) for line in lines),
    )
    if store.exists(CONFIG_KEY):
        keep_check(store, check)
    return check


def _checks_of(subject: Subject) -> tuple[Checks, Checks]:
    """Returns what is read of a model's configuration, and what is tried with its weights."""
    if subject.backend in ("transformers", "vlm", "likelihood"):
        from alignbench.doctor.model_check import (
            text_models,
            vision_language_files,
            vision_language_trial,
        )

        if text_models.is_text_model(subject):
            return text_models.read, text_models.tried
        return vision_language_files.read, vision_language_trial.tried
    if subject.backend == "diffusers":
        from alignbench.doctor.model_check import pipelines

        return pipelines.read, pipelines.tried
    if subject.backend in ("clip", "siglip", "clip4dm", "itm"):
        from alignbench.doctor.model_check import sentence_scores

        return sentence_scores.read, sentence_scores.tried
    raise ConfigError(
        f"{subject.name!r} is run by the backend {subject.backend!r}; only models that run in this "
        "process are checked.",
        "Ask a server for one caption with --limit 1 instead.",
    )


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
