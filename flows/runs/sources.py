"""The configured sources of a stage, which may have gone since it took what they had."""

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

import pyarrow as pa

from alignbench.flows.runs.run import Run
from alignbench.schemas.configuration.plugin_sections import PromptsConfig, SourceConfig
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.registry import Group, find

S = TypeVar("S")


class Sources(Generic[S]):
    """Sources by their names.

    Attributes:
        by_name: Those that could be opened.
        gone: Those that could not be opened or listed, with the reason.
    """

    def __init__(
        self,
        run: Run,
        group: Group,
        configs: Sequence[SourceConfig | PromptsConfig],
        *,
        may_be_gone: bool,
    ) -> None:
        """Opens sources.

        Args:
            run: Whose they are.
            group: What they are sources of.
            configs: Their entries.
            may_be_gone: Whether one that cannot be opened or listed is passed over: what came of
                it is in the workspace. If not, that is an error.
        """
        self._may_be_gone = may_be_gone
        self.by_name: dict[str, S] = {}
        self.gone: dict[str, AlignBenchError] = {}
        for config in configs:
            try:
                source = find(group, config.kind)
                surroundings = run.surroundings(config.name)
                self.by_name[config.name] = source(config.options(), surroundings)
            except AlignBenchError as error:
                self._pass_over(config.name, error)

    def listed(self, name: str, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """Yields what one of them lists, as far as it can be listed."""
        try:
            yield from tables
        except AlignBenchError as error:
            self._pass_over(name, error)

    def _pass_over(self, name: str, error: AlignBenchError) -> None:
        if not self._may_be_gone:
            raise error
        self.gone[name] = error
