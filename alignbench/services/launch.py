"""What is needed to start a server, and to know that it is ready."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

# A server gets these of the operator's environment and nothing else: API keys have no business in
# it, and both servers read settings from unprefixed or prefixed variables that may lie around.
_INHERITED = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "TMPDIR", "TZ", "USER")


@dataclass(frozen=True)
class Endpoint:
    """Where a server answers, and what proves it ready.

    Attributes:
        port: The port it listens on.
        url: The address people and clients use.
        health_url: An address that answers 200 once the server is ready.
        health_headers: Headers for that request.
        secrets: Strings that must not appear in a message.
    """

    port: int
    url: str
    health_url: str
    health_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Launch:
    """One server's start.

    Attributes:
        command: Program and arguments, without secrets.
        environment: The whole environment.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)


def server_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The few inherited variables, and the server's own settings."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, "PYTHONUNBUFFERED": "1", **settings}
