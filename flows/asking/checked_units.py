"""What a round of variants asks about: questions in other words, beside the first ones."""

import pyarrow as pa

from alignbench.annotation.assigning.asked import Asked
from alignbench.annotation.rounds.gold_variants import draw_gold_variants
from alignbench.annotation.units.checked_variants import drawn_variants, round_variants, unit_table
from alignbench.flows.runs.run import Run
from alignbench.flows.selected.rewriters import planned_rewriters


def checked_units(run: Run, round_name: str) -> pa.Table:
    """Returns what a round of variants asks about, image by image, each a unit."""
    return unit_table(run.workspace, round_variants(run.workspace, round_name, writers(run)))


def checked_asked(run: Run, round_name: str) -> list[Asked]:
    """Returns what a round of variants asks about, as it is dealt out."""
    found = round_variants(run.workspace, round_name, writers(run))
    return [Asked(one.variant_id, one.image_id or "", why) for one, why in found]


def draw_variant_gold(run: Run, round_name: str) -> int:
    """Draws the gold of a round of variants; returns how many now."""
    drawn = drawn_variants(run.workspace, round_name)
    share = run.config.annotation.gold_share
    return draw_gold_variants(run.workspace, round_name, share, drawn, run.run_id)


def writers(run: Run) -> list[str]:
    """Returns whose questions the configuration selects, by their ids."""
    return [one.writer.row.generator_id for one in planned_rewriters(run)]
