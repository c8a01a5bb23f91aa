"""How a command speaks: to a terminal that knows few letters, and to machines."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from alignbench.cli.app import app
from alignbench.schemas.protocols import Generation, ItemFailure
from alignbench.terminal.output import print_json
from tests.flows.letter_captioner import LetterCaptioner, registered

CONFIG = '[[sources]]\nname = "photos"\nkind = "folder"\npath = "photos"\n'


def alignbench(folder: Path, *arguments: str, **set_to: str) -> subprocess.CompletedProcess[bytes]:
    command = [str(Path(sys.executable).parent / "alignbench"), "-C", str(folder), *arguments]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    return subprocess.run(command, env=kept | set_to, capture_output=True, check=False)


def test_a_run_is_told_as_lines_of_json(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (4, 3)).save(tmp_path / "photos/a.png")
    (tmp_path / "photos/b.png").write_bytes(b"no image")
    (tmp_path / "alignbench.toml").write_text(CONFIG, encoding="utf-8")
    ran = alignbench(tmp_path, "ingest", ALIGNBENCH_LOG="json")
    told = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [line["event"] for line in told] == ["started", "committed", "reported", "error"]
    assert told[0]["pending"] == 2
    assert (told[2]["made"], told[2]["failed"]) == (1, 1)
    assert told[3]["code"] == "AB-F01"
    assert ran.stdout == b""

    runs = alignbench(tmp_path, "status", "--runs", "--json")
    [row] = json.loads(runs.stdout)
    assert (row["stage"], row["made"], row["failed"], row["ended"]) == ("ingest", 1, 1, True)


def test_what_a_library_prints_is_beside_the_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (4, 3)).save(tmp_path / "photos/a.png")
    chatty = '[[captioners]]\nname = "chatty"\nbackend = "letters"\nrepo = "letters"\n'
    (tmp_path / "alignbench.toml").write_text(CONFIG + chatty, encoding="utf-8")
    kept = LetterCaptioner.caption

    def chattering(*asked: Any) -> list[Generation | ItemFailure]:
        print("Downloading shards: 100%")  # noqa: T201 - as libraries do
        return kept(*asked)

    monkeypatch.setattr(LetterCaptioner, "caption", chattering)
    with registered(monkeypatch):
        assert CliRunner().invoke(app, ["-C", str(tmp_path), "ingest"]).exit_code == 0
        ran = CliRunner().invoke(app, ["-C", str(tmp_path), "caption", "--json"])
    assert json.loads(ran.stdout)["made"] == 1
    assert "Downloading" in ran.stderr


def test_json_is_json_on_a_stream_without_the_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, "ascii", write_through=True))
    print_json({"name": "été"})
    assert json.loads(written.getvalue()) == {"name": "été"}


def test_a_terminal_without_the_letters_ends_no_command(tmp_path: Path) -> None:
    ran = alignbench(tmp_path / "café", "status", PYTHONIOENCODING="ascii")
    assert ran.returncode == 2
    assert ran.stderr.startswith(b"AB-W08: ")
    assert b"caf\\xe9" in ran.stderr
