"""How far along annotators are: each task says it, so that their page need not ask the server."""


class QueueProgress:
    """Numbers the tasks of a round as they are sent.

    Labels, gold and sample are numbered alike. A number is as of when its task was sent: work that
    is added or taken back later does not change it.
    """

    def __init__(self, round_name: str, *, sent: int = 0, total: int | None = None) -> None:
        """Begins behind what was sent earlier.

        Args:
            round_name: The round.
            sent: How many of somebody's units were sent before.
            total: How many units they are asked about; None where several people share a project,
                so that no number is anybody's own.
        """
        self._round = round_name
        self._sent = sent
        self._total = total
        self._numbers: dict[str, int] = {}

    def at(self, unit_id: str) -> str:
        """Returns the round and a unit's number in it; asked again, it says the same."""
        number = self._numbers.setdefault(unit_id, self._sent + len(self._numbers) + 1)
        if self._total is None:
            return self._round
        return f"{self._round} · {number:,} / {max(number, self._total):,}"
