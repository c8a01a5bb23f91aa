"""The part of `alignbench doctor` that asks servers."""

from collections.abc import Iterator
from importlib.util import find_spec
from urllib.parse import urlsplit, urlunsplit

from alignbench.doctor.check_result import CheckResult
from alignbench.flows.asking.label_studio import server_address
from alignbench.schemas.configuration.config import Config
from alignbench.schemas.errors import MissingExtraError, MissingSecretError, TransientError

_OK = 200


def prefect_server() -> Iterator[CheckResult]:
    """Checks the Prefect server that is configured, if one is."""
    from alignbench.flows.runs.orchestration import server_url

    check = "Prefect server"
    url = server_url()
    if url is None:
        yield CheckResult(
            check, "note", "none configured; stages run in this process",
            "'alignbench services up' starts one, or set PREFECT_API_URL.",
        )  # fmt: skip
        return
    status = _status(url, trust_env=False)
    if status == _OK:
        yield CheckResult(check, "ok", _shown(url))
    else:
        yield CheckResult(check, "missing", f"{_shown(url)} answers {status}", "See its log.")


def label_studio_server(config: Config | None) -> Iterator[CheckResult]:
    """Checks that Label Studio answers and accepts the token."""
    check = "Label Studio server"
    url, token = server_address(config.annotation.url if config else None)
    if not url:
        yield CheckResult(
            check, "note", "none configured",
            "'alignbench services up' starts one, or set LABEL_STUDIO_URL.",
        )  # fmt: skip
        return
    if not token:
        raise MissingSecretError(
            f"{_shown(url)} is there, but LABEL_STUDIO_API_KEY is not set.",
            "Set it to the access token of an account of that server.",
        )
    # `connect` is patient with a server that is away for a moment; this check is not.
    _status(url, trust_env=True)
    from alignbench.annotation.label_studio.server import connect

    yield CheckResult(check, "ok", f"{connect(url, token).url} accepts the token")


def _status(url: str, *, trust_env: bool) -> int:
    """Returns the status of a server's answer to a question after its health."""
    if find_spec("httpx") is None:
        raise MissingExtraError("httpx is not installed.", "pip install 'alignbench[pipeline]'")
    import httpx

    health = f"{url.rstrip('/')}/health"
    try:
        with httpx.stream(
            "GET", health, timeout=5, trust_env=trust_env, follow_redirects=True
        ) as answer:
            return answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TransientError(
            f"{_shown(url)} does not answer ({type(error).__name__}).",
            "Start it, or correct its address.",
        ) from None


def _shown(url: str) -> str:
    """Returns an address without what may be a secret in it."""
    unclear = "what is not an HTTP address"
    try:
        parts = urlsplit(url)
        if parts.hostname is None or parts.port == 0 or "@" in parts.path:
            return unclear
    except ValueError:  # a port that is no number, an open bracket
        return unclear
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
