import inspect
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version

import pytest

from alignbench.annotation.errors import (
    RequestRefusedError,
    ServerUnreachableError,
    TokenRefusedError,
    UnexpectedAnswerError,
)
from alignbench.annotation.label_studio.records import ImportedTask
from alignbench.annotation.label_studio.server import LabelStudioServer, connect
from alignbench.annotation.label_studio.transport import Transport, normalised_url
from alignbench.schemas.errors import AlignBenchError, TransientError, UsageError
from tests.annotation.push_stage import SETTINGS
from tests.fixtures.postgresql import VARIABLE
from tests.fixtures.services import EmbeddedLabelStudio

_TOKEN = "5ec7e7" * 6 + "abcd"


def test_an_unreachable_server_is_a_passing_fault_that_says_what_to_do() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(
            ServerUnreachableError, match=r"AB-A01.*does not answer.*Check that"
        ) as it:
            connect(url, _TOKEN)
    assert isinstance(it.value, TransientError)
    assert _TOKEN not in str(it.value)


def test_a_refused_token_is_named_without_being_shown(label_studio: EmbeddedLabelStudio) -> None:
    with pytest.raises(TokenRefusedError, match=r"AB-A02.*LABEL_STUDIO_API_KEY") as it:
        connect(label_studio.url, _TOKEN)
    assert _TOKEN not in str(it.value)
    assert it.value.exit_code == 2


def test_a_page_that_is_not_label_studio_is_told_apart() -> None:
    with _page(200, b"<html>Sign in</html>") as url, pytest.raises(UnexpectedAnswerError):
        connect(url, _TOKEN)


def test_a_refusal_that_quotes_the_token_is_shown_without_it() -> None:
    quoting = _page(400, f"bad {_TOKEN}".encode())
    expected = pytest.raises(RequestRefusedError, match=r"400, bad \*\*\*")
    with quoting as url, expected as it:
        connect(url, _TOKEN)
    assert _TOKEN not in repr(it.value)


def test_a_server_fault_is_tried_again_before_it_is_reported() -> None:
    with _page(502, b"") as url, pytest.raises(ServerUnreachableError, match="502"):
        Transport(url, _TOKEN, timeout=5).get_json("asking", "api/version")
    assert len(_Page.paths) == 4


def test_the_sdk_has_the_private_parts_that_requests_of_our_own_go_through() -> None:
    sdk = Transport("http://127.0.0.1:9", _TOKEN, timeout=5).sdk
    requests = getattr(getattr(sdk, "_client_wrapper", None), "httpx_client", None)
    request = getattr(requests, "request", None)
    assert request is not None and {"path", "method", "params", "json"} <= {  # noqa: PT018
        *inspect.signature(request).parameters
    }, (
        f"label-studio-sdk {version('label-studio-sdk')} no longer has _client_wrapper.httpx_client"
        ".request(path, method, params, json), which Transport._request uses for its authentication"
        " and its address: adapt that function, or lower the bound in pyproject.toml."
    )


def test_a_request_of_our_own_is_sent_once_with_the_token_of_the_sdk() -> None:
    with _page(200, b"[1]") as url:
        transport = Transport(url, _TOKEN, timeout=5)
        assert transport.get_json("asking", "api/version", {"page": 2}) == [1]
    assert _Page.paths == ["/api/version?page=2"]
    assert _Page.tokens == [f"Token {_TOKEN}"]


@pytest.mark.parametrize(
    "url", ["", "label-studio:8080", "ftp://host", "http://host:port", "http://[::1"]
)
def test_an_address_that_is_none_is_bad_usage(url: str) -> None:
    with pytest.raises(UsageError):
        connect(url, _TOKEN)


def test_an_address_is_shown_without_credentials() -> None:
    assert normalised_url("https://user:secret@Host.org:80/ls/?a=b") == "https://host.org:80/ls"


def test_a_project_is_set_up_for_blind_annotation_in_order(
    server: LabelStudioServer, label_studio: EmbeddedLabelStudio
) -> None:
    project_id = server.create_project(SETTINGS, "marker-1")
    project = server._transport.get_json("looking", f"api/projects/{project_id}/")
    assert isinstance(project, dict)
    assert project["maximum_annotations"] == 3
    assert project["sampling"] == "Sequential sampling"
    assert project["show_collab_predictions"] is False
    assert project["show_skip_button"] is True
    assert project["show_instruction"] is True
    assert project["expert_instruction"]
    assert server.empty_projects_with("marker-1") == [project_id]
    assert server.empty_projects_with("marker-2") == []


def test_a_listing_goes_over_pages_without_gap(
    server: LabelStudioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alignbench.annotation.label_studio.reader.LISTING_PAGE", 3)
    project_id = server.create_project(SETTINGS, "marker-3")
    names = ("image", "sentence", "before", "after", "place")
    tasks = [ImportedTask({**dict.fromkeys(names, "x"), "sentence_id": f"s{n}"}) for n in range(10)]
    ids = server.import_tasks(project_id, tasks)
    listed = list(server.listed_tasks(project_id))
    assert [task.task_id for task in listed] == ids
    assert [task.sentence_id for task in listed] == [f"s{n}" for n in range(10)]
    assert server.counts(project_id) == (10, 0)
    changed = sorted(server.changed_tasks(project_id, None))
    assert [task.task_id for task in server.changed_tasks(project_id, changed[7].updated_at)] == [
        task.task_id for task in changed[7:]
    ]


def test_a_project_that_is_not_there_has_no_counts(server: LabelStudioServer) -> None:
    assert server.counts(987_654_321) is None


def test_every_error_has_a_code_of_its_own() -> None:
    from alignbench.annotation import errors

    classes = [item for item in vars(errors).values() if isinstance(item, type)]
    found = [item for item in classes if issubclass(item, AlignBenchError)]
    codes = [item.code for item in found if item.__module__ == errors.__name__]
    codes += [doubt.value for doubt in errors.Doubt]
    assert len(codes) == len(set(codes)) > 10


class _Page(BaseHTTPRequestHandler):
    answer = (200, b"")
    paths: list[str] = []  # noqa: RUF012 - reset for each page
    tokens: list[str] = []  # noqa: RUF012 - likewise

    def do_GET(self) -> None:
        self.paths.append(self.path)
        self.tokens.append(self.headers["Authorization"])
        status, body = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@contextmanager
def _page(status: int, body: bytes) -> Iterator[str]:
    """A server that answers every GET alike."""
    _Page.answer, _Page.paths, _Page.tokens = (status, body), [], []
    with HTTPServer(("127.0.0.1", 0), _Page) as page:
        thread = threading.Thread(target=page.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{page.server_address[1]}"
        finally:
            page.shutdown()
            thread.join()


def test_the_server_keeps_its_data_in_the_database_that_was_chosen(
    label_studio: EmbeddedLabelStudio,
) -> None:
    data = label_studio.root / "services" / "label-studio" / "data"
    uses_a_file = any(data.glob("*.sqlite3"))
    assert uses_a_file == (os.environ.get(VARIABLE) != "postgresql")
