"""`models`: what the catalog holds and each model needs; with `--check`, what one model does."""

from typing import TYPE_CHECKING, Annotated

import typer

from alignbench.schemas.vocabulary import ModelKind
from alignbench.terminal.context import Context
from alignbench.terminal.output import print_json, print_table, say

if TYPE_CHECKING:
    from alignbench.schemas.configuration.catalog import CatalogModel
    from alignbench.schemas.ids import JsonValue


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(models)


def models(
    context: typer.Context,
    kind: Annotated[ModelKind | None, typer.Option("--kind", help="Only models of a kind.")] = None,
    check: Annotated[
        str | None,
        typer.Option("--check", metavar="NAME", help="Try this model, and say what to set for it."),
    ] = None,
    without_weights: Annotated[
        bool,
        typer.Option("--without-weights", help="With --check: read its configuration only."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List the models of the catalog, and what each needs to run here; or check one."""
    if check is not None:
        _check(context.obj, check, not without_weights, as_json)
        return
    from alignbench.schemas.configuration.catalog import catalog

    kinds = list(ModelKind) if kind is None else [kind]
    listed = [model for each in kinds for model in catalog().values() if model.kind is each]
    if as_json:
        print_json([_as_json(model) for model in listed])
        return
    for each in kinds:
        of_kind = [model for model in listed if model.kind is each]
        if of_kind:
            _print(each, of_kind)
    if not listed:
        say("The catalog is empty.")


def _check(context: Context, name: str, with_weights: bool, as_json: bool) -> None:
    from alignbench.doctor.check_result import CheckResult
    from alignbench.doctor.model_check.check import check_model

    check = check_model(name, context.workspace, with_weights=with_weights)
    if as_json:
        print_json(check.as_json())
    else:
        say(f"{check.name}: {check.repo}, revision {check.revision or 'of no name'}")
        for line in check.lines:
            say(CheckResult(line.check, line.state, line.found, line.fix).line())
    if not check.is_ok:
        raise typer.Exit(1)


def _print(kind: ModelKind, listed: "list[CatalogModel]") -> None:
    from alignbench.doctor.model_requirements import requirements

    say(f"{kind.value}s".replace("_", " "))
    print_table(
        ["name", "backend", "repo", "family", "size", "licence", "needs", "runs here"],
        [
            (
                model.name,
                model.backend,
                model.repo,
                model.family,
                _size(model.parameters),
                model.license,
                ", ".join(requirements(model)),
                _runs_here(model),
            )
            for model in listed
        ],
        fold=False,
    )
    say("")


def _runs_here(model: "CatalogModel") -> str:
    from alignbench.doctor.model_requirements import is_downloaded, obstacles

    why_not = obstacles(model)
    if why_not:
        return "; ".join(why_not)
    return "once downloaded" if is_downloaded(model) is False else "yes"


def _as_json(model: "CatalogModel") -> "JsonValue":
    from alignbench.doctor.model_requirements import is_downloaded, obstacles, requirements

    why_not = obstacles(model)
    return {
        "name": model.name,
        "kind": model.kind,
        "backend": model.backend,
        "repo": model.repo,
        "family": model.family,
        "parameters": model.parameters,
        "license": model.license,
        "gpu_gb": model.gpu_gb,
        "key_env": model.key_env,
        "needs": requirements(model),
        "runs_here": not why_not,
        "why_not": why_not,
        "downloaded": is_downloaded(model),
    }


def _size(parameters: float | None) -> str:
    if parameters is None:
        return "?"
    if parameters < 1e9:
        return f"{parameters / 1e6:.0f}M"
    return f"{parameters / 1e9:.3g}B"
