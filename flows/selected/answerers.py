"""The models whose answers count: configured captioners, and those whose answers were imported."""

from alignbench.flows.runs.run import Run
from alignbench.flows.selected.chat_models import planned_responders
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.rows.generation import Generator
from alignbench.schemas.tables import GENERATORS

IMPORTED = "imported"
"""Backend in the row of a model that answered elsewhere: nothing of how it did is known."""


def answering_models(run: Run) -> list[Generator]:
    """Returns the models whose answers are judged, rated, reported and released.

    Raises:
        ConfigError: A captioner has the name of a model whose answers were imported.
    """
    configured = [one.row for one in planned_responders(run)]
    imported = imported_models(run)
    names = {row.model for row in configured}
    for row in imported:
        if row.model in names:
            raise ConfigError(
                f"[[captioners]] {row.model!r} has the name of a model whose answers were "
                "imported.",
                "Give the captioner another name: figures are told apart by it.",
            )
    return [*configured, *imported]


def imported_models(run: Run) -> list[Generator]:
    """Returns the models whose answers were imported."""
    return [row for row in run.workspace.table(GENERATORS).rows() if row.backend == IMPORTED]
