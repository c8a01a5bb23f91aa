"""What the current configuration selects of a workspace that may hold more.

A workspace keeps everything that was ever generated. Stages after generation act on the pairs of
the generators that the configuration names now, cut by the splitter that the workspace uses now.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Selection:
    """Generators and splitter that count now.

    Attributes:
        generator_ids: Generators of the current configuration, in its order.
        splitter_id: Splitter that the workspace uses; None before the first split.
    """

    generator_ids: tuple[str, ...]
    splitter_id: str | None

    def pairs(self) -> pc.Expression:
        """Returns the filter for table `pairs`."""
        return pc.field("generator_id").isin(pa.array(self.generator_ids, pa.string()))

    def sentences(self) -> pc.Expression:
        """Returns the filter for table `sentences`."""
        return self.pairs() & (pc.field("splitter_id") == (self.splitter_id or ""))
