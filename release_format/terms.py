"""What every release says of itself, whatever it holds: who made it, and under which licence."""

import datetime
from typing import Protocol


class Terms(Protocol):
    """What citation and licence are made of; both kinds of `release.json` have it."""

    @property
    def name(self) -> str:
        """Its name, safe as a step of a path."""

    @property
    def version(self) -> str:
        """Its version, likewise."""

    @property
    def date(self) -> datetime.date | None:
        """What is printed as its date."""

    @property
    def title(self) -> str:
        """Its name for people."""

    @property
    def license(self) -> str:
        """An SPDX identifier, or `other`."""

    @property
    def license_name(self) -> str | None:
        """What a licence is called that hubs have no name for."""

    @property
    def license_link(self) -> str | None:
        """Where the text of the licence is."""

    @property
    def authors(self) -> tuple[str, ...]:
        """Who made it."""

    @property
    def url(self) -> str | None:
        """Where it is published."""

    @property
    def cite_as(self) -> str | None:
        """How to cite it; made of the above if None."""
