"""The part of `alignbench doctor` that tries Label Studio's guard from outside."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from alignbench.doctor.check_result import CheckResult
from alignbench.flows.asking.label_studio import server_address
from alignbench.schemas.configuration.config import Config
from alignbench.schemas.errors import TransientError

if TYPE_CHECKING:
    import httpx

ANNOTATOR_TOKEN = "LABEL_STUDIO_ANNOTATOR_TOKEN"  # noqa: S105 - the variable's name
"""Variable with an annotator's access token, for `doctor` to try what it opens."""

HEADER = "X-AlignBench-Guard"
"""What every answer of a guarded server has: `on; label-studio=VERSION; tried=VERSION`."""

CODE = "AB-guard"
"""The code of what the guard refuses."""

_CHECK = "Label Studio guard"
_SETTINGS = "See 'What annotators can reach' in docs/operators.md."
_WHO = "/api/current-user/whoami"
# Each only reads, should it be answered after all.
_NOT_FOR_ANNOTATORS = (
    "/api/organizations",
    "/api/invite",
    "/api/webhooks",
    "/api/storages",
    "/api/projects/counts",
    "/api/predictions",
)


def label_studio_guard(config: Config | None) -> Iterator[CheckResult]:
    """Checks that Label Studio keeps annotators to labelling."""
    url, _ = server_address(config.annotation.url if config else None)
    if not url:
        return
    import httpx

    try:
        with httpx.Client(base_url=url, timeout=10, follow_redirects=True) as client:
            state = client.get("/health").headers.get(HEADER)
            if state is None:
                found = "off: any account of the server can read, change and delete all"
                fix = f"'alignbench services up' starts a server with it. {_SETTINGS}"
                yield CheckResult(_CHECK, "note", found, fix)
                return
            yield _as_told(state)
            yield _as_tried(client, os.environ.get(ANNOTATOR_TOKEN))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TransientError(
            f"Label Studio does not answer ({type(error).__name__}).",
            "See the check of the server itself.",
        ) from None


def _as_told(state: str) -> CheckResult:
    """Returns what the server says of its guard."""
    said = dict(part.strip().partition("=")[::2] for part in state.split(";"))
    version, tried = said.get("label-studio", "unknown"), said.get("tried", "unknown")
    if version == tried:
        return CheckResult(_CHECK, "ok", f"on, for Label Studio {version}")
    return CheckResult(
        _CHECK, "note",
        f"on, but made for Label Studio {tried}, and this is {version}: annotators may be refused "
        "what they need",
        f"Label a task as an annotator before others do, or run Label Studio {tried}.",
    )  # fmt: skip


def _as_tried(client: "httpx.Client", token: str | None) -> CheckResult:
    """Returns what an annotator's token opens."""
    check = f"{_CHECK}, tried"
    if not token:
        return CheckResult(
            check, "note", "not tried from outside: no annotator's token is known",
            f"Set {ANNOTATOR_TOKEN} to the access token of an account that only labels.",
        )  # fmt: skip
    client.headers["Authorization"] = f"Token {token}"
    if not client.get(_WHO).is_success:
        return CheckResult(
            check, "missing", f"the server does not accept the token in {ANNOTATOR_TOKEN}",
            "Take a token that is valid, from that account's page.",
        )  # fmt: skip
    open_to_all = [path for path in _NOT_FOR_ANNOTATORS if not _is_refused(client, path)]
    if open_to_all:
        return CheckResult(
            check, "missing", f"the account in {ANNOTATOR_TOKEN} can read {', '.join(open_to_all)}",
            f"Take the token of an account that is no operator's. {_SETTINGS}",
        )  # fmt: skip
    return CheckResult(check, "ok", "an annotator's token opens nothing but labelling")


def _is_refused(client: "httpx.Client", path: str) -> bool:
    return CODE in client.get(path).text
