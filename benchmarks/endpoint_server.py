"""A model server as its clients see one: so many requests at a time, each a fixed time.

It stands for an engine on a machine of its own, which takes some requests into its batch and a
fixed time for each; further ones wait, and with `--most N` those beyond N in flight are answered
with 429. `GET /stats` tells of the time from the first request to the last answer.

    python -m benchmarks.endpoint_server PORT [--slots 32] [--seconds 0.5] [--most N]
        [--answer TEXT]
"""

import argparse
import asyncio
import json
import time

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class Engine:
    """Answers, and counts."""

    def __init__(self, slots: int, seconds: float, most: int | None, answer: str) -> None:
        self._answer = answer
        self._most = most
        self._slots = asyncio.Semaphore(slots)
        self._seconds = seconds
        self._in_flight = 0
        self.reset()

    def reset(self) -> None:
        """Forgets what was."""
        self._first = self._last = 0.0
        self._answered = self._refused = 0

    async def answer(self, request: Request) -> Response:
        """POST /v1/chat/completions."""
        self._first = self._first or time.monotonic()
        asked = json.loads(await request.body())
        if self._most is not None and self._in_flight >= self._most:
            self._refused += 1
            return JSONResponse({"error": {"message": "too many requests"}}, 429)
        self._in_flight += 1
        try:
            async with self._slots:
                await asyncio.sleep(self._seconds)
        finally:
            self._in_flight -= 1
        self._answered += 1
        self._last = time.monotonic()
        message = {"role": "assistant", "content": self._answer}
        return JSONResponse(
            {
                "id": f"chatcmpl-{self._answered}",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": asked["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 300, "completion_tokens": 8, "total_tokens": 308},
            }
        )

    async def stats(self, request: Request) -> Response:
        """GET /stats, which also begins anew."""
        figures = {
            "seconds": self._last - self._first,
            "answered": self._answered,
            "refused": self._refused,
        }
        self.reset()
        return JSONResponse(figures)


def main() -> None:
    """Serves on loopback until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--most", type=int)
    parser.add_argument("--answer", default="A photograph of nothing in particular.")
    arguments = parser.parse_args()
    engine = Engine(arguments.slots, arguments.seconds, arguments.most, arguments.answer)
    routes = [
        Route("/v1/chat/completions", engine.answer, methods=["POST"]),
        Route("/stats", engine.stats),
    ]
    # A client that is short of processor time is late with its next request on a connection.
    uvicorn.run(
        Starlette(routes=routes), port=arguments.port, log_level="error", timeout_keep_alive=600
    )


if __name__ == "__main__":
    main()
