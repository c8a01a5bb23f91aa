"""Choosing a port on the loopback address."""

import socket
from collections.abc import Collection

from alignbench.services.state import LOOPBACK


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, so that connections of an earlier run in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose_port(remembered: int | None, taken: Collection[int]) -> int:
    """The remembered port if it is free, else one that the kernel offers.

    Args:
        remembered: The port used last time, if any.
        taken: Ports promised to servers that do not listen yet.
    """
    if remembered is not None and remembered not in taken and is_free(remembered):
        return remembered
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        if port not in taken:
            return port
