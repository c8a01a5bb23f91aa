"""The command line: what it says to a person who makes a mistake, and to a script."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from alignbench.cli.app import main
from alignbench.flows.asking.label_studio import annotation_server
from alignbench.flows.runs.run import open_run
from alignbench.schemas.errors import MissingSecretError
from tests.flows.roads import CONFIG, alignbench, contents, new_workspace


def test_a_wrong_key_names_the_nearest_and_exits_2(tmp_path: Path) -> None:
    root = new_workspace(tmp_path / "w", CONFIG.replace("annotators_per_sentence", "anotators_per"))
    done = alignbench(root, "ingest")
    assert done.returncode == 2
    assert "AB-C01" in done.stderr
    assert "Did you mean 'annotators_per_sentence'?" in done.stderr


def test_a_folder_that_is_no_workspace_says_what_to_do(tmp_path: Path) -> None:
    done = alignbench(tmp_path, "ingest")
    assert done.returncode == 2
    assert "AB-W08" in done.stderr
    assert "alignbench init" in done.stderr


def test_init_writes_a_configuration_that_is_accepted_and_overwrites_none(tmp_path: Path) -> None:
    assert alignbench(tmp_path, "init").returncode == 0
    (tmp_path / "inputs" / "photos").mkdir(parents=True)
    told = alignbench(tmp_path, "ingest").stdout.splitlines()
    assert told == ["ingest: nothing to do", "  photos: it lists no image"]
    again = alignbench(tmp_path, "init")
    assert again.returncode == 2
    assert "exists" in again.stderr


def test_pushing_without_a_server_says_how_to_get_one(tmp_path: Path) -> None:
    root = new_workspace(tmp_path / "w")
    done = alignbench(root, "push")
    assert done.returncode == 2
    assert "alignbench services up" in done.stderr


def test_a_missing_secret_is_named_and_never_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = '[annotation]\nurl = "http://127.0.0.1:9"'
    root = new_workspace(tmp_path / "w", CONFIG.replace("[annotation]", url))
    done = alignbench(root, "push")
    assert done.returncode == 2
    assert "AB-C02: LABEL_STUDIO_API_KEY is not set" in done.stderr


def test_an_unreachable_label_studio_is_named_and_the_token_is_not_printed(tmp_path: Path) -> None:
    from tests.fixtures.services import EmbeddedLabelStudio

    nowhere = EmbeddedLabelStudio(tmp_path, "http://127.0.0.1:9", "sekret-token", "", "")
    root = new_workspace(tmp_path / "w")
    done = alignbench(root, "push", server=nowhere)
    assert done.returncode != 0
    assert "http://127.0.0.1:9" in done.stderr
    assert "sekret-token" not in done.stderr + done.stdout


def test_a_dry_run_counts_and_does_nothing(tmp_path: Path) -> None:
    root = new_workspace(tmp_path / "w")
    done = alignbench(root, "ingest", "--dry-run")
    assert "24 to do" in done.stdout
    assert not contents(root)["images"]


def test_status_of_a_fresh_workspace_shows_what_is_pending(tmp_path: Path) -> None:
    root = new_workspace(tmp_path / "w")
    rows = json.loads(alignbench(root, "status", "--json").stdout)
    [ingest] = [row for row in rows if row["stage"] == "ingest"]
    assert (ingest["scope"], ingest["pending"]) == ("photographs", 24)


def test_compact_merges_parts_and_changes_no_row(tmp_path: Path) -> None:
    root = new_workspace(tmp_path / "w")
    for stage in ("ingest", "caption", "split"):
        assert alignbench(root, stage, "--limit", "8").returncode == 0
        assert alignbench(root, stage).returncode == 0
    before = contents(root)
    assert "parts became 1" in alignbench(root, "compact").stdout
    assert contents(root) == before
    assert alignbench(root, "compact").stdout.strip() == "compact: nothing to do"


def test_doctor_checks_everything_and_says_what_to_do(tmp_path: Path) -> None:
    root = new_workspace(tmp_path / "w")
    findings = json.loads(alignbench(root, "doctor", "--json").stdout)
    states = {finding["check"]: finding["state"] for finding in findings}
    assert states["workspace"] == states["configuration"] == states["sentence splitter"] == "ok"
    assert all(finding["fix"] for finding in findings if finding["state"] != "ok")


def test_an_unknown_stage_to_retry_names_the_nearest(tmp_path: Path) -> None:
    done = alignbench(new_workspace(tmp_path / "w"), "retry", "captions")
    assert done.returncode == 2
    assert "Did you mean 'caption'?" in done.stderr


def test_json_is_printed_although_too_many_items_failed(tmp_path: Path) -> None:
    root = new_workspace(tmp_path / "w")
    for photograph in list((root / "inputs" / "photographs").glob("*.png"))[:3]:
        photograph.write_bytes(b"not an image")
    done = alignbench(root, "ingest", "--json")
    assert done.returncode == 1
    assert "AB-F01" in done.stderr
    assert json.loads(done.stdout)["failed"] == 6


@pytest.mark.parametrize(
    ("number", "code", "log"),
    [(signal.SIGINT, 130, "text"), (signal.SIGTERM, 143, "json"), (signal.SIGHUP, 129, "text")],
)
def test_a_command_that_is_stopped_says_that_it_can_go_on(
    tmp_path: Path, number: signal.Signals, code: int, log: str
) -> None:
    root = new_workspace(tmp_path / "w")
    pipe = root / "inputs" / "captions.jsonl"
    pipe.unlink()
    os.mkfifo(pipe)  # reading it waits for ever, as a slow source would
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "alignbench"), "--log", log, "-C", str(root), "ingest"],
        stderr=subprocess.PIPE,
        text=True,
        # These tests may themselves run where a hangup is ignored, as under nohup.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    with pipe.open("w") as held:  # returns once the command has opened the other end
        held.flush()
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Run the same command again to continue." in said
    if log == "json":
        assert json.loads(said.splitlines()[-1])["event"] == "stopped"


def test_variables_that_are_set_to_nothing_are_not_set(tmp_path: Path) -> None:
    root = new_workspace(tmp_path / "w")
    empty = dict.fromkeys(("PREFECT_API_URL", "LABEL_STUDIO_URL", "AWS_ENDPOINT_URL"), "")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "alignbench"), "-C", str(root), "ingest"],
        env={**os.environ, **empty, "PREFECT_HOME": str(tmp_path / "prefect")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "prefect" / "prefect.db").exists()  # no server was started


def test_the_embedded_servers_token_is_not_sent_to_a_configured_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    monkeypatch.setenv("ALIGNBENCH_EMBEDDED_LABEL_STUDIO_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ALIGNBENCH_EMBEDDED_LABEL_STUDIO_TOKEN", "embedded")
    url = '[annotation]\nurl = "http://127.0.0.1:10"'
    root = new_workspace(tmp_path / "w", CONFIG.replace("[annotation]", url))
    run = open_run(str(root))
    with pytest.raises(MissingSecretError):
        annotation_server(run)


@pytest.mark.parametrize("option", ["-C", "--workspace"])
def test_a_workspace_after_the_verb_is_told_where_it_stands(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["alignbench", "--log", "text", "status", option, "ws"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert f"Write 'alignbench {option} ws status ...'" in capsys.readouterr().err


def test_a_folder_that_holds_no_release_is_called_so_by_verify(tmp_path: Path) -> None:
    root = new_workspace(tmp_path / "w")
    done = alignbench(root, "verify", str(root))
    assert done.returncode != 0
    assert "holds no release" in done.stderr
    assert "releases/NAME/VERSION" in done.stderr
