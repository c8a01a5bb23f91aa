"""What a command does to its own process before anything else: its environment, its ending."""

import contextlib
import io
import os
import signal
import sys
from types import FrameType
from typing import Final, TextIO

_OURS: Final = ("ALIGNBENCH_", "AWS_", "LABEL_STUDIO_", "PREFECT_")

_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


def drop_empty_variables() -> None:
    """Takes variables that are set to nothing for what they say, which is nothing.

    Compose files and CI systems set variables so. Prefect would take an empty address for a wish to
    start a server of its own.
    """
    for name, value in list(os.environ.items()):
        if name.startswith(_OURS) and not value.strip():
            del os.environ[name]


def print_whatever_is_said() -> None:
    """Lets a terminal that does not know a letter show its number instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not speaks_unicode(stream):
            stream.reconfigure(errors="backslashreplace")


def speaks_unicode(stream: TextIO) -> bool:
    """Tells whether every letter can be written to a stream."""
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


class Stop:
    """Ends the process in order when it is told to end, as Ctrl+C does.

    Attributes:
        exit_code: 128 and the number of the signal that came: 130 for Ctrl+C, 143 for SIGTERM, 129
            for SIGHUP (a terminal that was closed).
    """

    def __init__(self) -> None:
        self.exit_code = 128 + signal.SIGINT

    def listen(self) -> None:
        """Takes the signals over; outside the main thread there are none to take."""
        with contextlib.suppress(ValueError):
            for number in _ENDING:
                if signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores SIGHUP
                    signal.signal(number, self._interrupt)

    def _interrupt(self, number: int, _: FrameType | None) -> None:
        self.exit_code = 128 + number
        raise KeyboardInterrupt
