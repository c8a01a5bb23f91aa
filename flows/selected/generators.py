"""Which generators the configuration selects, and the model behind each.

A generator's id is made of everything that is sent to the model, its revision included. A revision
that is not pinned is resolved once, before any key is made, and kept in table `generators`: a model
repository that moves on does not change the keys of a benchmark that is half made.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from alignbench.engine.errors import BackendFailedError
from alignbench.flows.runs.run import Run
from alignbench.flows.selected.prices import with_prices
from alignbench.models.in_process.placement import gpus_needed
from alignbench.schemas import ids
from alignbench.schemas.configuration.plugin_sections import GeneratorConfig
from alignbench.schemas.errors import AlignBenchError, ConfigError
from alignbench.schemas.registry import Group, find
from alignbench.schemas.rows.generation import Generator
from alignbench.schemas.tables import GENERATORS
from alignbench.schemas.vocabulary import Direction

_loaded: dict[tuple[str | None, ...], Any] = {}

GROUPS = {Direction.I2T: Group.CAPTIONERS, Direction.T2I: Group.IMAGE_GENERATORS}


class SelectedGenerator(NamedTuple):
    """An entry of the configuration and the row that stands for it."""

    config: GeneratorConfig
    row: Generator

    @property
    def group(self) -> Group:
        """The kind of plug-in that runs it."""
        return GROUPS[self.row.direction]


def configured(run: Run, direction: Direction) -> Sequence[GeneratorConfig]:
    """Returns the configuration's generators of a direction."""
    return run.config.captioners if direction is Direction.I2T else run.config.image_generators


def known_generators(run: Run, *directions: Direction) -> list[SelectedGenerator]:
    """Returns the selected generators that have a row already, in the configuration's order.

    One that has no row yet has made nothing, so stages after generation need not know it.
    """
    rows = list(run.workspace.table(GENERATORS).rows())
    return [
        SelectedGenerator(config, row)
        for direction in directions or tuple(Direction)
        for config in configured(run, direction)
        if (row := _row(config, direction, rows)) is not None
    ]


def planned_generators(run: Run, direction: Direction) -> list[SelectedGenerator]:
    """Returns all selected generators of a direction without writing or asking anything.

    One that has no row yet gets a provisional one, good for counting what it would make.
    """
    return planned_models(run, configured(run, direction), direction)


def planned_models(
    run: Run, configs: Sequence[GeneratorConfig], direction: Direction
) -> list[SelectedGenerator]:
    """Returns models, those without a row with a provisional one; writes and asks nothing."""
    rows = list(run.workspace.table(GENERATORS).rows())
    return [
        SelectedGenerator(
            config, _row(config, direction, rows) or _new_row(config, direction, config.revision)
        )
        for config in configs
    ]


def register_generators(run: Run, direction: Direction) -> list[SelectedGenerator]:
    """Returns all selected generators of a direction; new ones get their row first.

    Raises:
        ConfigError: Two entries stand for the same model.
    """
    return register_makers(run, configured(run, direction), direction)


def register_makers(
    run: Run, configs: Sequence[GeneratorConfig], direction: Direction
) -> list[SelectedGenerator]:
    """Returns models under whose names what they make stands; new ones get their row first.

    Raises:
        ConfigError: Two entries stand for the same model, or one has another name than before.
    """
    selected, fresh = _with_rows(run, configs, direction)
    _check_distinct(selected)
    _check_names(selected)
    run.workspace.table(GENERATORS).append(fresh, run.run_id)
    return selected


def register_models(
    run: Run, configs: Sequence[GeneratorConfig], direction: Direction
) -> list[SelectedGenerator]:
    """Returns models; new ones get their row first. One model may serve several entries."""
    selected, fresh = _with_rows(run, configs, direction)
    run.workspace.table(GENERATORS).append(fresh, run.run_id)
    return selected


def _with_rows(
    run: Run, configs: Sequence[GeneratorConfig], direction: Direction
) -> tuple[list[SelectedGenerator], list[Generator]]:
    """Returns models with their rows, and the rows that are new."""
    rows = list(run.workspace.table(GENERATORS).rows())
    selected: list[SelectedGenerator] = []
    fresh: list[Generator] = []
    for config in configs:
        row = _row(config, direction, [*rows, *fresh])
        if row is None:
            row = _new_row(config, direction, _resolved_revision(config, direction))
            fresh.append(row)
        selected.append(SelectedGenerator(config, row))
    return selected, fresh


def load(selected: SelectedGenerator) -> Any:
    """Returns the model of a selected generator, loaded once per process, one model at a time.

    Raises:
        BackendFailedError: It cannot be loaded.
    """
    config = selected.config
    wanted = (
        selected.group.value,
        config.backend,
        selected.row.repo,
        selected.row.revision,
        with_prices(config, config.options(selected.group)).model_dump_json(),
        selected.row.params,
    )
    if wanted not in _loaded:
        _loaded.clear()  # before the next one comes in: memory holds one
        _loaded[wanted] = _made(selected)
    return _loaded[wanted]


def _made(selected: SelectedGenerator) -> Any:
    config = selected.config
    plugin = find(selected.group, config.backend)
    options = with_prices(config, config.options(selected.group))
    params = config.checked_params(selected.group)
    try:
        return plugin(selected.row.repo, selected.row.revision, options, params)
    except AlignBenchError:
        raise
    except Exception as error:
        raise BackendFailedError(
            f"{config.name!r} ({config.backend} {selected.row.repo}) cannot be loaded: "
            f"{type(error).__name__}: {error}.",
            "Mend the cause and run the same command again; nothing was marked as failed.",
        ) from error


def reads_pixels(selected: SelectedGenerator) -> bool:
    """Tells whether a captioner looks at images, or passes on captions that came with them."""
    return bool(find(selected.group, selected.config.backend).reads_pixels)


def worker_gpus(selected: SelectedGenerator) -> float | None:
    """Returns how many GPUs a process needs for a model; None for one where there are any."""
    plugin = find(selected.group, selected.config.backend)
    return gpus_needed(plugin.options_type, selected.config.gpus)


def _row(
    config: GeneratorConfig, direction: Direction, rows: Sequence[Generator]
) -> Generator | None:
    return next(_matches(config, direction, rows), None)


def _matches(
    config: GeneratorConfig, direction: Direction, rows: Sequence[Generator]
) -> Iterator[Generator]:
    for row in rows:
        if (
            row.direction is direction
            and row.backend == config.backend
            and row.repo == _repo(config)
            and row.requested_revision == config.revision
            and row.instruction == config.instruction
            and row.params == _params(config, direction)
        ):
            yield row


def _resolved_revision(config: GeneratorConfig, direction: Direction) -> str | None:
    if config.revision is not None:
        return config.revision
    group = GROUPS[direction]
    plugin = find(group, config.backend)
    revision: str | None = plugin.resolve_revision(_repo(config), config.options(group))
    return revision


def _repo(config: GeneratorConfig) -> str:
    return config.repo or config.name


def _new_row(config: GeneratorConfig, direction: Direction, revision: str | None) -> Generator:
    group = GROUPS[direction]
    repo = _repo(config)
    params = config.checked_params(group).model_dump(exclude_unset=True, mode="json")
    return Generator(
        generator_id=ids.generator_id(
            direction, config.backend, repo, revision, config.instruction, params
        ),
        direction=direction,
        model=config.name,
        family=config.family or config.name,
        backend=config.backend,
        repo=repo,
        revision=revision,
        requested_revision=config.revision,
        instruction=config.instruction,
        params=ids.canonical_json(params),
    )


def _check_distinct(selected: Sequence[SelectedGenerator]) -> None:
    names: dict[str, str] = {}
    for config, row in selected:
        other = names.setdefault(row.generator_id, config.name)
        if other != config.name:
            raise ConfigError(
                f"{other!r} and {config.name!r} are the same model, asked the same thing.",
                "Remove one, or let them differ in revision, instruction or params.",
            )


def _check_names(selected: Sequence[SelectedGenerator]) -> None:
    for config, row in selected:
        if config.name != row.model:
            raise ConfigError(
                f"{config.name!r} is the model that this workspace knows as {row.model!r}, under "
                "which name its rows stand.",
                "Name it so, or let it differ in revision, instruction or params.",
            )


def _params(config: GeneratorConfig, direction: Direction) -> str:
    params = config.checked_params(GROUPS[direction])
    return ids.canonical_json(params.model_dump(exclude_unset=True, mode="json"))
