"""Calls to Label Studio with faults translated into errors that say what to do.

The SDK gives authentication (both kinds of token) and the requests. Its own retries are off,
because they send a POST again whose outcome is unknown; reads are retried here instead.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from json import JSONDecodeError
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit, urlunsplit

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from alignbench.annotation.errors import (
    RequestRefusedError,
    ServerUnreachableError,
    TokenRefusedError,
    UnexpectedAnswerError,
)
from alignbench.schemas.errors import AlignBenchError, MissingExtraError, UsageError

if TYPE_CHECKING:
    import httpx
    from label_studio_sdk.base_client import LabelStudioBase

Result = TypeVar("Result")

_NOT_FOUND = 404
_UNAUTHORISED = (401, 403)
# After these the same request may succeed: a time-out, too early, too many requests.
_PASSING = (408, 425, 429)
_REFUSED = 400
_SERVER_FAULT = 500
_SHOWN_DETAIL = 300


class NotFoundError(RequestRefusedError):
    """What a request names is not on the server."""

    code = "AB-A12"


def normalised_url(url: str) -> str:
    """Returns an address without credentials, query, fragment and final slash.

    Raises:
        UsageError: It is not an HTTP address.
    """
    refused = UsageError(
        "The address of Label Studio is not an HTTP address.",
        "Write it as in https://label-studio.example.org.",
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a port that is not a number, an open bracket
        raise refused from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise refused
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host.lower(), parts.path.rstrip("/"), "", ""))


class Transport:
    """One connection to a Label Studio server.

    Attributes:
        url: The server's address, safe to show.
    """

    def __init__(self, url: str, token: str, timeout: float) -> None:
        """Prepares a connection; nothing is sent.

        Raises:
            MissingExtraError: The SDK is not installed.
            UsageError: The address is not one.
            TokenRefusedError: The token is an access token that has expired.
        """
        self.url = normalised_url(url)
        self._token = token
        self._reads = Retrying(
            retry=retry_if_exception_type(ServerUnreachableError),
            stop=stop_after_attempt(4),
            wait=wait_random_exponential(multiplier=0.5, max=8),
            reraise=True,
        )
        sdk = _import_sdk()
        self.sdk = self.once(
            "connecting",
            lambda: sdk(base_url=self.url, api_key=token, timeout=timeout, max_retries=0),
        )

    def once(self, what: str, call: Callable[[], Result]) -> Result:
        """Makes a call of the SDK, a single time.

        Args:
            what: What is being done, for messages, as in "creating a project".
            call: The call.

        Raises:
            ServerUnreachableError: It may succeed later; whether it was carried out is unknown.
            TokenRefusedError: The token is not accepted.
            NotFoundError: What it names is not there.
            RequestRefusedError: The server refuses it.
            UnexpectedAnswerError: The answer is not JSON.
        """
        import httpx
        from label_studio_sdk.core.api_error import ApiError

        try:
            return call()
        except httpx.TransportError as error:
            raise ServerUnreachableError(
                f"Label Studio at {self.url} does not answer ({what}: {type(error).__name__}).",
                "Check that it is running and can be reached, then run the same command again.",
            ) from None
        except ApiError as error:  # its text has the answer's headers, so it is not chained
            raise self._translated(what, error.status_code, error.body) from None
        except JSONDecodeError:
            raise self._translated(what, None, None) from None

    def read(self, what: str, call: Callable[[], Result]) -> Result:
        """Makes a call that changes nothing, and repeats it while the server is briefly away.

        Raises:
            AlignBenchError: As `once`.
        """
        result: Result = self._reads(self.once, what, call)
        return result

    def get_json(
        self, what: str, path: str, params: Mapping[str, str | int | list[str]] | None = None
    ) -> object:
        """Returns the JSON of a GET as the server sent it.

        The SDK's models leave out and rewrite what they do not know; an answer that goes to
        quarantine is kept as it came.

        Raises:
            AlignBenchError: As `once`.
        """

        def call() -> object:
            answer: object = self._request("GET", path, params=dict(params or {})).json()
            return answer

        return self.read(what, call)

    def clock(self, what: str) -> datetime | None:
        """Returns what time the server says it is, to the second; None if it does not say.

        Raises:
            AlignBenchError: As `once`.
        """
        response = self.read(what, lambda: self._request("GET", "api/current-user/whoami"))
        try:
            return parsedate_to_datetime(response.headers.get("date", "")).astimezone(UTC)
        except (ValueError, OverflowError):
            return None

    def send_json(self, method: str, what: str, path: str, body: Mapping[str, object]) -> None:
        """Sends a request that may be sent again, such as a PATCH with absolute values.

        Raises:
            AlignBenchError: As `once`.
        """
        self.read(what, lambda: self._request(method, path, json=dict(body)))

    def _request(self, method: str, path: str, **content: object) -> "httpx.Response":
        from label_studio_sdk.core.api_error import ApiError

        requests = self.sdk._client_wrapper.httpx_client
        response: httpx.Response = requests.request(path, method=method, **content)
        if not response.is_success:
            raise ApiError(status_code=response.status_code, body=response.text)
        return response

    def _translated(self, what: str, status: int | None, body: object) -> AlignBenchError:
        place = f"Label Studio at {self.url}"
        if status in _UNAUTHORISED:
            return TokenRefusedError(
                f"{place} does not accept the API token ({what}: {status}).",
                "Set LABEL_STUDIO_API_KEY to a token of an account on that server; see Account & "
                "Settings there.",
            )
        if status == _NOT_FOUND:
            return NotFoundError(f"{place} has no such thing ({what}: 404).", "It was deleted.")
        if status is not None and (status in _PASSING or status >= _SERVER_FAULT):
            return ServerUnreachableError(
                f"{place} cannot answer now ({what}: {status}).",
                "Run the same command again; if that does not help, look into its log.",
            )
        if status is not None and status >= _REFUSED:
            detail = str(body).replace(self._token, "***")[:_SHOWN_DETAIL]
            return RequestRefusedError(
                f"{place} refused a request ({what}: {status}, {detail}).",
                "Correct what it names; its log may say more.",
            )
        return UnexpectedAnswerError(
            f"{place} does not answer as Label Studio does ({what}).",
            "Check that the address is Label Studio's own, with its path, and not a login page's.",
        )


def _import_sdk() -> "type[LabelStudioBase]":
    try:
        # The client itself: its subclass imports pandas and more, for helpers not used here.
        from label_studio_sdk.base_client import LabelStudioBase
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"Talking to Label Studio needs the package {error.name!r}, which is not installed.",
            "Install the extra that has it: pip install 'alignbench[pipeline]'.",
        ) from None
    client: type[LabelStudioBase] = LabelStudioBase
    return client
