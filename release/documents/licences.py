"""The licence of a release: its name for people, for machines, and where its text is."""

from typing import Final, NamedTuple

from alignbench.release_format.layout import LICENCE
from alignbench.release_format.terms import Terms

OTHER: Final = "other"
"""What hubs call a licence that is not on their list; it has a name and a link of its own."""

_CREATIVE_COMMONS: Final = "https://creativecommons.org"

_KNOWN: Final = {
    "apache-2.0": ("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0"),
    "cc-by-3.0": ("CC-BY-3.0", f"{_CREATIVE_COMMONS}/licenses/by/3.0/legalcode"),
    "cc-by-4.0": ("CC-BY-4.0", f"{_CREATIVE_COMMONS}/licenses/by/4.0/legalcode"),
    "cc-by-nc-4.0": ("CC-BY-NC-4.0", f"{_CREATIVE_COMMONS}/licenses/by-nc/4.0/legalcode"),
    "cc-by-nc-nd-4.0": ("CC-BY-NC-ND-4.0", f"{_CREATIVE_COMMONS}/licenses/by-nc-nd/4.0/legalcode"),
    "cc-by-nc-sa-4.0": ("CC-BY-NC-SA-4.0", f"{_CREATIVE_COMMONS}/licenses/by-nc-sa/4.0/legalcode"),
    "cc-by-nd-4.0": ("CC-BY-ND-4.0", f"{_CREATIVE_COMMONS}/licenses/by-nd/4.0/legalcode"),
    "cc-by-sa-3.0": ("CC-BY-SA-3.0", f"{_CREATIVE_COMMONS}/licenses/by-sa/3.0/legalcode"),
    "cc-by-sa-4.0": ("CC-BY-SA-4.0", f"{_CREATIVE_COMMONS}/licenses/by-sa/4.0/legalcode"),
    "cc0-1.0": ("CC0-1.0", f"{_CREATIVE_COMMONS}/publicdomain/zero/1.0/legalcode"),
    "mit": ("MIT", "https://opensource.org/license/mit"),
    "odbl-1.0": ("ODbL-1.0", "https://opendatacommons.org/licenses/odbl/1-0/"),
    "odc-by-1.0": ("ODC-By-1.0", "https://opendatacommons.org/licenses/by/1-0/"),
    "pddl-1.0": ("PDDL-1.0", "https://opendatacommons.org/licenses/pddl/1-0/"),
}
_HUB_NAMES: Final = {"odbl": "odbl-1.0", "odc-by": "odc-by-1.0", "pddl": "pddl-1.0"}
"""What hubs call licences otherwise than SPDX."""


class Licence(NamedTuple):
    """The licence of a release's sentences, labels and votes.

    Attributes:
        code: As the card names it.
        name: For people; None if no licence is stated.
        link: Where its text is; the release's own `LICENSE` where there is none elsewhere.
        spdx: Its identifier in SPDX's list, if it is known to have one.
    """

    code: str
    name: str | None
    link: str
    spdx: str | None

    @property
    def has_page(self) -> bool:
        """Whether its text is on a page of its own."""
        return self.link != LICENCE


def licence_of(terms: Terms) -> Licence:
    """Returns the licence that a release's `release.json` states."""
    code = terms.license.strip()
    lowered = code.lower()
    spdx, page = _KNOWN.get(_HUB_NAMES.get(lowered, lowered), (None, None))
    if lowered == OTHER or not code:
        return Licence(OTHER, terms.license_name, terms.license_link or LICENCE, None)
    return Licence(
        code=lowered if spdx is not None else code,
        name=terms.license_name or spdx or code,
        link=terms.license_link or page or LICENCE,
        spdx=spdx,
    )
