"""A run whose lock is no longer its own sends nothing more than the requests already begun."""

import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from alignbench.generators.captioners.openai import OpenAICaptioner
from alignbench.generators.image_generators.openai import (
    ImageParams,
    OpenAIImageGenerator,
    OpenAIImageOptions,
)
from alignbench.generators.prompts.llm import LlmPrompts, LlmPromptsOptions
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.fence import fenced
from alignbench.schemas.protocols import CaptionRequest, ImageRequest, Surroundings
from tests.generators.endpoint.model_server import QUICK, Asked, ModelServer, Reply, image, refused

Make = Callable[..., OpenAICaptioner]


class LockGoneError(AlignBenchError):
    """Stands for whatever the holder of the lock raises; models know no more of it."""

    code = "AB-T01"


class Lock:
    """A lock that is lost after so many passes; it counts those that it let through."""

    def __init__(self, passes: int) -> None:
        self._left = count(passes, -1)
        self.passed = 0
        self._counting = threading.Lock()

    def fence(self) -> None:
        with self._counting:
            if next(self._left) <= 0:
                raise LockGoneError("The lock is another run's.", "Wait.")
            self.passed += 1


def requests(number: int = 10_000) -> Iterator[CaptionRequest]:
    for seed in range(number):
        yield CaptionRequest(image(seed), seed)


def test_not_one_request_is_begun_after_the_lock_is_lost(
    model_server: ModelServer, captioner: Make
) -> None:
    lock = Lock(40)
    with fenced(lock.fence), pytest.raises(LockGoneError, match="another run's"):
        list(captioner().caption_stream(requests(), "Describe."))
    assert lock.passed == 40
    assert len(model_server.asked) <= 40
    assert all(thread.name != "endpoint" for thread in threading.enumerate())


def test_an_attempt_after_a_pause_asks_again(model_server: ModelServer, captioner: Make) -> None:
    model_server.script = lambda _: refused(503)
    lock = Lock(3)
    with fenced(lock.fence), pytest.raises(LockGoneError):
        captioner().caption([image(0)], None, [0])
    assert len(model_server.asked) == 3


def test_requests_that_hang_are_given_up_when_the_lock_is_lost(
    model_server: ModelServer, captioner: Make
) -> None:
    def script(asked: Asked) -> Reply:
        return Reply(hang=True) if asked.body["seed"] else refused(503)

    model_server.script = script
    lock = Lock(6)
    with fenced(lock.fence), pytest.raises(LockGoneError):
        list(captioner(timeout_seconds=60).caption_stream(requests(4), None))
    assert len(model_server.asked) <= 6


def test_the_fence_is_the_one_where_the_stream_was_asked_for(
    model_server: ModelServer, captioner: Make
) -> None:
    with fenced(Lock(0).fence):
        stream = captioner().caption_stream(requests(3), None)
    with pytest.raises(LockGoneError):
        list(stream)
    assert model_server.asked == []
    assert len(list(captioner().caption_stream(requests(3), None))) == 3


def test_images_and_prompts_are_asked_for_inside_the_same_fence(
    model_server: ModelServer, tmp_path: Path
) -> None:
    served = QUICK | {"base_url": model_server.base_url}
    painter = OpenAIImageGenerator("tiny", None, OpenAIImageOptions(**served), ImageParams())
    options = LlmPromptsOptions(model="tiny", concepts=("dog", "cat", "hat"), count=2, **served)
    with fenced(Lock(0).fence):
        with pytest.raises(LockGoneError):
            list(painter.generate_stream(iter([ImageRequest("A dog.", 1)])))
        with pytest.raises(LockGoneError):
            LlmPrompts(options, Surroundings("few", tmp_path)).complete()
    assert model_server.asked == []
