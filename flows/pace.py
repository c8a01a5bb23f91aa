"""How many items the next commit takes, so that a commit is minutes of work, not items or hours."""

FIRST_COMMIT = 8
"""Items of a run's first commit: nothing is known yet of how long one takes."""

GROWTH = 4
"""A commit has at most so many times the items of the one before: the first are slow to start."""


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
