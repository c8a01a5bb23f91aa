"""The questions that the configuration selects now."""

from alignbench.flows.rewriters import planned_rewriters
from alignbench.flows.run import Run
from alignbench.judging.asked import Asked, asked_questions
from alignbench.schemas.tables import QUESTIONS, VARIANTS


def selected_questions(run: Run) -> dict[str, Asked]:
    """Returns what models are asked, by its id: questions, and variants by configured rewriters."""
    writers = {one.writer.row.generator_id for one in planned_rewriters(run)}
    variants = (row for row in run.workspace.table(VARIANTS).rows() if row.generator_id in writers)
    return asked_questions(run.workspace.table(QUESTIONS).rows(), variants)
