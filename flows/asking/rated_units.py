"""What a round of ratings asks about, and how many people each answer is to be rated by."""

from collections.abc import Sequence
from math import ceil

import pyarrow as pa

from alignbench.annotation.assigning.asked import Asked
from alignbench.annotation.rounds.forms import MOST_RATINGS
from alignbench.annotation.rounds.gold_ratings import draw_gold_ratings
from alignbench.annotation.units.rated_responses import (
    round_responses,
    sampled_responses,
    unit_table,
)
from alignbench.flows.runs.run import Run
from alignbench.flows.selected.answerers import answering_models
from alignbench.schemas.ids import derive_id
from alignbench.schemas.vocabulary import Purpose

FEWEST_RATERS = 3
"""With fewer people, how they differ cannot be told from what is rated."""


def rated_units(run: Run, round_name: str) -> pa.Table:
    """Returns the answers that a round has people rate, image by image, each a unit."""
    found = list(round_responses(run.workspace, round_name, _generators(run)))
    return unit_table(run.workspace, found)


def rated_asked(run: Run, round_name: str) -> list[Asked]:
    """Returns the answers of a round of ratings as they are dealt out.

    The answers about an image go to one person, who so rates every model; those about a share of
    the images, chosen by a hash, go to two.
    """
    found = list(round_responses(run.workspace, round_name, _generators(run)))
    images = {one.image_id or "" for one, _ in found}
    with_gold = {one.image_id or "" for one, why in found if why is Purpose.GOLD}
    share = run.config.questions.rated_twice
    # Gold goes to those who have the rest of its image: alone it would be known for gold.
    twice = with_gold | _rated_twice(sorted(images - with_gold), round_name, share)
    return [
        Asked(
            one.response_id,
            one.image_id or "",
            why,
            votes=MOST_RATINGS if (one.image_id or "") in twice else 1,
        )
        for one, why in found
    ]


def draw_rating_gold(run: Run, round_name: str) -> int:
    """Draws the gold of a round of ratings; returns how many answers now."""
    sampled = sampled_responses(run.workspace, round_name, _generators(run))
    ids = [one.response_id for one in sampled]
    share = run.config.annotation.gold_share
    return draw_gold_ratings(run.workspace, round_name, share, ids, run.run_id)


def rater_notes(people: int) -> list[str]:
    """Returns what is to be said of how many people rate."""
    if people >= FEWEST_RATERS:
        return []
    named = "1 person rates" if people == 1 else f"{people} people rate"
    return [
        f"{named} in this round; how strict each is can be told from {FEWEST_RATERS} on: run "
        "'alignbench annotators add', then push again"
    ]


def _generators(run: Run) -> list[str]:
    return [row.generator_id for row in answering_models(run)]


def _rated_twice(images: Sequence[str], round_name: str, share: float) -> set[str]:
    order = sorted(images, key=lambda image: derive_id("rated twice", round_name, image))
    return set(order[: ceil(share * len(images))])
