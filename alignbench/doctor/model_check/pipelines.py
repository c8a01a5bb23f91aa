"""A text-to-image pipeline: what its files tell, and what it draws."""

import inspect
from collections.abc import Iterator

import diffusers

from alignbench.doctor.check_result import CheckResult
from alignbench.doctor.model_check.subject import Subject
from alignbench.models.in_process.loading import loading
from alignbench.models.in_process.weights import find_weights
from alignbench.schemas.protocols import GeneratedImage

_PROMPTS = ("A red disc on a blue ground.", "Two green cups on a table.")


def read(subject: Subject) -> Iterator[CheckResult]:
    """Yields whether the pipeline is one that is known here, and takes the parameters."""
    weights = find_weights(subject.repo, subject.revision)
    with loading(weights):
        config = diffusers.DiffusionPipeline.load_config(weights.source, revision=weights.revision)
    name = str(config.get("_class_name"))
    pipeline = getattr(diffusers, name, None)
    if pipeline is None:
        yield CheckResult(
            "files", "missing", f"a {name}, which the installed diffusers does not have",
            "Install a newer diffusers, or name another model.",
        )  # fmt: skip
        return
    yield CheckResult("files", "ok", f"a {name}")
    known = inspect.signature(pipeline.__call__).parameters
    sent = {k: v for k, v in subject.params.model_dump(exclude_unset=True).items() if v is not None}
    unknown = [parameter for parameter in sent if parameter not in known]
    if unknown:
        yield CheckResult(
            "parameters", "missing", f"{name} has no parameter {', '.join(unknown)}",
            "Remove it from that image generator's params.",
        )  # fmt: skip
        return
    if "prompt" not in known:
        yield CheckResult(
            "prompt", "missing", f"{name} is given no text", "Name a text-to-image pipeline."
        )
        return
    needed = [
        parameter
        for parameter in ("image", "mask_image", "control_image")
        if parameter in known and known[parameter].default is inspect.Parameter.empty
    ]
    if needed:
        yield CheckResult(
            "prompt", "missing", f"{name} needs {', '.join(needed)}",
            "Name a text-to-image pipeline.",
        )  # fmt: skip
        return
    told = ", ".join(f"{k}={v}" for k, v in sent.items()) or "the pipeline's own defaults"
    yield CheckResult("parameters", "ok", told)


def tried(subject: Subject) -> Iterator[CheckResult]:
    """Yields whether it draws, and whether prompt and seed decide what."""
    generator = subject.load()
    yield CheckResult("weights", "ok", "all there")
    first, second = _PROMPTS
    answers = generator.generate([first, second, first], [1, 1, 2])
    failures = [answer for answer in answers if not isinstance(answer, GeneratedImage)]
    if failures:
        yield CheckResult(
            "pictures", "missing", f"{failures[0].code}: {failures[0].message}",
            "A run would fail with most prompts; set what the message says.",
        )  # fmt: skip
        return
    one, other_prompt, other_seed = (answer.data for answer in answers)
    again = generator.generate([first], [1])[0]
    if other_prompt == one:
        yield CheckResult(
            "pictures", "missing", "it draws the same for two prompts",
            "Do not use it: what it is told plays no part.",
        )  # fmt: skip
        return
    if other_seed == one:
        yield CheckResult(
            "pictures", "note", "it draws the same for two seeds",
            "Leave samples at 1.",
        )  # fmt: skip
        return
    yield CheckResult("pictures", "ok", "prompt and seed decide what is drawn")
    if isinstance(again, GeneratedImage) and again.data == one:
        yield CheckResult("batch", "ok", "draws in a batch what it draws alone, byte for byte")
    else:
        yield CheckResult(
            "batch", "note", "draws in a batch something else than alone",
            "For the same pictures on every machine set forward_batch = 1.",
        )  # fmt: skip
