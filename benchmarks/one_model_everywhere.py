"""Whether one model gets one AUROC wherever it is run: command line, Python, inspect_ai, lmms-eval.

    python -m benchmarks.one_model_everywhere RELEASE --inspect PYTHON --lmms PYTHON

The two Pythons are of environments of their own, with inspect_ai or lmms-eval, and AlignBench. The
model is a stand-in behind an OpenAI-compatible endpoint on this machine: it says a number from 0 to
100 that depends on every pixel and every word that it was sent, so that a picture or a question
that arrives otherwise gets another score. A few answers are no number at all.
"""

import argparse
import base64
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

import alignbench
from alignbench.evaluation.evaluate import Settings
from alignbench.evaluation.exports.questions import question, score_in

MODEL = "stand-in"
UNREADABLE_SHARE = 0.05


class StandIn(BaseHTTPRequestHandler):
    """Answers chat completions."""

    def do_POST(self) -> None:
        """Answers from what the first message says and shows."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text, image = _said(body["messages"][0])
        choice = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": answer(text, image)},
        }
        reply = {
            "id": "1", "object": "chat.completion", "created": 0, "model": MODEL,
            "choices": [choice],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }  # fmt: skip
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base
        """Says nothing."""


def answer(text: str, image: Image.Image) -> str:
    """Returns what the model says of an image and a question."""
    pixels = hashlib.sha256(image.convert("RGB").tobytes()).digest()
    drawn = int.from_bytes(hashlib.sha256(pixels + text.encode()).digest()[:8]) / 2**64
    if drawn < UNREADABLE_SHARE:
        return "I would rather not say."
    return str(round(100 * drawn))


def _said(message: dict[str, Any]) -> tuple[str, Image.Image]:
    texts = [part["text"] for part in message["content"] if part["type"] == "text"]
    [url] = [p["image_url"]["url"] for p in message["content"] if p["type"] == "image_url"]
    data = base64.b64decode(url.partition(",")[2])
    return "\n".join(texts).strip(), Image.open(io.BytesIO(data))


def main() -> None:
    """Runs the model four times and prints its AUROC; exits 1 if they differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("release", type=Path)
    parser.add_argument("--inspect", type=Path)
    parser.add_argument("--lmms", type=Path)
    options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    release = options.release.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        found = {
            "command line": _command_line(release, url, folder / "cli"),
            "Python": _python(release, url, folder / "python"),
        }
        if options.inspect:
            found["inspect_ai"] = _inspect(options.inspect, release, url, folder / "inspect")
        if options.lmms:
            found["lmms-eval"] = _lmms(options.lmms, release, url, folder / "lmms")
    server.shutdown()
    for name, auroc in found.items():
        print(f"{name}: AUROC {auroc:.12f}")
    spread = max(found.values()) - min(found.values())
    print(f"largest difference: {spread:.1e}")
    sys.exit(0 if spread < 1e-9 else 1)


def _command_line(release: Path, url: str, out: Path) -> float:
    detector = f"vlm_endpoint:repo={MODEL},name=model,base_url={url}"
    command = ["evaluate", str(release), "--detector", detector, "--out", str(out)]
    # It ends with 1: more than 1 % of the answers are no score, and the report says so.
    run = subprocess.run(
        [sys.executable, "-m", "alignbench", *command, "--no-figures", "--json"],
        capture_output=True,
        text=True,
    )
    if not run.stdout.strip():
        sys.exit(run.stderr)
    return _mean(json.loads(run.stdout)["results"]["auroc_by_model"])


def _python(release: Path, url: str, out: Path) -> float:
    with httpx.Client(base_url=url) as client:

        def model(image: Image.Image, sentences: Sequence[str]) -> list[float]:
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            shown = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
            return [_asked(client, shown, sentence) for sentence in sentences]

        settings = Settings(figures=False)
        done = alignbench.evaluate(release, {"model": model}, out=out, settings=settings)
    return _mean(done.results.table("auroc_by_model").to_pylist())


def _asked(client: httpx.Client, image: str, sentence: str) -> float:
    parts = [
        {"type": "image_url", "image_url": {"url": image}},
        {"type": "text", "text": question(sentence)},
    ]
    body = {"model": MODEL, "messages": [{"role": "user", "content": parts}]}
    reply = client.post("/chat/completions", json=body).raise_for_status().json()
    score = score_in(reply["choices"][0]["message"]["content"])
    return float("nan") if score is None else score


def _mean(rows: list[dict[str, Any]]) -> float:
    [row] = [row for row in rows if row["model"] == "mean of models"]
    return float(row["auroc"])


def _exported(kind: str, release: Path, to: Path) -> None:
    command = ["export", kind, str(release), "--to", str(to)]
    subprocess.run([sys.executable, "-m", "alignbench", *command], check=True, capture_output=True)


def _inspect(python: Path, release: Path, url: str, folder: Path) -> float:
    _exported("inspect_ai", release, folder)
    environment = {
        **os.environ, "STANDIN_API_KEY": "none", "STANDIN_BASE_URL": url, "HF_HUB_OFFLINE": "1",
    }  # fmt: skip
    model = f"openai-api/standin/{MODEL}"
    options = ["--log-dir", str(folder / "logs"), "--log-format", "json", "--display", "none"]
    command = [python, "-m", "inspect_ai", "eval", "task.py", "--model", model, *options]
    _run(command, folder, environment)
    [log] = (folder / "logs").glob("*.json")
    [scores] = json.loads(log.read_text())["results"]["scores"]
    return float(scores["metrics"]["auroc"]["value"])


def _lmms(python: Path, release: Path, url: str, folder: Path) -> float:
    _exported("lmms_eval", release, folder)
    [task] = folder.glob("*.yaml")
    environment = {
        **os.environ, "OPENAI_API_KEY": "none", "OPENAI_API_BASE": url, "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder / "cache"),
    }  # fmt: skip
    command = [
        python, "-m", "lmms_eval", "--model", "openai",
        "--model_args", f"model_version={MODEL}", "--tasks", task.stem,
        "--include_path", str(folder), "--batch_size", "1", "--output_path", str(folder / "out"),
    ]  # fmt: skip
    said = _run(command, folder, environment)
    results = sorted((folder / "out").rglob("*results.json"))
    if not results:
        sys.exit(said)
    metrics = json.loads(results[-1].read_text())["results"][task.stem]
    [auroc] = [v for name, v in metrics.items() if re.fullmatch(r"alignbench_auroc,\w+", name)]
    return float(auroc)


def _run(command: Sequence[str | Path], folder: Path, environment: dict[str, str]) -> str:
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{run.stdout}\n{run.stderr}")
    return run.stdout + run.stderr


if __name__ == "__main__":
    main()
