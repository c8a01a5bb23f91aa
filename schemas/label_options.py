"""The options that labels were made with, as table `label_sets` and `release.json` keep them."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

ONE_A_PERSON = ("sentence_id", "annotator")
"""Of the answers that agree in these columns, the newest is a vote."""
ONE_A_ROUND = ("sentence_id", "round", "annotator")
"""The same where a person who answered in several rounds has a vote in each."""


class LabelOptions(NamedTuple):
    """What of the answers to a sentence becomes its label.

    Attributes:
        minimum_votes: With fewer, a sentence gets no label.
        every_round: Whether somebody who answered a sentence in several rounds has a vote in each;
            else their newest answer alone is one.
    """

    minimum_votes: int = 1
    every_round: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Reads what `as_dict` gave; what is not there is as by default."""
        minimum = options.get("minimum_votes", 1)
        return cls(
            minimum if isinstance(minimum, int) else 1, options.get("every_round", False) is True
        )

    @classmethod
    def of_json(cls, text: str) -> Self:
        """Reads the JSON of a label set's row."""
        return cls.of(json.loads(text))

    @property
    def voter(self) -> tuple[str, ...]:
        """Columns of answers whose values name one vote."""
        return ONE_A_ROUND if self.every_round else ONE_A_PERSON

    def as_dict(self) -> dict[str, Any]:
        """Returns what is kept of it; a label set is named by that, among others.

        What is as by default and came with a later version is left out, so that label sets of
        earlier versions keep their names.
        """
        kept: dict[str, Any] = {"minimum_votes": self.minimum_votes}
        return kept | ({"every_round": True} if self.every_round else {})
