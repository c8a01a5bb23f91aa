"""What an annotator gets from a guarded Label Studio, by token and by a browser's cookie."""

import base64
import hashlib
import hmac
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import skimage
from playwright.sync_api import Browser, expect

from alignbench.annotation.label_studio.accounts import create_annotator, token_of
from alignbench.annotation.label_studio.page import labelling_config
from alignbench.annotation.label_studio.server import connect
from alignbench.annotation.label_studio.texts import ENGLISH, annotator_texts
from alignbench.services import read_credentials
from alignbench.services.label_studio import label_studio_launch
from tests.annotation.label_studio.test_page import WORD_BOX
from tests.fixtures.services import EmbeddedLabelStudio

PASSWORD = "a long password"
ANSWER = {"result": [{"from_name": "verdict", "to_name": "sentence", "type": "choices",
                      "value": {"choices": ["correct"]}}]}  # fmt: skip


class Place(NamedTuple):
    """A server with two annotators, Mia and Noa, their queues and a project for everybody."""

    url: str
    operator: httpx.Client
    numbers: dict[str, int]
    tokens: dict[str, str]

    def path(self, template: str) -> str:
        return template.format(**self.numbers)

    def task(self, project: str) -> int:
        """Adds a task to a project and returns its id."""
        address = f"/api/projects/{self.numbers[project]}/import?return_task_ids=true"
        data = {"image": f"/data/local-files/?d=images/gd/{project}.png", "sentence": "A cat sits."}
        data |= {"before": "", "after": "", "place": "1 of 1"}
        added = self.operator.post(address, json=[{"data": data}]).raise_for_status().json()
        return int(added["task_ids"][0])


@contextmanager
def by_token(place: Place, name: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Token {place.tokens[name]}"}
    with httpx.Client(base_url=place.url, headers=headers, trust_env=False, timeout=60) as client:
        yield client


@contextmanager
def by_cookie(place: Place, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=place.url, trust_env=False, timeout=60) as client:
        client.get("/user/login/").raise_for_status()
        form = {"email": f"{name}@example.org", "password": PASSWORD}
        form["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
        assert client.post("/user/login/", data=form).status_code == 302
        yield client


@pytest.fixture(scope="module")
def place(label_studio: EmbeddedLabelStudio) -> Iterator[Place]:
    server = connect(label_studio.url, label_studio.token)
    tokens = {}
    for name in ("mia", "noa"):
        email = f"{name}@example.org"
        if email not in server.annotators().values():
            create_annotator(label_studio.url, server.invitation(), email, PASSWORD)
        tokens[name] = token_of(label_studio.url, email, PASSWORD)
    headers = {"Authorization": f"Token {label_studio.token}"}
    picture = files(skimage).joinpath("data", "chelsea.png").read_bytes()
    with httpx.Client(
        base_url=label_studio.url, headers=headers, trust_env=False, timeout=60
    ) as operator:
        place = Place(label_studio.url, operator, {}, tokens)
        ids = {email: number for number, email in server.annotators().items()}
        place.numbers.update(mia=ids["mia@example.org"], noa=ids["noa@example.org"])
        whoami = operator.get("/api/current-user/whoami").json()
        place.numbers.update(operator=whoami["id"], organization=whoami["active_organization"])
        descriptions = {
            "shared": "For everybody",
            "queue": "alignbench-queue: Mia@example.org",
            "other": "alignbench-queue: noa@example.org of round 1",
        }
        for project, description in descriptions.items():
            image = label_studio.images / "gd" / f"{project}.png"
            image.parent.mkdir(parents=True, exist_ok=True)
            image.write_bytes(picture)
            made = operator.post(
                "/api/projects",
                json={"title": f"Of {project}", "description": description,
                      "label_config": labelling_config(annotator_texts(ENGLISH))},
            ).raise_for_status().json()  # fmt: skip
            place.numbers[project] = made["id"]
            storage = {"project": made["id"], "path": str(image.parents[1]), "use_blob_urls": True}
            operator.post("/api/storages/localfiles", json=storage).raise_for_status()
            place.numbers[f"{project}_task"] = place.task(project)
        with by_token(place, "noa") as noa, by_token(place, "mia") as mia:
            for name, person in (("noa", noa), ("mia", mia)):
                task = place.path("/api/tasks/{shared_task}")
                answer = person.post(f"{task}/annotations/", json=ANSWER).raise_for_status()
                draft = person.post(f"{task}/drafts", json=ANSWER).raise_for_status()
                place.numbers[f"{name}_answer"] = answer.json()["id"]
                place.numbers[f"{name}_draft"] = draft.json()["id"]
        yield place


@pytest.fixture(scope="module", params=[by_token, by_cookie])
def mia(request: pytest.FixtureRequest, place: Place) -> Iterator[httpx.Client]:
    enter: Callable[[Place, str], AbstractContextManager[httpx.Client]] = request.param
    with enter(place, "mia") as client:
        yield client


REFUSED = [
    # Projects: another's queue, and the settings of any.
    ("GET", "/api/projects/{other}", None),
    ("GET", "/api/projects/{other}/next", None),
    ("POST", "/api/dm/actions?id=next_task&project={other}", {}),
    ("POST", "/api/dm/actions?id=next_task&project={queue}&project={other}", {}),
    ("GET", "/projects/{other}/data?labeling=1", None),
    ("GET", "/projects/{shared}/settings", None),
    ("GET", "/projects/{shared}/data/export", None),
    ("POST", "/api/projects", {"title": "Mine"}),
    ("PATCH", "/api/projects/{shared}", {"title": "Mine"}),
    ("PATCH", "/api/projects/{queue}", {"description": ""}),
    ("DELETE", "/api/projects/{shared}", None),
    ("GET", "/api/projects/counts", None),
    ("GET", "/api/projects/{shared}/summary", None),
    ("GET", "/api/projects/{shared}/annotators", None),
    # Tasks, and others' answers.
    ("GET", "/api/tasks", None),
    ("GET", "/api/tasks?project={other}", None),
    ("GET", "/api/tasks/{other_task}", None),
    ("POST", "/api/tasks", {"project": 1, "data": {}}),
    ("PATCH", "/api/tasks/{shared_task}", {"overlap": 9}),
    ("DELETE", "/api/tasks/{shared_task}", None),
    ("OPTIONS", "/api/tasks/{shared_task}", None),
    ("GET", "/api/projects/{shared}/tasks", None),
    ("DELETE", "/api/projects/{shared}/tasks", None),
    ("POST", "/api/projects/{shared}/import", [{"data": {}}]),
    ("GET", "/api/tasks/{shared_task}/agreement", None),
    ("POST", "/api/tasks/{other_task}/annotations", ANSWER),
    ("POST", "/api/tasks/{other_task}/drafts", ANSWER),
    ("GET", "/api/annotations/{noa_answer}", None),
    ("PATCH", "/api/annotations/{noa_answer}", {"result": []}),
    ("DELETE", "/api/annotations/{noa_answer}", None),
    ("GET", "/api/tasks/{shared_task}/annotations/{noa_answer}/drafts", None),
    ("GET", "/api/drafts/{noa_draft}", None),
    ("PATCH", "/api/drafts/{noa_draft}", {"result": []}),
    ("DELETE", "/api/drafts/{noa_draft}", None),
    ("GET", "/api/predictions?project={shared}", None),
    ("POST", "/api/predictions", {"task": 1, "result": []}),
    ("GET", "/api/dm/actions?project={shared}", None),
    ("POST", "/api/dm/actions?id=delete_tasks&project={shared}", {"selectedItems": {"all": True}}),
    ("POST", "/api/dm/actions?id=next_task&id=delete_tasks&project={shared}", {}),
    ("DELETE", "/api/dm/views/reset", {"project": 1}),
    ("GET", "/data/local-files/?d=images/gd/other.png", None),
    ("GET", "/data/local-files/?d=images/gd/../gd/other.png", None),
    ("GET", "/tasks/{shared_task}/resolve/?fileuri=czM6Ly9idWNrZXQva2V5", None),
    # Everything at once.
    ("GET", "/api/projects/{shared}/export?exportType=JSON", None),
    ("GET", "/api/projects/{shared}/exports", None),
    ("POST", "/api/projects/{shared}/exports", {}),
    # People, and what opens the server.
    ("GET", "/people", None),
    ("GET", "/admin/", None),
    ("GET", "/api/users/{noa}", None),
    ("POST", "/api/users", {"email": "eve@example.org"}),
    ("PATCH", "/api/users/{mia}", {"email": "noa@example.org"}),
    ("GET", "/api/organizations", None),
    ("GET", "/api/organizations/{organization}/memberships", None),
    ("DELETE", "/api/organizations/{organization}/memberships/{noa}", None),
    ("GET", "/api/invite", None),
    ("POST", "/api/invite/reset-token", {}),
    ("POST", "/api/jwt/settings", {"api_tokens_enabled": False}),
    ("POST", "/api/token", {}),
    # What talks to other servers, and its secrets.
    ("GET", "/api/webhooks", None),
    ("POST", "/api/webhooks", {"url": "http://127.0.0.1:9"}),
    ("GET", "/api/storages?project={shared}", None),
    ("GET", "/api/storages/localfiles?project={shared}", None),
    ("POST", "/api/storages/localfiles", {"project": 1, "path": "/"}),
    ("GET", "/api/storages/s3?project={shared}", None),
    ("POST", "/api/ml", {"url": "http://127.0.0.1:9"}),
    ("GET", "/heidi-tips", None),
]

# What a browser opens; these know sessions only.
PAGES = ["/", "/projects/", "/projects/{queue}/data?labeling=1", "/user/account"]

NEEDED = [
    ("GET", "/static/images/favicon.ico", None),
    ("GET", "/api/version", None),
    ("GET", "/api/current-user/whoami", None),
    ("GET", "/api/current-user/token", None),
    ("GET", "/api/users/{mia}", None),
    ("GET", "/api/projects", None),
    ("GET", "/api/projects/{queue}", None),
    ("GET", "/api/projects/{shared}", None),
    ("GET", "/api/dm/project?project={queue}", None),
    ("GET", "/api/dm/columns?project={queue}", None),
    ("GET", "/api/dm/views?project={queue}", None),
    ("GET", "/api/label_links?project={queue}&expand=label", None),
    ("GET", "/api/projects/{queue}/label-stream-history", None),
    ("GET", "/api/projects/{queue}/next", None),
    ("POST", "/api/dm/actions?id=next_task&project={queue}", {"filters": {}}),
    ("GET", "/api/tasks/{queue_task}", None),
    ("GET", "/api/tasks/{shared_task}/annotations", None),
    ("GET", "/api/annotations/{mia_answer}", None),
    ("PATCH", "/api/annotations/{mia_answer}", ANSWER),
    ("POST", "/api/tasks/{shared_task}/annotations/{mia_answer}/drafts", ANSWER),
    ("GET", "/api/drafts/{mia_draft}", None),
    ("PATCH", "/api/drafts/{mia_draft}", ANSWER),
    ("GET", "/data/local-files/?d=images/gd/queue.png", None),
    ("GET", "/data/local-files/?d=images/gd/shared.png", None),
]


def titles(cases: list[tuple[str, str, object]]) -> list[str]:
    return [f"{method} {path}" for method, path, _ in cases]


@pytest.mark.parametrize(("method", "path", "body"), REFUSED, ids=titles(REFUSED))
def test_an_annotator_is_refused_what_labelling_does_not_need(
    place: Place, mia: httpx.Client, method: str, path: str, body: object
) -> None:
    answer = mia.request(method, place.path(path), json=body)
    assert answer.status_code == 403
    assert answer.json()["code"] == "AB-guard"


@pytest.mark.parametrize(("method", "path", "body"), NEEDED, ids=titles(NEEDED))
def test_an_annotator_gets_what_labelling_needs(
    place: Place, mia: httpx.Client, method: str, path: str, body: object
) -> None:
    assert mia.request(method, place.path(path), json=body).is_success


def test_an_annotator_gets_the_pages_that_a_browser_opens(place: Place) -> None:
    with by_cookie(place, "mia") as mia:
        assert [mia.get(place.path(page)).status_code for page in PAGES] == [200] * len(PAGES)
        listing = mia.get(place.path("/projects/{queue}/data?tab=1"))
        assert listing.headers["location"] == place.path("/projects/{queue}/data/?labeling=1")


def test_an_answer_is_given_changed_and_taken_back_and_a_task_skipped(
    place: Place, mia: httpx.Client
) -> None:
    task = f"/api/tasks/{place.task('queue')}"
    draft = mia.post(f"{task}/drafts", json=ANSWER).raise_for_status().json()
    answer = mia.post(f"{task}/annotations", json={**ANSWER, "draft_id": draft["id"]})
    own = f"/api/annotations/{answer.raise_for_status().json()['id']}"
    assert mia.get(f"/api/drafts/{draft['id']}").status_code == 403
    assert mia.patch(own, json={"result": []}).raise_for_status().json()["result"] == []
    assert mia.delete(own).is_success
    skipped = mia.post(f"{task}/annotations", json={"result": [], "was_cancelled": True})
    assert skipped.raise_for_status().json()["was_cancelled"] is True


def test_nobody_answers_in_anothers_name_or_calls_an_answer_true(
    place: Place, mia: httpx.Client
) -> None:
    elsewhere = {"completed_by": place.numbers["noa"], "task": place.numbers["other_task"]}
    claims = {**ANSWER, **elsewhere, "ground_truth": True, "updated_by": place.numbers["noa"]}
    task = place.task("queue")
    answer = mia.post(f"/api/tasks/{task}/annotations", json=claims).raise_for_status().json()
    mia.patch(f"/api/annotations/{answer['id']}", json=claims).raise_for_status()
    stored = place.operator.get(f"/api/annotations/{answer['id']}").json()
    assert (stored["completed_by"], stored["task"]) == (place.numbers["mia"], task)
    assert (stored["ground_truth"], stored["updated_by"]) == (False, place.numbers["mia"])


def test_an_answer_as_a_form_is_refused(place: Place, mia: httpx.Client) -> None:
    task = place.path("/api/tasks/{queue_task}/annotations")
    answer = mia.post(task, data={"completed_by": place.numbers["noa"], "result": "[]"})
    assert (answer.status_code, answer.json()["code"]) == (403, "AB-guard")


def test_a_task_shows_no_answers_of_others_and_not_how_many_are_wanted(
    place: Place, mia: httpx.Client
) -> None:
    path = place.path("/api/tasks/{shared_task}")
    seen = mia.get(path).json()
    whole = place.operator.get(path).json()
    assert [answer["id"] for answer in seen["annotations"]] == [place.numbers["mia_answer"]]
    assert {answer["id"] for answer in whole["annotations"]} > {place.numbers["mia_answer"]}
    assert {"overlap", "total_annotations", "annotators", "is_labeled"} & set(seen) == set()
    assert seen["data"]["sentence"] == "A cat sits."
    answers = mia.get(f"{path}/annotations").json()
    assert [answer["id"] for answer in answers] == [place.numbers["mia_answer"]]


def test_lists_hold_ones_own_only(place: Place, mia: httpx.Client) -> None:
    projects = mia.get("/api/projects?page_size=1000").json()["results"]
    numbers = {project["id"] for project in projects}
    assert {place.numbers["queue"], place.numbers["shared"]} <= numbers
    assert place.numbers["other"] not in numbers
    assert all("task_number" not in project for project in projects)
    asked = mia.get(place.path("/api/projects?ids={other}")).json()
    assert asked["results"] == []
    assert [user["id"] for user in mia.get("/api/users").json()] == [place.numbers["mia"]]
    # What the page asks for before it shows a task, and cannot do without.
    assert mia.get(place.path("/api/tasks?project={shared}&fields=all")).json()["tasks"] == []
    assert mia.get(place.path("/api/ml?project={shared}")).json() == []


def test_next_task_heeds_locks_whatever_the_page_asks_for(place: Place) -> None:
    description = {
        "title": "Shared",
        "label_config": labelling_config(annotator_texts(ENGLISH)),
        "maximum_annotations": 1,
    }
    made = place.operator.post("/api/projects", json=description).raise_for_status().json()
    place.numbers["locked"] = made["id"]
    tasks = [place.task("locked"), place.task("locked")]
    # As the page posts it: with filters, Label Studio would give both people the same first task.
    body = {"filters": {"conjunction": "and", "items": []}, "ordering": ["tasks:id"],
            "selectedItems": {"all": False, "included": tasks[:1]}}  # fmt: skip
    address = f"/api/dm/actions?id=next_task&project={made['id']}&view=1&query=%7B%7D"
    with by_token(place, "mia") as mia, by_cookie(place, "noa") as noa:
        given = [person.post(address, json=body).json()["id"] for person in (mia, noa)]
    assert sorted(given) == tasks


def test_a_tab_is_made_once_and_empty(place: Place, mia: httpx.Client) -> None:
    place.numbers["new"] = (
        place.operator.post("/api/projects", json={"title": "New"}).raise_for_status().json()["id"]
    )
    tab = {"data": {"title": "x", "filters": {"conjunction": "and", "items": []}}}
    first = mia.post(place.path("/api/dm/views?project={new}"), json=tab)
    assert first.raise_for_status().json()["data"]["title"] == "Default"
    assert mia.post(place.path("/api/dm/views?project={new}"), json=tab).status_code == 403


def test_an_operator_is_not_held_up(place: Place) -> None:
    for method, path, _ in REFUSED:
        if method == "GET" and path.startswith("/api/") and "{other}" not in path:
            answer = place.operator.get(place.path(path), follow_redirects=True)
            assert "AB-guard" not in answer.text, path
    assert place.operator.get(place.path("/api/projects/{other}")).is_success


def test_without_an_account_there_is_the_login_form_and_nothing_else(place: Place) -> None:
    with httpx.Client(base_url=place.url, trust_env=False) as stranger:
        assert stranger.get("/health").is_success
        assert stranger.get("/projects/").headers["location"].startswith("/user/login/")
        for path in ("/api/projects", "/api/label_links", "/metrics", "/trigger500"):
            assert stranger.get(path).status_code == 401, path
        refused = stranger.get("/api/projects", headers={"Authorization": "Token 0000"})
        assert (refused.status_code, refused.json()["code"]) == (401, "AB-guard")


def test_two_accounts_at_once_are_refused(place: Place) -> None:
    with by_cookie(place, "mia") as mia:
        for token in (place.tokens["noa"], place.operator.headers["Authorization"].split()[1]):
            headers = {"Authorization": f"Token {token}"}
            answer = mia.get(place.path("/api/projects/{other}"), headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "AB-guard")


def test_an_access_token_and_an_api_key_name_their_account_too(
    place: Place, label_studio: EmbeddedLabelStudio
) -> None:
    credentials = read_credentials(label_studio.root)
    assert credentials is not None
    access = access_token(credentials.secret_key, place.numbers["mia"])
    for headers in (
        {"Authorization": f"Bearer {access}"},
        {"X-Api-Key": place.tokens["mia"]},
    ):
        with httpx.Client(base_url=place.url, headers=headers, trust_env=False) as client:
            who = client.get("/api/current-user/whoami").raise_for_status().json()
            assert who["email"] == "mia@example.org"
            assert client.get("/api/webhooks").json()["code"] == "AB-guard"


def access_token(secret_key: str, user: int) -> str:
    """An access token as the server itself gives it out for a personal one."""
    claims = {"token_type": "access", "exp": int(time.time()) + 60, "jti": "0", "user_id": user}
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}).encode(), json.dumps(claims).encode()]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.digest(secret_key.encode(), text, hashlib.sha256)
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def test_a_refusal_is_logged_without_what_the_request_said(
    place: Place, label_studio: EmbeddedLabelStudio
) -> None:
    with by_token(place, "mia") as mia:
        mia.get("/api/webhooks?secret=hush-hush")
    log = (label_studio.root / "services" / "label-studio" / "server.log").read_text()
    told = [line for line in log.splitlines() if "AB-guard: refused" in line]
    assert any("GET webhooks:api:webhook-list to account" in line for line in told)
    assert not any("hush-hush" in line for line in told)
    assert place.tokens["mia"] not in log


def test_instructions_come_first_until_something_is_answered_under_their_text(
    place: Place, mia: httpx.Client
) -> None:
    def project(text: str) -> int:
        said = {"title": "Read this", "description": "alignbench-queue: mia@example.org",
                "expert_instruction": text, "show_instruction": True,
                "label_config": labelling_config(annotator_texts(ENGLISH))}  # fmt: skip
        return int(place.operator.post("/api/projects", json=said).raise_for_status().json()["id"])

    def comes_first(client: httpx.Client, number: int) -> bool:
        return bool(client.get(f"/api/projects/{number}").json()["show_instruction"])

    text = f"<p>Read {time.monotonic_ns()}</p>"
    place.numbers["read"] = project(text)
    assert comes_first(mia, place.numbers["read"])
    answer = mia.post(f"/api/tasks/{place.task('read')}/annotations/", json=ANSWER)
    assert answer.status_code == 201
    assert not comes_first(mia, place.numbers["read"])
    assert not comes_first(mia, project(text)), "another project with what was read"
    assert comes_first(mia, project(f"{text}<p>And this is new.</p>"))
    assert comes_first(place.operator, place.numbers["read"])


def test_what_is_marked_right_before_the_page_is_closed_is_there_on_return(
    place: Place, browser: Browser
) -> None:
    place.task("queue")
    place.operator.patch(place.path("/api/projects/{queue}"), json={"show_instruction": False})
    with browser.new_context(viewport={"width": 1400, "height": 880}) as context:
        page = context.new_page()
        page.goto(f"{place.url}/user/login/")
        page.fill("[name=email]", "mia@example.org")
        page.fill("[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url("**/")
        for leaves in ("closes", "reloads"):
            page.goto(place.url + place.path("/projects/{queue}/data?labeling=1"))
            page.wait_for_function("[...document.images].some(image => image.naturalWidth === 451)")
            chosen = page.locator(".ab-verdict input:checked")
            expect(chosen).to_have_count(0)
            page.keyboard.press("2")
            expect(chosen).to_have_count(1)
            page.keyboard.press("o")
            expect(page.locator(".ab-types .lsf-label_selected")).to_have_count(1)
            x, y, width, height = page.evaluate(WORD_BOX, "cat")
            page.mouse.dblclick(x + width / 2, y + height / 2)
            expect(page.locator(".ab-sentence .htx-highlight")).to_have_count(1)
            if leaves == "closes":
                page.close(run_before_unload=True)
                page = context.new_page()
                page.goto(place.url + place.path("/projects/{queue}/data?labeling=1"))
            else:
                page.reload()
            expect(page.locator(".ab-verdict input:checked")).to_have_count(1)
            expect(page.locator(".ab-sentence .htx-highlight")).to_have_count(1)
            with page.expect_response(lambda answer: "/annotations" in answer.url):
                page.keyboard.press("Control+Enter")
            place.task("queue")


def test_a_person_labels_in_a_browser_and_lands_in_the_next_task(
    place: Place, browser: Browser
) -> None:
    for _ in range(2):
        place.task("queue")
    context = browser.new_context(viewport={"width": 1400, "height": 880})
    page = context.new_page()
    refused: list[str] = []
    page.on(
        "response",
        lambda answer: refused.append(answer.url) if answer.status in {403, 404, 500} else None,
    )
    page.goto(f"{place.url}/user/login/")
    page.fill("[name=email]", "mia@example.org")
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/")
    # Without `labeling=1` this is the list of tasks, which is not hers to read.
    page.goto(place.url + place.path("/projects/{queue}/data"))
    answered = set()
    for _ in range(2):
        expect(page.locator(".ab-sentence")).to_contain_text("A cat sits.")
        page.wait_for_function("[...document.images].some(image => image.naturalWidth === 451)")
        page.keyboard.press("1")
        with page.expect_response(lambda answer: "id=next_task" in answer.url) as following:
            with page.expect_response(lambda answer: "/annotations" in answer.url) as posted:
                page.keyboard.press("Control+Enter")
            assert posted.value.status == 201
            answered.add(posted.value.json()["task"])
        assert following.value.status in {200, 404}
    assert len(answered) == 2
    assert [url for url in refused if "heidi-tips" not in url and "next_task" not in url] == []
    context.close()


def test_the_list_names_views_that_are_there_and_another_version_is_told(
    label_studio: EmbeddedLabelStudio,
) -> None:
    launch = label_studio_launch(label_studio.root, 9)
    told = subprocess.run(
        [launch.command[0], str(Path(__file__).with_name("guard_in_server.py"))],
        env=launch.environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout.splitlines()[-1]) == {
        "unknown_views": [],
        "state": "on; label-studio=9.9; tried=1.23.2",
    }
    assert "AB-guard: this is Label Studio 9.9, and the guard was made for 1.23.2" in told.stderr


def test_the_guard_can_be_left_out(
    label_studio: EmbeddedLabelStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded = label_studio_launch(label_studio.root, 9).environment
    assert guarded["DJANGO_SETTINGS_MODULE"] == "alignbench_guard.settings"
    monkeypatch.setenv("ALIGNBENCH_LABEL_STUDIO_GUARD", "off")
    left_out = set(guarded) - set(label_studio_launch(label_studio.root, 9).environment)
    assert left_out == {"DJANGO_SETTINGS_MODULE", "PYTHONPATH"}
