"""Annotators' accounts, and answers submitted through them.

An account made by `POST /api/users/` belongs to no organization and cannot log in, so accounts come
from the sign-up form that an invited person fills in. What is done here needs no SDK and no
operator's token: an annotator logs in with address and password and answers as nobody else.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from alignbench.annotation.errors import AccountError, ServerUnreachableError
from alignbench.annotation.label_studio.records import JsonObject, as_id, as_object
from alignbench.annotation.label_studio.results import answer_result
from alignbench.annotation.label_studio.transport import normalised_url
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import Verdict

if TYPE_CHECKING:
    import httpx

_FORM_TOKEN = re.compile(r'name="csrfmiddlewaretoken"\s+value="([^"]+)"')
_FORM_ERROR = re.compile(r"<li>([^<]*(?:<(?!/li>)[^<]*)*)</li>")
_TIMEOUT = 60.0
_SIGNED_IN = 302
_CREATED = 201


def create_annotator(url: str, invitation: str, email: str, password: str) -> None:
    """Makes an account through the sign-up form of an invitation.

    Args:
        url: The server's address.
        invitation: The sign-up page's address, from `LabelStudioServer.invitation`.
        email: The address to log in with.
        password: 8 characters or more.

    Raises:
        AccountError: The form was refused: the address is taken, the password too short, ....
        ServerUnreachableError: The server does not answer.
    """
    with _session(url) as session:
        _submit_form(session, invitation, email, password, "An account")


def token_of(url: str, email: str, password: str) -> str:
    """Logs in as an annotator and returns the account's API token.

    Raises:
        AccountError: Address and password are not accepted, or the server gives out no tokens.
        ServerUnreachableError: The server does not answer.
    """
    with _session(url) as session:
        _submit_form(session, "/user/login/", email, password, "A session")
        response = session.get("/api/current-user/token")
        token = (as_object(response.json()) or {}).get("token") if response.is_success else None
        if not isinstance(token, str) or not token:
            raise AccountError(
                f"{email} has no API token on {normalised_url(url)}.",
                "Start the server with LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN=true.",
            )
        return token


def submit_answer(
    url: str,
    token: str,
    task_id: int,
    verdict: Verdict,
    spans: Iterable[Span] = (),
    note: str | None = None,
    lead_seconds: float | None = None,
) -> int:
    """Submits an answer to a task as the account that the token belongs to.

    Args:
        url: The server's address.
        token: The annotator's API token.
        task_id: The task.
        verdict: The verdict.
        spans: Wrong ranges of the task's sentence.
        note: The annotator's note.
        lead_seconds: How long the annotator took.

    Returns:
        The answer's id on the server.

    Raises:
        AccountError: The server refused it.
        ServerUnreachableError: The server does not answer.
    """
    return submit_result(url, token, task_id, answer_result(verdict, spans, note), lead_seconds)


def submit_result(
    url: str,
    token: str,
    task_id: int,
    result: list[JsonObject],
    lead_seconds: float | None = None,
) -> int:
    """Submits what a page of any unit saves; see `submit_answer`.

    Raises:
        AccountError: The server refused it.
        ServerUnreachableError: The server does not answer.
    """
    body = {"result": result, "lead_time": lead_seconds}
    with _session(url) as session:
        response = session.post(
            f"/api/tasks/{task_id}/annotations/",
            json=body,
            headers={"Authorization": f"Token {token}"},
        )
        answer_id = None
        if response.status_code == _CREATED:
            answer_id = as_id((as_object(response.json()) or {}).get("id"))
        if answer_id is None:
            raise AccountError(
                f"{normalised_url(url)} took no answer to task {task_id} ({response.status_code}).",
                "Check that the task is still there and that the account may answer.",
            )
        return answer_id


@contextmanager
def _session(url: str) -> "Iterator[httpx.Client]":
    """A browser's session with the server."""
    import httpx

    address = normalised_url(url)
    try:
        with httpx.Client(base_url=address, timeout=_TIMEOUT) as client:
            yield client
    except httpx.TransportError as error:
        raise ServerUnreachableError(
            f"Label Studio at {address} does not answer ({type(error).__name__}).",
            "Check that it is running and can be reached.",
        ) from None


def _submit_form(session: "httpx.Client", page: str, email: str, password: str, what: str) -> None:
    form = session.get(page)
    token = _FORM_TOKEN.search(form.text)
    if token is None:
        raise AccountError(
            f"{what} for {email} could not be made: {form.url.copy_with(query=None)} shows no form "
            f"({form.status_code}).",
            "Check that the address is Label Studio's and that the invitation is its newest.",
        )
    fields = {"csrfmiddlewaretoken": token[1], "email": email, "password": password}
    answer = session.post(page, data=fields, headers={"Referer": str(form.url)})
    if answer.status_code != _SIGNED_IN:
        reasons = [" ".join(reason.split()) for reason in _FORM_ERROR.findall(answer.text)]
        raise AccountError(
            f"{what} for {email} was refused: {'; '.join(reasons) or answer.status_code}.",
            "Correct the address or the password.",
        )
