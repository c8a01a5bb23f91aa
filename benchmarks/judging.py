"""Judgements from a model server: the stage, and a bare client at several concurrencies.

Both send the same 10,000 requests to the same server, one after the other, each in a process of its
own; the server notes the time from the first request to the last answer (`endpoint_server`).

    python -m benchmarks.judging [--judgements 10000] [--repeats 1]
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from benchmarks.endpoint import running_server
from benchmarks.measuring import median

SERVER = ("--slots", "64", "--seconds", "0.5", "--answer", '{"reason": "as asked", "rating": 7}')
CONCURRENCIES = (64, 96)
_VARIANTS = 4


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--judgements", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--bare", nargs=3, metavar=("URL", "FILE", "CONCURRENCY"))
    arguments = parser.parse_args()
    if arguments.bare:
        url, file, concurrency = arguments.bare
        asyncio.run(_bare(url, Path(file), int(concurrency)))
        return
    speeds: dict[str, list[float]] = {}
    with running_server(SERVER) as url:
        for number in range(arguments.repeats):
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder)
                _workspace(place, f"{url}/v1", arguments.judgements)
                for count in CONCURRENCIES:
                    command = ["-m", "benchmarks.judging", "--bare", f"{url}/v1"]
                    command += [str(place / "bodies.jsonl"), str(count)]
                    name = f"bare client, {count} in flight"
                    speed = _speed([sys.executable, *command], url, arguments.judgements)
                    speeds.setdefault(name, []).append(speed)
                verb = str(Path(sys.executable).with_name("alignbench"))
                speed = _speed([verb, "-C", str(place), "judge"], url, arguments.judgements)
                speeds.setdefault("judge stage", []).append(speed)
            print(f"run {number + 1} done", flush=True)
    best = max(median(found) for name, found in speeds.items() if name.startswith("bare"))
    print("| | of the best bare client | judgements/s |\n| --- | ---: | ---: |")
    for name, found in speeds.items():
        print(f"| {name} | {median(found) / best:.3f} | {median(found):.1f} |")


def _workspace(place: Path, base_url: str, count: int) -> None:
    """Writes answers to be judged, and the requests that judging them takes."""
    from alignbench.engine.items import rows_of
    from alignbench.flows.questions.importing import import_questions
    from alignbench.flows.questions.judge import JudgeItem, JudgeStage
    from alignbench.flows.runs.run import open_run
    from alignbench.flows.selected.chat_models import register_responders
    from alignbench.flows.selected.judges import planned_judges
    from alignbench.judging.questions.entries import Kind
    from alignbench.models.endpoint.chat import ChatParams, chat_messages, chat_request
    from alignbench.schemas import ids
    from alignbench.schemas.rows.questions import Response
    from alignbench.schemas.tables import QUESTIONS, RESPONSES

    entries = [
        {"cluster": str(n // _VARIANTS), "variant": str(n % _VARIANTS),
         "image": f"{n // _VARIANTS}.png",
         "prompt": f"How many things are there in picture {n}?", "reference": "Three things.",
         "task": "Counting"}
        for n in range(count)
    ]  # fmt: skip
    model = {"backend": "openai", "base_url": base_url}
    config = _section("captioners", {"name": "tiny", **model})
    config += _section("judges", {"name": "critic", "repo": "critic", **model})
    (place / "alignbench.toml").write_text(config)
    (place / "questions.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in entries))
    import_questions(str(place), Kind.OWN, place / "questions.jsonl", None, None, None)
    run = open_run(str(place))
    [tiny] = register_responders(run)
    text = "There are three things: a cup, a book and a lamp, side by side on a table."
    rows = [
        Response(
            response_id=ids.response_id(
                tiny.row.generator_id, one.question_id, blind=True, sample_index=0
            ),
            asked_id=one.question_id, generator_id=tiny.row.generator_id, model="tiny",
            blind=True, sample_index=0, text=text, text_sha256=ids.text_sha256(text), seed=None,
            finish_reason="stop", engine=None, prompt_tokens=None, completion_tokens=None,
            seconds=None,
        )
        for one in run.workspace.table(QUESTIONS).rows()
    ]  # fmt: skip
    run.workspace.table(RESPONSES).append(rows, run.run_id)
    stage = JudgeStage(run, planned_judges(run))
    with (place / "bodies.jsonl").open("wb") as file:
        for item in rows_of(JudgeItem, stage.inputs(keys_only=False)):
            request = stage.request(item)
            messages = chat_messages(request.turns, None)
            sent = chat_request(
                "critic", messages, ChatParams(), request.seed, request.reply_schema
            )
            file.write(sent.body + b"\n")


def _section(name: str, values: dict[str, Any]) -> str:
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join([f"[[{name}]]", *lines, ""])


def _speed(command: list[str], url: str, count: int) -> float:
    httpx.get(f"{url}/stats", trust_env=False)
    subprocess.run(command, check=True)
    stats = httpx.get(f"{url}/stats", trust_env=False).json()
    if stats["answered"] != count:
        raise SystemExit(f"{stats['answered']} replies to {count} requests.")
    return float(count / stats["seconds"])


async def _bare(base_url: str, file: Path, concurrency: int) -> None:
    free = asyncio.Semaphore(concurrency)
    limits = httpx.Limits(max_connections=concurrency)
    headers = {"Content-Type": "application/json"}
    async with httpx.AsyncClient(timeout=120, limits=limits, trust_env=False) as client:

        async def one(body: bytes) -> None:
            async with free:
                url = f"{base_url}/chat/completions"
                answer = await client.post(url, content=body, headers=headers)
                answer.raise_for_status()
                json.loads(answer.json()["choices"][0]["message"]["content"])

        await asyncio.gather(*map(one, file.read_bytes().splitlines()))


if __name__ == "__main__":
    main()
