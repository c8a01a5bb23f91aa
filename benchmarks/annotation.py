"""Push and pull at size, beside the plain SDK loop, the SDK's export and the server's snapshot.

Captions are ingested and split, and their sentences are pushed, and pushed again. Then a copy of
the workspace has its tasks imported with answers in them, is pulled, exported, and pulled again
after 100 new answers. What is timed of push and pull is the whole command.

    python -m benchmarks.annotation [--sentences 100000]
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
from PIL import Image

from alignbench import services
from alignbench.annotation.label_studio.accounts import create_annotator, submit_answer, token_of
from alignbench.annotation.label_studio.results import answer_result
from alignbench.annotation.label_studio.server import LabelStudioServer, connect
from alignbench.annotation.pushing.ordering import ordered_sentences
from alignbench.flows.runs.run import open_run
from alignbench.flows.selected.sentences import current_selection
from alignbench.schemas.ids import text_sha256
from alignbench.schemas.rows.annotation import Task
from alignbench.schemas.tables import TASKS
from alignbench.schemas.vocabulary import Purpose, TaskState, Verdict
from benchmarks.measuring import Measured, measured
from tests.annotation.push_stage import SETTINGS

Result = TypeVar("Result")

ALIGNBENCH = str(Path(sys.executable).parent / "alignbench")
ANNOTATORS = ("ada", "ben", "cleo")
PASSWORD = "a long password"
LOOP = 100
IMAGE_CAPTIONS = 10
CAPTION_SENTENCES = 10
NEW_ANSWERS = 100
AT_ONCE = 1000
CONFIG = """
[[sources]]
name = "set"
kind = "captions"
path = "captions.jsonl"
images = "images"
[[captioners]]
name = "model"
backend = "precomputed"
"""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=100_000)
    size = parser.parse_args().sentences
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "pushed"
        _fill(root, size)
        try:
            services.up(root, [services.ServiceName.LABEL_STUDIO], 600)
            _measure(root, size)
        finally:
            services.down(root)


def _measure(root: Path, size: int) -> None:
    connection = services.label_studio_connection(root)
    server = connect(connection.url, connection.token)
    answered = root.parent / "answered"
    shutil.copytree(root, answered, ignore=shutil.ignore_patterns("services"))
    first, again = _run(root, "push", server), _run(root, "push", server)
    if "nothing to do" not in again.output:
        raise SystemExit(f"The second push said {again.output!r}.")
    loop = _loop(server) / LOOP * size
    print(f"push of {size:,} takes 1 / {loop / first.seconds:,.0f} of the plain SDK loop's time")
    _row(f"push of {size:,}", first.seconds, first)
    _row("push again, nothing to do", again.seconds, again)
    _row(f"SDK loop, extrapolated from {LOOP}", loop)
    project = _seed(server, connection.token, answered)
    pulled = _run(answered, "pull", server, connection.token)
    snapshot = _snapshot(server, connection.token, project)
    print(f"pull takes {pulled.seconds / snapshot:.2f} of the snapshot export's time")
    _row(f"pull of {size:,} tasks with {len(ANNOTATORS)} answers", pulled.seconds, pulled)
    _row("snapshot export, written to disk", snapshot)
    _row("the SDK's export, written to disk", _sdk_export(server, project))
    _answer(server, answered, NEW_ANSWERS)
    new = _run(answered, "pull", server, connection.token)
    _row(f"pull after {NEW_ANSWERS} new answers", new.seconds, new)
    for report in (pulled, new):
        print(report.output)


def _fill(root: Path, size: int) -> None:
    """Makes a workspace whose sentences are ready to be pushed."""
    (root / "images").mkdir(parents=True)
    (root / "alignbench.toml").write_text(CONFIG)
    with (root / "captions.jsonl").open("w") as file:
        for number in range(max(1, size // (IMAGE_CAPTIONS * CAPTION_SENTENCES))):
            name = f"{number}.png"
            colour = (number % 256, number // 256, 7)
            Image.new("RGB", (32, 32), colour).save(root / "images" / name)
            for caption in range(IMAGE_CAPTIONS):
                entry = {"file_name": name, "model": "model", "caption": _caption(caption)}
                file.write(json.dumps(entry) + "\n")
    for stage in ("ingest", "caption", "split"):
        measured([ALIGNBENCH, "-C", str(root), stage])


def _caption(number: int) -> str:
    return " ".join(
        f"Sentence {place} of caption {number} says something of moderate length about the image."
        for place in range(CAPTION_SENTENCES)
    )


def _run(root: Path, verb: str, server: LabelStudioServer, token: str | None = None) -> Measured:
    """Runs a verb; with a token, on a server that is another workspace's."""
    elsewhere = {} if token is None else {"LABEL_STUDIO_URL": server.url}
    if token is not None:
        elsewhere["LABEL_STUDIO_API_KEY"] = token
    return measured([ALIGNBENCH, "-C", str(root), verb], elsewhere)


def _loop(server: LabelStudioServer) -> float:
    project = server.create_project(SETTINGS, "loop")
    sdk = server._transport.sdk
    data = dict.fromkeys(("image", "sentence", "before", "after", "place"), "x")
    seconds, _ = _timed(lambda: [sdk.tasks.create(project=project, data=data) for _ in range(LOOP)])
    return seconds


def _seed(server: LabelStudioServer, token: str, root: Path) -> int:
    """Imports all tasks with three answers each, and notes them as a push would have."""
    for name in ANNOTATORS:
        create_annotator(server.url, server.invitation(), f"{name}@bench.invalid", PASSWORD)
    ids = {email: number for number, email in server.annotators().items()}
    people = [ids[f"{name}@bench.invalid"] for name in ANNOTATORS]
    project = server.create_project(SETTINGS, "pull")
    answers = [{"completed_by": n, "result": answer_result(Verdict.CORRECT)} for n in people]
    run = open_run(str(root))
    with httpx.Client(
        base_url=server.url, headers={"Authorization": f"Token {token}"}, timeout=600
    ) as client:
        for table in ordered_sentences(run.workspace, current_selection(run)):
            for start in range(0, len(table), AT_ONCE):
                rows = table.slice(start, AT_ONCE).to_pylist()
                tasks = _import(client, project, rows, answers, server.identity)
                run.workspace.table(TASKS).append(tasks, "bench")
    return project


def _import(
    client: httpx.Client,
    project: int,
    rows: list[dict[str, Any]],
    answers: list[dict[str, Any]],
    identity: str,
) -> list[Task]:
    tasks = [
        {
            "data": {
                "image": "x", "sentence": row["text"], "before": row["before"],
                "after": row["after"], "place": "1 of 1", "sentence_id": row["sentence_id"],
                "text_sha256": text_sha256(row["text"]),
            },
            "annotations": answers,
        }
        for row in rows
    ]  # fmt: skip
    path = f"/api/projects/{project}/import?return_task_ids=true"
    response = client.post(path, json=tasks).raise_for_status()
    return [
        Task(server=identity, project_id=project, task_id=task_id, sentence_id=row["sentence_id"],
             round="1", purpose=Purpose.LABEL, state=TaskState.CONFIRMED, version=1)
        for row, task_id in zip(rows, response.json()["task_ids"], strict=True)
    ]  # fmt: skip


def _snapshot(server: LabelStudioServer, token: str, project: int) -> float:
    """Makes an export snapshot, waits for it and writes it to disk; returns the seconds."""
    started = time.monotonic()
    with httpx.Client(
        base_url=server.url, headers={"Authorization": f"Token {token}"}, timeout=3600
    ) as client:
        made = client.post(f"/api/projects/{project}/exports/", json={}).raise_for_status().json()
        path = f"/api/projects/{project}/exports/{made['id']}"
        while client.get(path).raise_for_status().json()["status"] != "completed":
            time.sleep(0.2)
        with (
            tempfile.TemporaryFile() as file,
            client.stream("GET", f"{path}/download", params={"exportType": "JSON"}) as answer,
        ):
            answer.raise_for_status()
            for chunk in answer.iter_bytes():
                file.write(chunk)
    return time.monotonic() - started


def _sdk_export(server: LabelStudioServer, project: int) -> float:
    """Exports as the SDK does on the community edition, with no limit of time."""
    started = time.monotonic()
    chunks = server._transport.sdk.projects.exports.download_sync(
        project,
        export_type="JSON",
        download_all_tasks=True,
        request_options={"timeout_in_seconds": 3600},
    )
    with tempfile.TemporaryFile() as file:
        for chunk in chunks:
            file.write(chunk)
    return time.monotonic() - started


def _answer(server: LabelStudioServer, root: Path, count: int) -> None:
    email = "dora@bench.invalid"
    create_annotator(server.url, server.invitation(), email, PASSWORD)
    token = token_of(server.url, email, PASSWORD)
    rows = open_run(str(root)).workspace.table(TASKS).rows()
    for _, row in zip(range(count), rows, strict=False):
        submit_answer(server.url, token, row.task_id or 0, Verdict.CORRECT)


def _timed(act: Callable[[], Result]) -> tuple[float, Result]:
    started = time.monotonic()
    result = act()
    return time.monotonic() - started, result


def _row(what: str, seconds: float, command: Measured | None = None) -> None:
    peak = "" if command is None else f"{command.peak_mb:,.0f}"
    print(f"| {what} | {seconds:,.1f} | {peak} |", flush=True)


if __name__ == "__main__":
    main()
