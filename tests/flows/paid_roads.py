"""Captions by a model that is paid for, behind a server that keeps books of its own."""

import random
import threading
from contextlib import suppress
from pathlib import Path

from PIL import Image

from tests.generators.endpoint.model_server import Asked, ModelServer, Reply, refused

IMAGES = 200
MOST = 100
CONFIG = """\
[run]
commit_rows = 40
[[sources]]
name = "photos"
kind = "folder"
path = "photos"
[[captioners]]
name = "paid"
backend = "openai"
repo = "paid"
base_url = "{url}"
instruction = "Describe."
price_in = 1.0
price_out = 10.0
most_image_tokens = 300
start_concurrency = 64
max_concurrency = 64
attempts = 20
first_pause_seconds = 0.005
longest_pause_seconds = 0.02
params = {{ {params} }}
"""


class Till:
    """A model server that keeps books of its own: what it would put on the bill."""

    def __init__(self, server: ModelServer, at_once: int = 1) -> None:
        self._first = threading.Barrier(at_once)
        self.tokens = 0
        self.usd = 0.0
        self._draw = random.Random(7)
        self._books = threading.Lock()
        server.script = self.answer

    def answer(self, asked: Asked) -> Reply:
        with suppress(threading.BrokenBarrierError):
            self._first.wait(30)  # until so many are in flight, once
            self._first.abort()
        with self._books:
            kind = self._draw.random()
            if kind < 0.1:
                return refused(503)
            sent, received = self._draw.randint(50, 300), self._draw.randint(0, MOST)
            self.tokens += sent + received
            self.usd += (sent + received * 10) / 1e6
        if kind < 0.2:
            return Reply(drop=True)  # the work was done, its answer was lost
        if kind < 0.25:
            return refused(502)
        message = {"role": "assistant", "content": "word " * max(received, 1)}
        usage = {"prompt_tokens": sent, "completion_tokens": received}
        return Reply({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage})


def paint_and_configure(root: Path, url: str, run: str = "") -> None:
    """Makes the images, and the configuration that captions them by a server."""
    (root / "photos").mkdir(parents=True)
    for number in range(IMAGES):
        Image.new("RGB", (4, 3), (number, 0, 7)).save(root / "photos" / f"{number}.png")
    config = CONFIG.format(url=url, params=f"max_tokens = {MOST}")
    (root / "alignbench.toml").write_text(config.replace("[run]\n", f"[run]\n{run}\n"))
