"""Which rewriters the configuration selects, each with the model that checks what it writes."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

from alignbench.flows.runs.run import Run
from alignbench.flows.selected.chat_models import check_chats
from alignbench.flows.selected.generators import SelectedGenerator, planned_models, register_models
from alignbench.judging.rewriting.prompts import CHECKING, REWRITING
from alignbench.schemas.configuration.plugin_sections import GeneratorConfig
from alignbench.schemas.configuration.question_sections import RewriterConfig
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.registry import suggestion
from alignbench.schemas.vocabulary import Direction

_Models = Callable[[Run, Sequence[GeneratorConfig], Direction], list[SelectedGenerator]]


class SelectedRewriter(NamedTuple):
    """A model that puts questions in other words, and one that is asked whether they are equal."""

    writer: SelectedGenerator
    checker: SelectedGenerator

    @property
    def config(self) -> RewriterConfig:
        """The rewriter's entry."""
        return cast(RewriterConfig, self.writer.config)


def planned_rewriters(run: Run) -> list[SelectedRewriter]:
    """Returns the configured rewriters; writes and asks nothing."""
    return _with_models(run, planned_models)


def register_rewriters(run: Run) -> list[SelectedRewriter]:
    """Returns the configured rewriters; new ones get their rows first.

    Raises:
        NoChatModelError: The backend of one, or of its checker, holds no conversation.
        ConfigError: There is no entry of the name in `checked_by`.
    """
    check_chats(run.config.rewriters, "rewriters")
    check_chats([_checker(run, config) for config in run.config.rewriters], "rewriters")
    return _with_models(run, register_models)


def _with_models(run: Run, models_of: _Models) -> list[SelectedRewriter]:
    configs = run.config.rewriters
    checking = [
        _checker(run, config).model_copy(update={"instruction": CHECKING}) for config in configs
    ]
    checkers = models_of(run, checking, Direction.I2T)
    # Who checks is part of what comes of a rewriter.
    writing = [
        config.model_copy(update={"instruction": f"{REWRITING} {checker.row.generator_id}"})
        for config, checker in zip(configs, checkers, strict=True)
    ]
    writers = models_of(run, writing, Direction.I2T)
    return [SelectedRewriter(*pair) for pair in zip(writers, checkers, strict=True)]


def _checker(run: Run, config: RewriterConfig) -> GeneratorConfig:
    entries = (*run.config.captioners, *run.config.rewriters, *run.config.judges)
    by_name = {entry.name: entry for entry in reversed(entries)}
    if config.checked_by not in by_name:
        raise ConfigError(
            f"[[rewriters]] {config.name!r}: there is no model {config.checked_by!r} to check it.",
            f"Name an entry of captioners, rewriters or judges. "
            f"{suggestion(config.checked_by, list(by_name))}",
        )
    return by_name[config.checked_by]
