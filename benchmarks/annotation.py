"""Push and pull at size, beside the plain SDK loop and the server's own snapshot export.

Sentences are pushed as the stage does it, and pushed again; then tasks are imported with answers in
them, pulled, exported as a snapshot, and pulled again after 100 new answers. Each pull is a process
of its own, so that its peak memory is its own.

    python -m benchmarks.annotation [--sentences 100000] [--workspace FOLDER]

With `--workspace` a Label Studio that runs there is used, and left running.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

from alignbench import services
from annotation.label_studio.accounts import create_annotator, submit_answer, token_of
from annotation.label_studio.results import answer_result
from annotation.label_studio.server import LabelStudioServer, connect
from annotation.ordering import ordered_sentences
from annotation.pull import pull
from schemas.ids import text_sha256
from schemas.rows import Task
from schemas.tables import TASKS
from schemas.vocabulary import Purpose, TaskState, Verdict
from tests.annotation.pushing import SETTINGS, push_all
from tests.annotation.workspaces import SPLITTER, Prepared, prepare
from workspace.local import LocalStore
from workspace.selection import Selection
from workspace.workspace import Workspace

Result = TypeVar("Result")

ANNOTATORS = ("ada", "ben", "cleo")
PASSWORD = "a long password"
LOOP = 100
SENTENCES_OF_A_CAPTION = 10
AT_ONCE = 1000


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=100_000)
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--pull", nargs=3, metavar=("WORKSPACE", "URL", "TOKEN"))
    options = parser.parse_args()
    if options.pull:
        _pull_once(*options.pull)
        return
    if options.workspace:
        _measure(options.workspace.resolve(), options.sentences)
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        try:
            services.up(root, [services.ServiceName.LABEL_STUDIO], 600)
            _measure(root, options.sentences)
        finally:
            services.down(root)


def _measure(root: Path, size: int) -> None:
    connection = services.label_studio_connection(root)
    server = connect(connection.url, connection.token)
    blobs = root / "blobs" / f"bench-{time.time_ns()}"
    made = _workspace(blobs / "push", size)
    first, _ = _timed(lambda: push_all(made, server))
    again, added = _timed(lambda: push_all(_reopened(made), server))
    loop = _loop(server) / LOOP
    print(f"push of {size:,} takes 1 / {loop * size / first:,.0f} of the plain SDK loop's time")
    _row(f"push of {size:,}", first)
    _row(f"push again ({added} added)", again)
    _row(f"SDK loop, extrapolated from {LOOP}", loop * size)
    answered = _workspace(blobs / "pull", size)
    project = _seed(server, connection.token, answered)
    child = [connection.url, connection.token]
    seconds, peak = _pull(answered, *child)
    export = _snapshot(server, connection.token, project)
    print(f"pull takes {seconds / export:.2f} of the snapshot export's time")
    _row(f"pull of {size:,} tasks with {len(ANNOTATORS)} answers, peak {peak:,.0f} MB", seconds)
    _row("snapshot export, written to disk", export)
    _answer(server, answered, 100)
    seconds, peak = _pull(answered, *child)
    _row(f"pull after 100 new answers, peak {peak:,.0f} MB", seconds)


def _workspace(root: Path, size: int) -> Prepared:
    text = "Sentence number {} says something of moderate length about the image."
    sentences = [text.format(number) for number in range(SENTENCES_OF_A_CAPTION)]
    captions = 100
    images = max(1, size // (captions * SENTENCES_OF_A_CAPTION))
    made = prepare(root, images, captions, sentences)
    return made._replace(selection=Selection(made.selection.generator_ids, SPLITTER))


def _reopened(made: Prepared) -> Prepared:
    return made._replace(workspace=Workspace(LocalStore(Path(made.workspace.url))))


def _loop(server: LabelStudioServer) -> float:
    project = server.create_project(SETTINGS, "loop")
    sdk = server._transport.sdk
    data = dict.fromkeys(("image", "sentence", "before", "after", "place"), "x")
    seconds, _ = _timed(lambda: [sdk.tasks.create(project=project, data=data) for _ in range(LOOP)])
    return seconds


def _seed(server: LabelStudioServer, token: str, made: Prepared) -> int:
    """Imports all tasks with three answers each, and notes them as a push would have."""
    ids = {email: number for number, email in server.annotators().items()}
    for name in ANNOTATORS:
        if f"{name}@bench.invalid" not in ids:
            create_annotator(server.url, server.invitation(), f"{name}@bench.invalid", PASSWORD)
    ids = {email: number for number, email in server.annotators().items()}
    people = [ids[f"{name}@bench.invalid"] for name in ANNOTATORS]
    project = server.create_project(SETTINGS, "pull")
    answers = [{"completed_by": n, "result": answer_result(Verdict.CORRECT)} for n in people]
    with httpx.Client(
        base_url=server.url, headers={"Authorization": f"Token {token}"}, timeout=600
    ) as client:
        for table in ordered_sentences(made.workspace, made.selection):
            for start in range(0, len(table), AT_ONCE):
                _import(client, project, made, table.slice(start, AT_ONCE).to_pylist(), answers,
                        server.identity)  # fmt: skip
    return project


def _import(
    client: httpx.Client,
    project: int,
    made: Prepared,
    rows: list[dict[str, Any]],
    answers: list[dict[str, Any]],
    identity: str,
) -> None:
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
    confirmed = [
        Task(server=identity, project_id=project, task_id=task_id, sentence_id=row["sentence_id"],
             round="1", purpose=Purpose.LABEL, state=TaskState.CONFIRMED, version=1)
        for row, task_id in zip(rows, response.json()["task_ids"], strict=True)
    ]  # fmt: skip
    made.workspace.table(TASKS).append(confirmed, "bench")


def _pull(made: Prepared, url: str, token: str) -> tuple[float, float]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.annotation",
        "--pull",
        made.workspace.url,
        url,
        token,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, peak


def _pull_once(root: str, url: str, token: str) -> None:
    server = connect(url, token)
    seconds, report = _timed(lambda: pull(Workspace(LocalStore(Path(root))), server, "bench"))
    print(report)
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000]))


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


def _answer(server: LabelStudioServer, made: Prepared, count: int) -> None:
    email = "dora@bench.invalid"
    if email not in server.annotators().values():
        create_annotator(server.url, server.invitation(), email, PASSWORD)
    token = token_of(server.url, email, PASSWORD)
    rows = made.workspace.table(TASKS).rows()
    for _, row in zip(range(count), rows, strict=False):
        submit_answer(server.url, token, row.task_id or 0, Verdict.CORRECT)


def _timed(act: Callable[[], Result]) -> tuple[float, Result]:
    started = time.monotonic()
    result = act()
    return time.monotonic() - started, result


def _row(what: str, seconds: float) -> None:
    print(f"| {what} | {seconds:,.1f} s |", flush=True)


if __name__ == "__main__":
    main()
