"""Whether the server lives, as far as its answers tell."""

import math
import time


class Health:
    """What the requests of one stream have seen of their server.

    A useful answer, and a reasoned refusal of one request too, is a sign of life; an answer that
    asks to come back later is not.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._lived_at = -math.inf
        self._trouble_since: float | None = None
        self._cleared_at: float | None = None

    def saw_life(self) -> None:
        """Notes a sign of life; patience begins anew."""
        self._lived_at = time.monotonic()
        self._trouble_since = self._cleared_at = None

    def clear_the_server(self) -> None:
        """Notes that the server is there, and the requests under way are to blame.

        Patience begins anew for those that follow, and the server is cleared only once: if they
        fare no better, it is the server after all.
        """
        self._cleared_at = self._trouble_since = time.monotonic()

    @property
    def has_lived(self) -> bool:
        """Whether there ever was a sign of life."""
        return self._lived_at > -math.inf

    @property
    def was_cleared(self) -> bool:
        """Whether the server was cleared and has shown no sign of life since."""
        return self._cleared_at is not None

    def lived_since(self, moment: float) -> bool:
        """Tells whether there was a sign of life after a moment of the monotonic clock."""
        return self._lived_at > moment

    def was_cleared_since(self, moment: float) -> bool:
        """Tells whether the server was cleared after a moment, with no sign of life since."""
        return self._cleared_at is not None and self._cleared_at > moment

    def patience_left(self) -> float:
        """Returns the seconds of patience left, counted from the first trouble since the last life.

        Called at each trouble; 0 or less when patience is over.
        """
        now = time.monotonic()
        if self._trouble_since is None:
            self._trouble_since = now
        return self._trouble_since + self._patience - now
