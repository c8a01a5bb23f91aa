"""A sanity baseline: the same score for every sentence. It must be reported as no result."""

from collections.abc import Sequence
from typing import ClassVar

from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.protocols import ItemFailure, NoOptions, Options


class ConstantParams(Options):
    """What is given to every sentence."""

    value: float = 0.5


class ConstantDetector:
    """Gives every sentence the same score."""

    options_type: ClassVar[type[Options]] = NoOptions
    params_type: ClassVar[type[Options]] = ConstantParams
    reads_pixels: ClassVar[bool] = False

    def __init__(
        self,
        repo: str,  # noqa: ARG002 - the protocol's
        revision: str | None,  # noqa: ARG002
        prompt: str | None,  # noqa: ARG002
        options: Options,  # noqa: ARG002
        params: Options,
    ) -> None:
        self._value = ConstantParams.model_validate(params).value

    @classmethod
    def resolve_revision(cls, repo: str, options: Options) -> str | None:  # noqa: ARG003
        """Returns None: there is no model."""
        return None

    @classmethod
    def default_prompt(cls, params: Options) -> str | None:  # noqa: ARG003
        """Returns None: nothing is asked."""
        return None

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns the same score for each sentence."""
        return [SentenceScore(self._value) for _ in requests]
