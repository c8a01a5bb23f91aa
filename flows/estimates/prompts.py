"""What prompts that models are to write would cost: estimates, never bills."""

from typing import Final

from alignbench.engine.pending import Plan
from alignbench.flows.estimates.chats import text_tokens
from alignbench.flows.estimates.generation import (
    Asked,
    Estimate,
    estimate,
    measured_stage,
)
from alignbench.flows.prompts import PromptsStage
from alignbench.flows.runs.run import open_run
from alignbench.flows.selected.prices import own_prices
from alignbench.schemas.vocabulary import StageName

_PROMPT_TOKENS: Final = 60.0
"""A prompt of two or three sentences, before any was written."""


def prompt_estimates(address: str, limit: int | None) -> list[Estimate]:
    """Returns what a run of `prompts` would take from each source, and ask of its model.

    A prompt that is too like another is written anew: of such requests nothing is known before.
    """
    run = open_run(address)
    stage = PromptsStage(run)
    writers = stage.writers()
    measured = measured_stage(run.workspace, StageName.PROMPTS)
    pending = {counts.scope: counts.pending for counts in Plan(stage, run.workspace).counts()}
    left = None if limit is None else max(0, limit - sum(pending.values()))
    found: list[Estimate] = []
    for config in run.config.prompts:
        there, writer = pending.get(config.name, 0), writers.get(config.name)
        missing = writer.missing() if writer is not None else 0
        requests = missing if left is None else min(missing, left)
        left = None if left is None else left - requests
        if not there + missing:
            continue
        asked = Asked(there + missing, requests)
        if writer is None:
            found.append(Estimate(config.name, there, 0, 0, 0, 0.0))
            continue
        expected = text_tokens([writer.example_request()]), _PROMPT_TOKENS
        price = own_prices(config.options())
        found.append(estimate(config.name, price, asked, expected, measured))
    return found
