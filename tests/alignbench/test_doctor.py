"""`doctor` says everything that it can find out, and leaves nothing behind."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from alignbench.annotation.label_studio.accounts import create_annotator, token_of
from alignbench.annotation.label_studio.server import connect
from alignbench.doctor import examination, run_checks, workspace_checks
from alignbench.doctor.check_result import CheckResult
from alignbench.doctor.examination import examine
from alignbench.doctor.guard_check import label_studio_guard
from alignbench.schemas.rows.generation import Prompt
from alignbench.schemas.tables import PROMPTS
from alignbench.workspace.workspace import Workspace, open_store
from tests.fixtures.s3 import BUCKET
from tests.fixtures.services import EmbeddedLabelStudio
from tests.generators.endpoint.model_server import running

CHECKS = {
    "Python", "pyarrow", "disk", "sentence splitter", "Label Studio program", "workspace",
    "tables", "configuration", "Prefect server", "Label Studio server",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("PREFECT_", "LABEL_STUDIO_", "ALIGNBENCH_")):
            monkeypatch.delenv(name)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "alignbench.toml").write_text('name = "bench"\n')
    return tmp_path / "w"


def found(workspace: Path | str) -> dict[str, CheckResult]:
    findings = examine(str(workspace))
    assert all(finding.fix for finding in findings if finding.state != "ok")
    return {finding.check: finding for finding in findings}


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def commits(root: Path, count: int) -> list[Path]:
    table = Workspace(open_store(root)).table(PROMPTS)
    for number in range(count):
        row = Prompt(prompt_id=f"{number:032x}", text=f"{number}", origin="o")
        table.append([row], "run")
    return sorted((root / "tables" / "prompts").glob("*.parquet"))


def test_a_workspace_in_order_is_left_as_it_was(root: Path) -> None:
    findings = found(root)
    assert findings.keys() >= CHECKS
    assert findings["workspace"].state == findings["tables"].state == "ok"
    assert files(root) == [root / "alignbench.toml"]


def test_a_folder_that_is_no_workspace_is_not_written_to(tmp_path: Path) -> None:
    findings = found(tmp_path / "new")
    assert findings["workspace"].state == "ok"
    assert findings["configuration"].fix == "Run 'alignbench init'."
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_the_workspace_should_be_is_missing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert found(tmp_path / "file")["workspace"].state == "missing"


def test_an_unreachable_store_hides_no_other_finding(
    s3_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    findings = found("s3://bucket/prefix")
    assert findings.keys() >= CHECKS
    for check in ("workspace", "tables", "configuration"):
        assert findings[check].state == "missing"
    assert "s3://bucket/prefix cannot be used" in findings["workspace"].found
    assert "AWS_ENDPOINT_URL_S3" in findings["workspace"].fix


def test_an_endpoint_that_is_no_address_is_a_finding_without_its_secret(
    s3_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http//user:sekret@nowhere")
    findings = found("s3://bucket/prefix")
    assert findings["workspace"].state == "missing"
    assert "sekret" not in str(findings)


def test_a_workspace_on_s3_can_be_written_and_is_left_as_it_was(
    s3_environment: None, s3_client: Any, tmp_path: Path
) -> None:
    address = f"s3://{BUCKET}/{tmp_path.name}"
    assert found(address)["workspace"].state == "note"
    store = open_store(address)
    store.write("alignbench.toml", b"")
    assert found(address)["workspace"].state == "ok"
    assert list(store.list("locks")) == []


@pytest.mark.parametrize("name", ["If-None-Match", "If-Match"])
def test_a_store_that_ignores_a_condition_is_named_and_left_as_it_was(
    s3_environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    # No S3 server that ignores conditions can be had here, so the client drops the header.
    store = open_store(f"s3://{BUCKET}/{tmp_path.name}")
    store.write("alignbench.toml", b"")

    def without(request: Any, **_: Any) -> None:
        del request.headers[name]

    store.client.meta.events.register("before-sign.s3.PutObject", without)  # type: ignore[attr-defined]
    monkeypatch.setattr(examination, "open_store", lambda _: store)
    finding = found(store.url)["workspace"]
    assert finding.state == "missing"
    assert f"does not honour {name} on PUT" in finding.found
    assert list(store.list("locks")) == []


@pytest.mark.parametrize("data", [b"\xff\xfe", b"name = 3", b"[annotation]\nstorage = 'ftp'"])
def test_a_configuration_that_cannot_be_used_hides_no_other_finding(
    root: Path, data: bytes
) -> None:
    (root / "alignbench.toml").write_bytes(data)
    findings = found(root)
    assert findings.keys() >= CHECKS
    assert findings["configuration"].state == "missing"
    assert findings["workspace"].state == findings["tables"].state == "ok"


def test_a_configuration_behind_a_link_that_leads_out_is_a_finding(
    root: Path, tmp_path: Path
) -> None:
    (root / "alignbench.toml").rename(tmp_path / "outside.toml")
    (root / "alignbench.toml").symlink_to(tmp_path / "outside.toml")
    findings = found(root)
    assert "leads out of" in findings["configuration"].found
    assert findings["workspace"].state == "ok"


def test_damaged_parts_are_counted(root: Path) -> None:
    for part in commits(root, 3)[:2]:
        part.write_bytes(part.read_bytes() + b"x")
    finding = found(root)["tables"]
    assert finding.state == "missing"
    assert finding.found.startswith("2 of 3 parts read cannot be used")
    assert "backup" in finding.fix


def test_a_part_of_a_newer_version_keeps_its_own_advice(root: Path) -> None:
    import pyarrow.parquet as pq

    [part] = commits(root, 1)
    table = pq.read_table(part)
    newer = {b"alignbench.table": b"prompts", b"alignbench.schema_version": b"999"}
    pq.write_table(table.replace_schema_metadata(newer), part)
    finding = found(root)["tables"]
    assert finding.state == "missing"
    assert "Upgrade alignbench" in finding.fix


@pytest.mark.parametrize("limit", ["MAX_PARTS", "MAX_BYTES"])
def test_reading_stops_at_a_bound_and_says_so(
    root: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    commits(root, 3)
    monkeypatch.setattr(workspace_checks, limit, 1)
    finding = found(root)["tables"]
    assert finding.state == "ok"
    assert finding.found.startswith("1 parts read, the others not")


def test_an_unreachable_prefect_server_is_named_without_its_password(root: Path) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    # As from a profile: no environment variable says it.
    with temporary_settings({PREFECT_API_URL: "http://user:sekret@127.0.0.1:9/api"}):
        finding = found(root)["Prefect server"]
    assert finding.state == "missing"
    assert finding.found.startswith("http://127.0.0.1:9/api does not answer")
    assert "sekret" not in str(finding)


@pytest.mark.parametrize(
    "url", ["http://u:sekret@127.0.0.1:9/ls", "u:sekret@host", "http://u:p/sekret@h"]
)
def test_an_unreachable_label_studio_is_named_without_its_password(
    root: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_URL", url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "sekret-token")
    finding = found(root)["Label Studio server"]
    assert finding.state == "missing"
    assert "does not answer" in finding.found
    assert "sekret" not in str(finding)


def test_the_embedded_token_is_not_sent_to_an_operators_server(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ALIGNBENCH_EMBEDDED_LABEL_STUDIO_URL", "http://127.0.0.1:10")
    monkeypatch.setenv("ALIGNBENCH_EMBEDDED_LABEL_STUDIO_TOKEN", "token")
    finding = found(root)["Label Studio server"]
    assert finding.found == "http://127.0.0.1:9 is there, but LABEL_STUDIO_API_KEY is not set."


def test_a_token_is_tried_and_never_printed(
    root: Path, label_studio: EmbeddedLabelStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIGNBENCH_EMBEDDED_LABEL_STUDIO_URL", label_studio.url)
    monkeypatch.setenv("ALIGNBENCH_EMBEDDED_LABEL_STUDIO_TOKEN", label_studio.token)
    good = found(root)["Label Studio server"]
    assert (good.state, good.found) == ("ok", f"{label_studio.url} accepts the token")
    monkeypatch.setenv("LABEL_STUDIO_URL", label_studio.url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "sekret-token")
    bad = found(root)["Label Studio server"]
    assert bad.state == "missing"
    assert "does not accept the API token" in bad.found
    assert "sekret" not in str(bad)


def test_what_the_first_stages_need_is_tried(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "photos").mkdir()
    (root / "photos" / "a.png").write_bytes(b"1")
    (root / "empty").mkdir()
    (root / "prompts.txt").write_text("A cat.\n")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with running() as server:
        url, nowhere = server.base_url, "http://127.0.0.1:1/v1"
        server.gets["/v1/models"] = b'{"data": [{"id": "there"}]}'
        (root / "alignbench.toml").write_text(
            f"""
            sources = [
                {{ name = "photos", kind = "folder", path = "photos" }},
                {{ name = "nothing", kind = "folder", path = "empty" }},
                {{ name = "nowhere", kind = "folder", path = "gone" }},
            ]
            prompts = [
                {{ name = "list", kind = "file", path = "prompts.txt" }},
                {{ name = "lost", kind = "file", path = "gone.txt" }},
            ]
            captioners = [
                {{ name = "served", backend = "openai", repo = "there", base_url = "{url}" }},
                {{ name = "absent", backend = "openai", repo = "other", base_url = "{url}" }},
                {{ name = "down", backend = "openai", repo = "x", base_url = "{nowhere}" }},
                {{ name = "paid", backend = "openai", repo = "gpt" }},
                {{ name = "mine", backend = "transformers", repo = "some/model" }},
            ]
            """
        )
        findings = found(root)
    states = {name: finding.state for name, finding in findings.items()}
    assert states | {
        "source photos": "ok", "source nothing": "missing", "source nowhere": "missing",
        "prompts list": "ok", "prompts lost": "missing",
        "model served": "ok", "model absent": "note", "model down": "missing",
        "model paid": "missing", "model mine": "note",
        "room": "ok",
    } == states  # fmt: skip
    assert "OPENAI_API_KEY" in findings["model paid"].fix
    assert "models --check mine" in findings["model mine"].fix


def test_too_little_room_for_what_is_planned_is_missing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "photos").mkdir()
    for number in range(4):
        (root / "photos" / f"{number}.png").write_bytes(b"1")
    (root / "alignbench.toml").write_text(
        'sources = [{ name = "photos", kind = "folder", path = "photos" }]\n'
    )
    assert found(root)["room"].found.startswith("4 images to come")
    monkeypatch.setattr(run_checks, "_IMAGE_BYTES", 1e15)
    assert found(root)["room"].state == "missing"


@pytest.fixture
def annotator_token(label_studio: EmbeddedLabelStudio) -> str:
    server = connect(label_studio.url, label_studio.token)
    if "lia@example.org" not in server.annotators().values():
        create_annotator(
            label_studio.url, server.invitation(), "lia@example.org", "a long password"
        )
    return token_of(label_studio.url, "lia@example.org", "a long password")


def test_the_guard_is_tried_with_an_annotators_token(
    root: Path,
    label_studio: EmbeddedLabelStudio,
    annotator_token: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_URL", label_studio.url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)
    findings = found(root)
    assert findings["Label Studio guard"].found == "on, for Label Studio 1.23.2"
    assert findings["Label Studio guard, tried"].state == "note"
    monkeypatch.setenv("LABEL_STUDIO_ANNOTATOR_TOKEN", annotator_token)
    assert found(root)["Label Studio guard, tried"].state == "ok"
    monkeypatch.setenv("LABEL_STUDIO_ANNOTATOR_TOKEN", label_studio.token)
    operators = found(root)["Label Studio guard, tried"]
    assert operators.state == "missing"
    assert "can read /api/organizations" in operators.found
    monkeypatch.setenv("LABEL_STUDIO_ANNOTATOR_TOKEN", "sekret-token")
    refused = found(root)["Label Studio guard, tried"]
    assert (refused.state, "sekret" in str(refused)) == ("missing", False)


class Unguarded(BaseHTTPRequestHandler):
    """Stands in for a Label Studio of another version, which cannot be had here."""

    state: ClassVar[str | None] = None

    def do_GET(self) -> None:
        self.send_response(200)
        if self.state is not None:
            self.send_header("X-AlignBench-Guard", self.state)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_a_server_without_the_guard_or_of_another_version_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Unguarded) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("LABEL_STUDIO_URL", f"http://127.0.0.1:{server.server_port}")
        findings = {result.check: result for result in label_studio_guard(None)}
        assert findings["Label Studio guard"].found.startswith("off: any account")
        monkeypatch.setattr(Unguarded, "state", "on; label-studio=1.24.0; tried=1.23.2")
        findings = {result.check: result for result in label_studio_guard(None)}
        assert "made for Label Studio 1.23.2, and this is 1.24.0" in str(findings)
        server.shutdown()


def test_what_later_stages_need_is_tried(root: Path) -> None:
    with running() as server:
        server.gets["/v1/models"] = b'{"data": [{"id": "critic"}]}'
        judge = f"""
[[judges]]
name = "critic"
backend = "openai"
repo = "critic"
base_url = "{server.base_url}"
"""
        (root / "alignbench.toml").write_text(judge)
        assert found(root)["judge critic"].state == "ok"
        assert found(root)["annotators' texts"].found == "en"
        mistaken = (
            ("judges", "mine.toml", f'{judge}rubric = "mine.toml"\n'),
            ("judges", "tasks.toml", f'[questions]\ntasks = "tasks.toml"\n{judge}'),
            ("annotators' texts", "what comes along is", '[annotation]\nlanguage = "xx"\n'),
            ("annotators' texts", "xx.toml", '[annotation.languages]\n"a@b.c" = "xx.toml"\n'),
            ("gold", "gold.jsonl", '[annotation]\ngold = "gold.jsonl"\n'),
            (
                "rewriters",
                "critic",
                judge.replace("judges", "rewriters") + 'styles = ["formal"]\n'
                'checked_by = "nobody"\n',
            ),
        )
        for check, said, config in mistaken:
            (root / "alignbench.toml").write_text(config)
            finding = found(root)[check]
            assert finding.state == "missing", (check, finding)
            assert said in f"{finding.found} {finding.fix}", finding
    assert not (root / "tables").exists()
