"""Models that hold a conversation: those of `[[captioners]]`, `[[rewriters]]` and `[[judges]]`.

What a captioner is asked of images to be captioned is nobody's question here, so these models are
known by a row of `generators` without an instruction.
"""

from collections.abc import Sequence

from alignbench.engine.matching import Stream
from alignbench.flows.runs.errors import NoChatModelError
from alignbench.flows.runs.run import Run
from alignbench.flows.selected.generators import (
    SelectedGenerator,
    load,
    planned_models,
    register_makers,
)
from alignbench.schemas.chat import ChatAnswer, ChatModel, ChatRequest
from alignbench.schemas.configuration.plugin_sections import GeneratorConfig
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.registry import Group, find
from alignbench.schemas.vocabulary import Direction


def planned_responders(run: Run) -> list[SelectedGenerator]:
    """Returns the captioners that answer questions; writes and asks nothing."""
    return planned_models(run, _responders(run), Direction.I2T)


def register_responders(run: Run) -> list[SelectedGenerator]:
    """Returns the captioners that answer questions; new ones get their row first.

    Raises:
        ConfigError: Two of them differ in their instruction alone.
    """
    return register_makers(run, _responders(run), Direction.I2T)


def check_chats(configs: Sequence[GeneratorConfig], section: str) -> None:
    """Checks that models can be talked with, before they are loaded.

    Raises:
        NoChatModelError: One cannot.
    """
    for config in configs:
        if not _chats(config):
            raise NoChatModelError(
                f"[[{section}]] {config.name!r}: its backend {config.backend!r} holds no "
                "conversation.",
                "Use a backend that does, such as 'openai' or 'transformers'.",
            )


def chat_stream(selected: SelectedGenerator) -> Stream[ChatRequest, ChatAnswer | ItemFailure]:
    """Returns what a model says to a stream of conversations; it is loaded now."""
    model: ChatModel = load(selected)
    return model.chat_stream


def _responders(run: Run) -> list[GeneratorConfig]:
    return [
        config.model_copy(update={"instruction": None})
        for config in run.config.captioners
        if _chats(config)
    ]


def _chats(config: GeneratorConfig) -> bool:
    return issubclass(find(Group.CAPTIONERS, config.backend), ChatModel)
