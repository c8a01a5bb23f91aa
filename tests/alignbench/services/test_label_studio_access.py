"""Who gets what from the embedded Label Studio."""

from collections.abc import Iterator

import httpx
import psutil
import pytest

from alignbench.services import ServiceName, read_credentials, status
from alignbench.services.state import log_path
from tests.fixtures.services import EmbeddedLabelStudio


@pytest.fixture
def operator(label_studio: EmbeddedLabelStudio) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Token {label_studio.token}"}
    with httpx.Client(base_url=label_studio.url, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
def stranger(label_studio: EmbeddedLabelStudio) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=label_studio.url, trust_env=False) as client:
        yield client


@pytest.fixture
def project_with_images(label_studio: EmbeddedLabelStudio, operator: httpx.Client) -> int:
    (label_studio.images / "ab").mkdir(parents=True, exist_ok=True)
    (label_studio.images / "ab" / "shown.png").write_bytes(b"an image")
    project = operator.post("/api/projects", json={"title": "Captions"}).raise_for_status().json()
    add_storage(operator, project["id"], str(label_studio.images)).raise_for_status()
    return int(project["id"])


def add_storage(client: httpx.Client, project: int, path: str) -> httpx.Response:
    storage = {"project": project, "path": path, "use_blob_urls": True}
    return client.post("/api/storages/localfiles", json=storage)


def sign_up(client: httpx.Client, path: str, email: str) -> httpx.Response:
    client.get(path).raise_for_status()
    form = {"email": email, "password": "a long passphrase", "how_find_us": "Other"}
    form["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
    return client.post(path, data=form)


def test_a_stranger_cannot_sign_up(stranger: httpx.Client, operator: httpx.Client) -> None:
    assert sign_up(stranger, "/user/signup/", "stranger@example.org").status_code == 403
    wrong = "/user/signup/?token=0000"
    assert sign_up(stranger, wrong, "stranger@example.org").status_code == 403
    emails = [user["email"] for user in operator.get("/api/users/").json()]
    assert "stranger@example.org" not in emails


def test_who_has_the_invite_link_can_sign_up(
    stranger: httpx.Client, operator: httpx.Client
) -> None:
    invite = operator.get("/api/invite").raise_for_status().json()["invite_url"]
    assert sign_up(stranger, invite, "invited@example.org").status_code == 302
    emails = [user["email"] for user in operator.get("/api/users/").json()]
    assert "invited@example.org" in emails


@pytest.mark.usefixtures("project_with_images")
def test_images_are_shown_to_users_and_to_nobody_else(
    operator: httpx.Client, stranger: httpx.Client
) -> None:
    path = "/data/local-files/?d=images/ab/shown.png"
    assert operator.get(path).content == b"an image"
    refused = stranger.get(path)
    assert refused.status_code in {401, 403}
    assert b"an image" not in refused.content


@pytest.mark.usefixtures("project_with_images")
@pytest.mark.parametrize(
    "path",
    [
        "beside.txt",
        "images/../beside.txt",
        "images-private/beside.txt",
        "../services/label-studio/credentials.json",
        "images/../../services/label-studio/credentials.json",
        "images/..%2f..%2fservices/label-studio/credentials.json",
        "/etc/passwd",
        "images//etc/passwd",
    ],
)
def test_files_outside_the_images_are_not_served(
    label_studio: EmbeddedLabelStudio, operator: httpx.Client, path: str
) -> None:
    beside = label_studio.images.parent / "beside.txt"
    private = label_studio.images.parent / "images-private" / "beside.txt"
    private.parent.mkdir(exist_ok=True)
    for file in (beside, private):
        file.write_text("not for the browser")
    response = operator.get(f"/data/local-files/?d={path}")
    # Label Studio 1.23 answers some climbing paths with 500; what matters is that nothing comes.
    assert response.is_error
    assert "not for the browser" not in response.text
    assert "password" not in response.text
    assert "root:" not in response.text


def test_no_storage_can_be_opened_above_the_images(
    label_studio: EmbeddedLabelStudio, operator: httpx.Client, project_with_images: int
) -> None:
    for folder in (label_studio.root, label_studio.images.parent, "/etc"):
        assert add_storage(operator, project_with_images, str(folder)).status_code == 400


def test_a_page_of_another_site_gets_nothing(operator: httpx.Client) -> None:
    from_elsewhere = operator.get("/api/projects", headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in from_elsewhere.headers
    rebound = operator.get("/api/projects", headers={"Host": "elsewhere.example"})
    assert rebound.status_code == 400


def test_secrets_are_neither_in_the_command_line_nor_in_the_log(
    label_studio: EmbeddedLabelStudio,
) -> None:
    [state] = status(label_studio.root, [ServiceName.LABEL_STUDIO])
    credentials = read_credentials(label_studio.root)
    assert state.pid is not None
    assert credentials is not None
    seen = " ".join(psutil.Process(state.pid).cmdline())
    seen += log_path(label_studio.root, ServiceName.LABEL_STUDIO).read_text()
    for secret in (credentials.password, credentials.token, credentials.secret_key):
        assert secret not in seen
