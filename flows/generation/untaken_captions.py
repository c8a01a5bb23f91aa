"""Captions that came with images and that no configured captioner passes on."""

import difflib
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow.compute as pc

from alignbench.flows.runs.run import Run
from alignbench.schemas.configuration.plugin_sections import GeneratorConfig
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.registry import Group, find
from alignbench.schemas.tables import ORIGINS


class UntakenCaptions(NamedTuple):
    """Captions by one model that nothing will be made of.

    Attributes:
        captions: How many.
        model: By whom, as their file says.
        near: The name of an entry that may be meant for them; None if there is none.
    """

    captions: int
    model: str
    near: str | None

    @property
    def what(self) -> str:
        """Says what is left lying."""
        are = "caption is" if self.captions == 1 else "captions are"
        return f"{self.captions:,} {are} by {self.model!r}, which no [[captioners]] entry takes"

    @property
    def fix(self) -> str:
        """Says what to do."""
        if self.near is not None:
            return f"Did you mean {self.near!r}? Set its repo to {self.model!r}."
        return f'Add an entry with backend = "precomputed" and repo = "{self.model}".'

    def __str__(self) -> str:
        return f"{self.what}. {self.fix}"


def untaken_captions(run: Run) -> list[UntakenCaptions]:
    """Returns the captions of the configured sources that no captioner takes, by their models."""
    sources = [source.name for source in run.config.sources]
    given = pc.field("caption").is_valid() & pc.field("caption_model").is_valid()
    takers = [config for config in run.config.captioners if _passes_on(config)]
    untaken: Counter[str] = Counter()
    by_model = ["source", "caption_model"]
    for origins in run.workspace.table(ORIGINS).scan([*by_model, "caption"], given):
        counted = origins.group_by(by_model).aggregate([([], "count_all")])
        for row in counted.to_pylist():
            source, model = row["source"], row["caption_model"]
            if source in sources and not any(_takes(each, source, model) for each in takers):
                untaken[model] += row["count_all"]
    return [
        UntakenCaptions(captions, model, _near(model, takers))
        for model, captions in sorted(untaken.items())
    ]


def _passes_on(config: GeneratorConfig) -> bool:
    try:
        return not find(Group.CAPTIONERS, config.backend).reads_pixels
    except AlignBenchError:  # it is not installed, which `caption` says; images come in without it
        return False


def _takes(config: GeneratorConfig, source: str, model: str) -> bool:
    return (config.repo or config.name) == model and (
        config.sources is None or source in config.sources
    )


def _near(model: str, takers: Sequence[GeneratorConfig]) -> str | None:
    names = {name: each.name for each in takers for name in (each.repo, each.name) if name}
    near = difflib.get_close_matches(model, names, n=1, cutoff=0.5)
    # An entry of just this name takes captions of other sources only.
    return names[near[0]] if near and near[0] != model else None
