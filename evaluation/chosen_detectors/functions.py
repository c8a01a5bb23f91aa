"""A detector that is a function: from an image and sentences about it to their scores."""

import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import ClassVar, Final, TypeAlias

from PIL import Image

from alignbench.evaluation.chosen_detectors.entries import DetectorEntry, PreparedDetector
from alignbench.evaluation.errors import FunctionResultError
from alignbench.models.pixels import rgb_pixels
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.item_codes import ItemError
from alignbench.schemas.plugins import DetectorBase
from alignbench.schemas.protocols import ItemFailure

ScoringFunction: TypeAlias = Callable[[Image.Image, Sequence[str]], Iterable[float]]
"""Takes an image, as RGB and as annotators saw it, and sentences about it; returns one score for
each, in order: higher is more likely correct."""

_BACKEND: Final = "function"
_UNNAMED: Final = "<lambda>"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


class FunctionDetector:
    """A function as a detector.

    Attributes:
        entry: How it stands in the records of an evaluation.
    """

    def __init__(
        self,
        function: ScoringFunction,
        name: str | None = None,
        *,
        version: str | None = None,
        family: str | None = None,
    ) -> None:
        """Takes a function.

        Args:
            function: The function.
            name: Its name in tables; that of the function if not given.
            version: What its scores depend on, such as a checkpoint. With it, scores that are kept
                from an earlier evaluation count; without it nobody can tell whether the function is
                still the same, so that everything is scored again.
            family: Models of one family prefer each other's captions.
        """
        self.entry = DetectorEntry(
            name=name or _name_of(function),
            backend=_BACKEND,
            revision=version or uuid.uuid4().hex,
            family=family,
        )
        self._function = function

    def renamed(self, name: str) -> "FunctionDetector":
        """Returns it under another name."""
        version, family = self.entry.revision, self.entry.family
        return FunctionDetector(self._function, name, version=version, family=family)

    def prepared(self) -> PreparedDetector:
        """Returns it as the stage that scores takes it."""
        plugin = type("Function", (_CallingDetector,), {"function": staticmethod(self._function)})
        return PreparedDetector(self.entry, plugin)


class _CallingDetector(DetectorBase):
    """Calls a function once for each image, with all the sentences about it."""

    reads_pixels = True
    function: ClassVar[ScoringFunction]

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns one score, or one failure, for each sentence, in order.

        Raises:
            FunctionResultError: The function does not give one number for each sentence.
        """
        found: list[SentenceScore | ItemFailure] = []
        for image_id, group in groupby(requests, key=lambda request: request.image_id):
            of_image = list(group)
            try:
                pixels = rgb_pixels(of_image[0].image, image_id)
            except ItemError as error:
                found += [error.failure] * len(of_image)
                continue
            found += self._scores(pixels, [request.text for request in of_image])
        return found

    def _scores(self, image: Image.Image, sentences: Sequence[str]) -> list[SentenceScore]:
        given = type(self).function(image, sentences)
        try:
            scores = [float(score) for score in given]
        except (TypeError, ValueError) as error:
            raise _wrong_result(f"it gave {type(given).__name__}: {error}") from None
        if len(scores) != len(sentences):
            raise _wrong_result(f"it gave {len(scores)} scores for {len(sentences)} sentences")
        return [SentenceScore(score) for score in scores]


def _name_of(function: ScoringFunction) -> str:
    given = getattr(function, "__name__", type(function).__name__)
    name = _BACKEND if given == _UNNAMED else _UNSAFE.sub("-", given).strip("._-")
    return name[:64] or _BACKEND


def _wrong_result(problem: str) -> FunctionResultError:
    return FunctionResultError(
        f"The function does not score its sentences: {problem}.",
        "Let it return one number for each sentence, in order.",
    )
