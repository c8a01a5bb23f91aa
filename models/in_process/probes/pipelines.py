"""What a text-to-image pipeline does with what it is given: found by drawing a few rough images.

Rough: in two steps. What is asked: whether it draws from a prompt alone, how much of a prompt each
of its text encoders reads, whether an image is the same in a batch, and which parameters have an
effect at all.
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import torch

from alignbench.models.errors import UnsupportedModelError
from alignbench.models.in_process.pipelines import TEXT_TO_IMAGE
from alignbench.models.in_process.probes.asking import LIBRARY_ERRORS

_PROMPTS: Final = ("A red disc on a blue ground, with two stars above it.", "A dog.")
_STEPS: Final = 2
_TOKENIZERS: Final = ("tokenizer", "tokenizer_2", "tokenizer_3", "tokenizer_4")
_MAY_HAVE_NO_EFFECT: Final = ("negative_prompt", "guidance_scale", "true_cfg_scale")
_LARGEST: Final = 2.0
"""Largest difference of 255 that is taken for rounding, in full precision."""
_LARGEST_MEAN: Final = 2.0
"""Largest mean difference that is, in half precision."""

Pixels = npt.NDArray[np.float64]


class EncoderLimit(NamedTuple):
    """How much of a prompt a text encoder reads.

    Attributes:
        tokenizer: The encoder's tokenizer, by its name in the pipeline.
        tokens: Most tokens of the prompt, its special tokens included.
    """

    tokenizer: str
    tokens: int


@dataclass(frozen=True, slots=True)
class PipelineFindings:
    """What was found of a pipeline.

    Attributes:
        limits: Of each text encoder that cuts prompts off.
        is_batch_alike: Whether an image of a batch is that which its prompt gives alone.
        without_effect: Those of the parameters sent that change nothing.
    """

    limits: tuple[EncoderLimit, ...]
    is_batch_alike: bool
    without_effect: tuple[str, ...]


def probe_pipeline(
    pipeline: Any, sent: Mapping[str, Any], source: str, *, batches: bool = True
) -> PipelineFindings:
    """Draws with a pipeline to see what it does.

    Args:
        pipeline: Loaded, where it is to run.
        sent: The parameters that it will be called with.
        source: The model's name or folder.
        batches: Whether several images are to be drawn at once.

    Raises:
        UnsupportedModelError: It makes no image from a prompt alone.
    """
    rough = _Rough(pipeline, {**sent, "num_inference_steps": _STEPS})
    tokenizers = encoder_tokenizers(pipeline)
    with _recorded(tokenizers) as calls:
        try:
            first = rough.drawn(_PROMPTS[:1], [1])
        except torch.OutOfMemoryError:
            raise
        except LIBRARY_ERRORS as error:
            said = " ".join(str(error).split())[:300]
            raise UnsupportedModelError(
                f"{source} is a {type(pipeline).__name__}, which did not draw from a prompt alone: "
                f"{type(error).__name__}: {said}.",
                TEXT_TO_IMAGE,
            ) from None
    if first is None:
        raise UnsupportedModelError(
            f"{source} is a {type(pipeline).__name__}, which gives no image: one stage of several.",
            TEXT_TO_IMAGE,
        )
    return PipelineFindings(
        tuple(_limits(pipeline, tokenizers, calls, sent)),
        not batches or _is_batch_alike(rough, first[0]),
        tuple(name for name in _MAY_HAVE_NO_EFFECT if name in sent
              and _is_default(pipeline, name, sent[name]) is False
              and not _has_effect(rough, name, first[0])),
    )  # fmt: skip


def encoder_tokenizers(pipeline: Any) -> dict[str, Any]:
    """Returns the tokenizers of a pipeline's text encoders by their names in it."""
    found = {name: getattr(pipeline, name, None) for name in _TOKENIZERS}
    return {name: tokenizer for name, tokenizer in found.items() if tokenizer is not None}


class _Rough:
    """A pipeline that is called with certain parameters."""

    def __init__(self, pipeline: Any, sent: Mapping[str, Any]) -> None:
        self._pipeline, self._sent = pipeline, dict(sent)

    def drawn(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Pixels] | None:
        """Returns the images' pixels from 0 to 255; None if there are no images in the output."""
        sent = dict(self._sent)
        if "negative_prompt" in sent:
            sent["negative_prompt"] = [sent["negative_prompt"]] * len(prompts)
        made = self._pipeline(
            prompt=list(prompts),
            generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
            output_type="pil",
            **sent,
        )
        images = getattr(made, "images", None)
        if images is None:
            return None
        return [np.asarray(image.convert("RGB"), dtype=np.float64) for image in images]

    def without(self, name: str) -> "_Rough":
        """Returns the same without one of the parameters."""
        return _Rough(self._pipeline, {k: v for k, v in self._sent.items() if k != name})

    @property
    def is_half(self) -> bool:
        """Whether the pipeline reckons in half precision."""
        return self._pipeline.dtype in (torch.float16, torch.bfloat16)


def _is_batch_alike(rough: _Rough, alone: Pixels) -> bool:
    try:
        together = rough.drawn(_PROMPTS, [1, 2])
    except torch.OutOfMemoryError:
        return True  # the batch is halved where it does not fit
    except LIBRARY_ERRORS:
        return False
    if together is None or together[0].shape != alone.shape:
        return False
    second = rough.drawn(_PROMPTS[1:], [2])
    pairs = zip(together, [alone, *(second or ())], strict=True)
    differences = [np.abs(one - other) for one, other in pairs]
    if rough.is_half:
        return all(float(one.mean()) <= _LARGEST_MEAN for one in differences)
    return all(float(one.max()) <= _LARGEST for one in differences)


def _has_effect(rough: _Rough, name: str, with_it: Pixels) -> bool:
    without = rough.without(name).drawn(_PROMPTS[:1], [1])
    return without is None or not np.array_equal(without[0], with_it)


def _is_default(pipeline: Any, name: str, value: object) -> bool:
    parameter = inspect.signature(pipeline.__call__).parameters.get(name)
    return parameter is not None and bool(parameter.default == value)


class _Call(NamedTuple):
    """What a pipeline had tokenized."""

    tokenizer: str
    text: str
    longest: int


@contextmanager
def _recorded(tokenizers: Mapping[str, Any]) -> Iterator[list[_Call]]:
    """Notes the texts that a pipeline has cut off, and the lengths that it has them cut off at."""
    calls: list[_Call] = []
    names = {id(tokenizer): name for name, tokenizer in tokenizers.items()}

    def recording(kind: type) -> Any:
        plain = kind.__call__

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            text = args[0] if args else kwargs.get("text")
            first = text[0] if isinstance(text, list | tuple) and text else text
            longest = kwargs.get("max_length")
            if (
                id(self) in names
                and isinstance(first, str)
                and kwargs.get("truncation")
                and longest
            ):
                calls.append(_Call(names[id(self)], first, int(longest)))
            return plain(self, *args, **kwargs)

        return call

    with ExitStack() as stack:
        for kind in {type(tokenizer) for tokenizer in tokenizers.values()}:
            stack.enter_context(patch.object(kind, "__call__", recording(kind)))
        yield calls


def _limits(
    pipeline: Any, tokenizers: Mapping[str, Any], calls: Sequence[_Call], sent: Mapping[str, Any]
) -> Iterator[EncoderLimit]:
    """Yields what is left for a prompt of the length that each encoder's text is cut off at."""
    prompt = _PROMPTS[0]
    default = inspect.signature(pipeline.__call__).parameters.get("max_sequence_length")
    longest = sent.get("max_sequence_length", default.default if default is not None else None)
    left: dict[str, int] = {}
    for name, tokenizer in tokenizers.items():
        own = (call for call in calls if call.tokenizer == name)
        call = next((call for call in own if prompt.lower() in call.text.lower()), None)
        if call is not None:
            around = token_count(tokenizer, call.text) - token_count(tokenizer, prompt)
            left[name] = call.longest - around
    # A pipeline that cuts no text at max_sequence_length cuts there what it made of the text.
    cuts_later = isinstance(longest, int) and longest not in left.values()
    for name, tokens in left.items():
        yield EncoderLimit(name, min(tokens, longest) if cuts_later else tokens)


def token_count(tokenizer: Any, text: str) -> int:
    """Returns how many tokens a text has, special tokens included."""
    return len(tokenizer(text, truncation=False)["input_ids"])
