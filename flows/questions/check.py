"""questions check: which questions in other words people are asked about.

What comes in: what rewriters wrote and the models accepted. What is done: some of it, or all, is
drawn for a round, which is begun by that. What goes out: rows of `round_sentences`, which `push`
sends; what people say comes back by `pull`, and what they refuse is asked no more.
"""

from typing import NamedTuple

from alignbench.annotation.rounds.gold import read_gold
from alignbench.annotation.rounds.variant_rounds import draw_variants, variant_round
from alignbench.annotation.units.checked_variants import checkable_variants, drawn_variants
from alignbench.flows.asking.checked_units import writers
from alignbench.flows.runs.errors import NothingToCheckError
from alignbench.flows.runs.run import open_run
from alignbench.schemas.rows.annotation import Round
from alignbench.schemas.tables import GOLD_VARIANTS
from alignbench.schemas.vocabulary import VARIANT_ROUND, Purpose, StageName


class DrawnVariants(NamedTuple):
    """What was drawn.

    Attributes:
        form: The round.
        added: How many were drawn now.
        drawn: How many the round asks about by now, without gold.
        accepted: How many the models accepted.
    """

    form: Round
    added: int
    drawn: int
    accepted: int


def draw_variants_to_check(
    address: str, count: int | None = None, name: str = VARIANT_ROUND, people: int | None = None
) -> DrawnVariants:
    """Draws questions in other words for people to say whether they mean the same.

    Args:
        address: The workspace.
        count: How many; None takes all that the models accepted.
        name: The round.
        people: How many people are asked about each; by default as many as about a sentence.

    Raises:
        NothingToCheckError: No configured rewriter wrote a question that was accepted.
        UsageError: The round asks about something else, or another number of people.
    """
    run = open_run(address)
    settings = run.config.annotation
    with run.workspace.store.lock(StageName.PUSH):
        if settings.gold is not None:
            read_gold(run.workspace, run.folder / settings.gold, run.run_id)
        form = variant_round(run.workspace, name, people, settings.annotators_per_sentence)
        accepted = checkable_variants(run.workspace, writers(run))
        # Whatever is known already is no news, and may be mixed in as gold.
        known = {row.variant_id for row in run.workspace.table(GOLD_VARIANTS).rows()}
        checkable = set(accepted) - known
        if not checkable:
            raise NothingToCheckError(
                "No question in other words by a configured rewriter is left for people to check.",
                "Run 'alignbench rewrite' first; see [[rewriters]] in alignbench.toml.",
            )
        drawn = drawn_variants(run.workspace, name)
        added = draw_variants(run.workspace, form, checkable, drawn, count, run.run_id)
        purposes = drawn_variants(run.workspace, name).values()
    return DrawnVariants(form, added, list(purposes).count(Purpose.LABEL), len(accepted))
