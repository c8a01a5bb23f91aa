from collections.abc import Callable

import httpx
import pytest

from alignbench.annotation.errors import AccountError
from alignbench.annotation.label_studio.accounts import create_annotator, submit_answer, token_of
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.schemas.vocabulary import Verdict
from tests.fixtures.services import EmbeddedLabelStudio

_PASSWORD = "correct horse battery"


def test_an_invited_person_can_log_in_and_belongs_to_the_organization(
    label_studio: EmbeddedLabelStudio, server: LabelStudioServer
) -> None:
    create_annotator(label_studio.url, server.invitation(), "Cleo@example.org", _PASSWORD)
    token = token_of(label_studio.url, "cleo@example.org", _PASSWORD)
    headers = {"Authorization": f"Token {token}"}
    account = httpx.get(f"{label_studio.url}/api/current-user/whoami", headers=headers).json()
    assert account["active_organization"] is not None
    assert server.annotators()[account["id"]] == "cleo@example.org"


def test_an_address_that_is_taken_is_refused_with_the_reason(
    label_studio: EmbeddedLabelStudio, server: LabelStudioServer
) -> None:
    create_annotator(label_studio.url, server.invitation(), "dora@example.org", _PASSWORD)
    with pytest.raises(AccountError, match=r"dora@example.org.*already exists") as it:
        create_annotator(label_studio.url, server.invitation(), "dora@example.org", _PASSWORD)
    assert _PASSWORD not in str(it.value)


def test_a_stranger_without_invitation_gets_no_account(label_studio: EmbeddedLabelStudio) -> None:
    with pytest.raises(AccountError):
        create_annotator(label_studio.url, "/user/signup/", "eve@example.org", _PASSWORD)
    with pytest.raises(AccountError):
        token_of(label_studio.url, "eve@example.org", _PASSWORD)


def test_a_wrong_password_is_refused(
    label_studio: EmbeddedLabelStudio, annotator_tokens: Callable[[str], str]
) -> None:
    annotator_tokens("ann")
    with pytest.raises(AccountError, match=r"AB-A11.*ann@example.org"):
        token_of(label_studio.url, "ann@example.org", "another password")


def test_an_answer_to_a_task_that_is_not_there_is_an_error(
    label_studio: EmbeddedLabelStudio, annotator_tokens: Callable[[str], str]
) -> None:
    with pytest.raises(AccountError, match=r"task 987654321"):
        submit_answer(label_studio.url, annotator_tokens("ann"), 987_654_321, Verdict.CORRECT)
