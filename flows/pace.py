"""How many items the next commit takes, so that a commit is minutes of work, not items or hours."""

FIRST_COMMIT = 8
"""Items of a run's first commit: nothing is known yet of how long one takes."""

GROWTH = 16
"""A commit has at most so many times the items of the one before: it may have been lucky."""


class Pace:
    """Learns from each commit how many items fit into `commit_seconds`."""

    def __init__(self, commit_rows: int, commit_seconds: float) -> None:
        self._most = commit_rows
        self._seconds = commit_seconds
        self.size = min(FIRST_COMMIT, self._most)

    def learn(self, items: int, seconds: float) -> None:
        """Sets `size` from what a commit of so many items took."""
        if items:
            affordable = int(items * self._seconds / max(seconds, 1e-6))
            self.size = max(1, min(affordable, self.size * GROWTH, self._most))


class Paces:
    """A pace for each scope: one model's speed says nothing of another's."""

    def __init__(self, commit_rows: int, commit_seconds: float) -> None:
        self._rows = commit_rows
        self._seconds = commit_seconds
        self._of: dict[str, Pace] = {}

    def of(self, scope: str) -> Pace:
        """Returns the pace of a scope, new at its first item."""
        return self._of.setdefault(scope, Pace(self._rows, self._seconds))
