"""The questions that the configuration selects now.

Of questions in other words: those by configured rewriters that neither models nor people refuse.
"""

from alignbench.annotation.units.checked_variants import said_by_people
from alignbench.flows.runs.run import Run
from alignbench.flows.selected.rewriters import planned_rewriters
from alignbench.judging.asked import Asked, asked_questions
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.rows.questions import Variant
from alignbench.schemas.tables import QUESTIONS, VARIANTS
from alignbench.schemas.variant_decisions import as_decided


def selected_questions(run: Run) -> dict[str, Asked]:
    """Returns what models are asked, by its id: questions, and variants by configured rewriters."""
    return asked_questions(run.workspace.table(QUESTIONS).rows(), decided_variants(run))


def decided_variants(run: Run) -> list[Variant]:
    """Returns what configured rewriters wrote, with what people decided of it."""
    writers = {one.writer.row.generator_id for one in planned_rewriters(run)}
    if not writers:
        return []
    variants = (row for row in run.workspace.table(VARIANTS).rows() if row.generator_id in writers)
    return list(as_decided(variants, said_by_people(run.workspace)))


def refused_notes(run: Run) -> list[str]:
    """Returns how many questions in other words people refuse, as a sentence if there are any."""
    code = ItemCode.VARIANT_REFUSED_BY_PEOPLE.value
    refused = sum(row.code == code for row in decided_variants(run))
    if not refused:
        return []
    what = "1 question in other words is" if refused == 1 else f"{refused:,} in other words are"
    return [f"{what} left out: most people say that it asks something else ({code})"]
