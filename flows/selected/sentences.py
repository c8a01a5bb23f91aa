"""What the current configuration selects, for the stages after generation."""

from alignbench.flows.runs.run import Run
from alignbench.flows.selected.generators import known_generators
from alignbench.schemas.rows.generation import Splitter
from alignbench.schemas.tables import SPLITTERS
from alignbench.workspace.selection import Selection


def current_selection(run: Run) -> Selection:
    """Returns the generators that the configuration names and the splitter in use."""
    splitter = current_splitter(run)
    return Selection(
        tuple(selected.row.generator_id for selected in known_generators(run)),
        splitter.splitter_id if splitter is not None else None,
    )


def current_splitter(run: Run) -> Splitter | None:
    """Returns the splitter that the workspace uses: the newest, None before the first split."""
    return max(run.workspace.table(SPLITTERS).rows(), key=lambda row: row.version, default=None)
