"""Where the flow of each stage stands, for whoever calls a stage by its name.

A flow is imported when it is asked for: what one stage needs, another need not have.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from alignbench.schemas.vocabulary import StageName

if TYPE_CHECKING:
    from prefect import Flow

ENTRYPOINTS: Final[Mapping[StageName, str]] = {
    StageName.INGEST: "alignbench.flows.ingest:ingest",
    StageName.PROMPTS: "alignbench.flows.prompts:prompts",
    StageName.CAPTION: "alignbench.flows.caption:caption",
    StageName.IMAGINE: "alignbench.flows.imagine:imagine",
    StageName.SPLIT: "alignbench.flows.split:split",
    StageName.PUSH: "alignbench.flows.push:push",
    StageName.PULL: "alignbench.flows.pull:pull",
    StageName.LABEL: "alignbench.flows.label:label",
    StageName.RELEASE: "alignbench.flows.release:release",
    StageName.EVALUATE: "alignbench.flows.evaluate:evaluate_flow",
    StageName.REWRITE: "alignbench.flows.questions.rewrite:rewrite",
    StageName.RESPOND: "alignbench.flows.questions.respond:respond",
    StageName.JUDGE: "alignbench.flows.questions.judge:judge",
}
"""Module and function, as `prefect.yaml` names them."""


def flow_of(stage: StageName) -> "Flow[..., Any]":
    """Returns the flow of a stage."""
    module, _, function = ENTRYPOINTS[stage].partition(":")
    flow: Flow[..., Any] = getattr(import_module(module), function)
    return flow
