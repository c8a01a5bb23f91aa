"""Models behind an endpoint, by a script: they answer, rewrite and judge questions about scenes.

No model that runs anywhere holds a conversation about an image, so the demo's are written down. A
server on loopback speaks the protocol of OpenAI's chat completions; what it says is decided by the
request alone.
"""

import base64
import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from alignbench.scenes.planned_answers import Plan, PlannedJudge, planned_answer, planned_score
from alignbench.scenes.questions import reworded
from alignbench.scenes.scene import Scene
from alignbench.schemas.ids import sha256_hex

Script = Callable[[Mapping[str, Any]], str]
"""Gives the text of a reply to the body of a request."""

_MOST_BYTES: Final = 4_000_000


def answering(name: str, plan: Plan, scenes: Mapping[str, Scene]) -> Script:
    """Returns a model that errs as planned.

    Args:
        name: Its name.
        plan: How it errs.
        scenes: Each scene by the SHA-256 of its picture.
    """

    def script(body: Mapping[str, Any]) -> str:
        image = _image(body)
        asked = _text(body["messages"][0]["content"])
        return planned_answer(name, plan, scenes.get(image or ""), image or "", asked)

    return script


def judging(judge: PlannedJudge) -> Script:
    """Returns a judge that errs as its name says."""

    def script(body: Mapping[str, Any]) -> str:
        shown = _text(body["messages"][-1]["content"])
        reference = _block(shown, "Reference")
        score = planned_score(judge, _block(shown, "Answer to be rated"), reference, shown)
        return json.dumps({"reason": "compared line by line", "rating": score})

    return script


def rewriting(body: Mapping[str, Any]) -> str:
    """Puts a question in other words; asked whether two mean the same, says that they do."""
    shown = _text(body["messages"][-1]["content"])
    return "yes" if "] Second: begin" in shown else reworded(_block(shown, "Question"))


@contextmanager
def scripted_endpoint(models: Mapping[str, Script]) -> Iterator[str]:
    """Runs a server of these models, by name, on loopback; gives its base URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(models))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(models: Mapping[str, Script]) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length", 0)), _MOST_BYTES)
            body = json.loads(self.rfile.read(length))
            text = models[body["model"]](body)
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {
                "prompt_tokens": _words(body["messages"]),
                "completion_tokens": len(text.split()),
            }
            reply = {"object": "chat.completion", "model": body["model"], "choices": [choice]}
            reply["usage"] = usage
            data = json.dumps(reply).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Says nothing: the demo tells what it does itself."""

    return Handler


def _words(messages: list[Mapping[str, Any]]) -> int:
    """Returns about how many words were sent: a script has no tokens to count."""
    return sum(len(_text(message["content"]).split()) for message in messages)


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part.get("text", "") for part in parts)


def _block(shown: str, title: str) -> str:
    """Returns what stands between the marked lines of this title."""
    found = re.search(rf"\[(\w+)\] {title}: begin\n(.*?)\n\[\1\] {title}: end", shown, re.DOTALL)
    if found is None:
        raise ValueError(f"nothing of the title {title!r} in {shown[:200]!r}")
    return found[2]


def _image(body: Mapping[str, Any]) -> str | None:
    """Returns the SHA-256 of the image in a request."""
    for message in body["messages"]:
        for part in message["content"] if isinstance(message["content"], list) else []:
            if part["type"] == "image_url":
                data = part["image_url"]["url"].partition("base64,")[2]
                return sha256_hex(base64.b64decode(data))
    return None
