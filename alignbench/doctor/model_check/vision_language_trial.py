"""What an image-to-text model does when it is loaded and shown two pictures, in a minute."""

import gc
import io
from collections.abc import Iterator
from typing import Any, Final

import torch
from PIL import Image

from alignbench.doctor.check_result import CheckResult
from alignbench.doctor.model_check.subject import Subject
from alignbench.doctor.model_check.vision_language_files import (
    SENTENCE,
    length_line,
    prompt_line,
    question,
    settings_line,
)
from alignbench.evaluation.detector_parts.model_replies import scored_answer
from alignbench.evaluation.prompts import asked, read_prompt
from alignbench.models.in_process.forward_pass import next_scores, placed_inputs
from alignbench.models.in_process.placement import InProcessOptions, choose_placement
from alignbench.models.in_process.positions import positions
from alignbench.models.in_process.probes.asking import probe_question
from alignbench.models.in_process.probes.batches import batches_agree
from alignbench.models.in_process.probes.likelihood import probe_likelihood
from alignbench.models.in_process.probes.pictures import probe_pictures
from alignbench.models.in_process.vision_language import VisionLanguageModel
from alignbench.models.in_process.vision_language_loading import load_vision_language
from alignbench.models.in_process.weights import find_weights
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.detection import SentenceScore
from alignbench.schemas.item_codes import ItemCode, shorten
from alignbench.schemas.protocols import CaptionInput, Generation
from alignbench.schemas.vocabulary import ModelKind

_LEAST_MASS: Final = 0.1
"""Probability of yes and no together, below which an answer's first token says little."""
_SCORE_TOKENS: Final = 16
_YES_OR_NO: Final = ("yes", "Yes", "YES", " yes", " Yes", "no", "No", "NO", " no", " No")
_QUOTED: Final = 80
_ENDLESS: Final = CheckResult(
    "end",
    "missing",
    "it did not come to its end",
    "Allow more in max_new_tokens where there is room; else it is no model that ends its answers.",
)


def tried(subject: Subject) -> Iterator[CheckResult]:
    """Yields what is found when the model is loaded; an error of loading ends it."""
    model = _loaded(subject)
    count = sum(tensor.numel() for tensor in model.model.parameters())
    yield CheckResult("weights", "ok", f"all there: {count:,} parameters")
    yield prompt_line(model, subject)
    yield settings_line(model.settings)
    pictures = probe_pictures()
    inputs = model.prepare([pictures.small], question(subject))
    room = model.room(inputs)
    places = positions(model.model)
    if room is not None and places is not None:
        length = length_line(subject, places, places - room)
        if length is not None:
            yield length
    yield _sight_line(model)
    yield _batch_line(model)
    if model.chat:
        yield _yes_no_line(model)
        yield _score_line(model)
    yield _likelihood_line(model, subject)
    del model, inputs
    _free_memory()
    if subject.kind is ModelKind.CAPTIONER:
        yield from _answer_lines(subject)


def _loaded(subject: Subject) -> VisionLanguageModel:
    options = InProcessOptions.model_validate(
        {name: getattr(subject.options, name) for name in InProcessOptions.model_fields}
    )
    return load_vision_language(
        find_weights(subject.repo, subject.revision),
        options,
        choose_placement(options),
        inherit=getattr(subject.params, "inherit", ()),
        template_options=getattr(subject.params, "chat_template_kwargs", None),
        tries_again=True,
    )


def _sight_line(model: VisionLanguageModel) -> CheckResult:
    pictures, asked = probe_pictures(), probe_question(model)
    one, other = (next_scores(model, shown, asked) for shown in (pictures.small, pictures.other))
    if torch.equal(one, other):
        return CheckResult(
            "sight", "missing", "it would say the same of any picture",
            "Do not use it: the part that looks at pictures does nothing.",
        )  # fmt: skip
    way = model.asking.name.lower().replace("_", " ")
    return CheckResult("sight", "ok", f"what it says depends on the picture (asked by {way})")


def _batch_line(model: VisionLanguageModel) -> CheckResult:
    if batches_agree(model):
        return CheckResult("batch", "ok", "says of a picture in a batch what it says of it alone")
    return CheckResult(
        "batch", "note", "says something else of a picture in a batch",
        "Nothing: it is shown one picture at a time, which takes longer.",
    )  # fmt: skip


def _yes_no_line(model: VisionLanguageModel) -> CheckResult:
    text = asked(read_prompt("yes_no_v1"), SENTENCE)
    first = {model.tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in _YES_OR_NO}
    scores = next_scores(model, probe_pictures().small, text)
    mass = float(scores.softmax(dim=0)[sorted(first)].sum())
    found = f"{mass:.0%} of the first token is yes or no"
    if mass >= _LEAST_MASS:
        return CheckResult("yes and no", "ok", found)
    return CheckResult(
        "yes and no", "note", found,
        "Do not use it as vlm with answer=yes_no; take answer=score, or likelihood.",
    )  # fmt: skip


def _score_line(model: VisionLanguageModel) -> CheckResult:
    text = asked(read_prompt("score_v1"), SENTENCE)
    pictures = probe_pictures()
    answers = [_written(model, picture, text) for picture in (pictures.small, pictures.other)]
    scores = [scored_answer(RawAnswer(answer)) for answer in answers]
    told = ", ".join(repr(shorten(answer, _QUOTED)) for answer in answers)
    if all(isinstance(score, SentenceScore) for score in scores):
        return CheckResult("scores", "ok", f"numbers can be read: {told}")
    return CheckResult(
        "scores", "note", f"no number can be read: {told}",
        "Do not use it as vlm with answer=score; take answer=yes_no, or likelihood.",
    )  # fmt: skip


@torch.inference_mode()
def _written(model: VisionLanguageModel, picture: Image.Image, text: str) -> str:
    inputs: dict[str, Any] = placed_inputs(model, [picture], text, close_thought=True)
    output = model.model.generate(**inputs, do_sample=False, max_new_tokens=_SCORE_TOKENS)
    return model.answer(model.written(inputs, output)[0].tolist()).text


def _likelihood_line(model: VisionLanguageModel, subject: Subject) -> CheckResult:
    finding = probe_likelihood(model, question(subject))
    told = ", ".join(f"{value:.3f}" for value in finding.full)
    if finding.kind is None:
        return CheckResult("likelihood", "note", finding.reason, "Do not use it as likelihood.")
    if finding.is_cache_right:
        return CheckResult("likelihood", "ok", f"cached equals full: {told} nats a token")
    return CheckResult(
        "likelihood", "note", f"{finding.reason} In full: {told} nats a token.",
        "Nothing: its cache is not used, which takes longer.",
    )  # fmt: skip


def _answer_lines(subject: Subject) -> Iterator[CheckResult]:
    pictures = probe_pictures()
    inputs = [
        CaptionInput(name, _png(picture))
        for name, picture in (("small", pictures.small), ("other", pictures.other))
    ]
    answers = subject.load().caption(inputs, subject.asked, [1, 2])
    captions = [answer for answer in answers if isinstance(answer, Generation)]
    failures = [answer for answer in answers if not isinstance(answer, Generation)]
    if any(failure.code == ItemCode.ANSWER_TRUNCATED for failure in failures):
        yield _ENDLESS
        return
    if failures:
        yield CheckResult(
            "two pictures", "missing", f"{failures[0].code}: {failures[0].message}",
            "A run would fail with most pictures; set what the message says.",
        )  # fmt: skip
        return
    told = ", ".join(repr(shorten(caption.text, _QUOTED)) for caption in captions)
    if len({caption.text for caption in captions}) == 1:
        yield CheckResult(
            "two pictures", "note", f"it says the same of both: {told}",
            "Look at its first captions before you let it go on.",
        )  # fmt: skip
    else:
        yield CheckResult("two pictures", "ok", f"it says of them: {told}")
    if all(caption.finish_reason == "stop" for caption in captions):
        yield CheckResult("end", "ok", "it came to its end")
    elif getattr(subject.options, "keep_truncated", False):
        yield CheckResult(
            "end", "note", "it did not come to its end; what is cut off is kept, as its entry says",
            "Allow more in max_new_tokens where there is room.",
        )  # fmt: skip
    else:
        yield _ENDLESS


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _free_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
