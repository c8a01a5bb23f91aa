"""What a model that reads text alone, such as a critic, does when it is loaded and asked."""

from collections.abc import Iterator

from transformers import AutoConfig, AutoTokenizer

from alignbench.doctor.check_result import CheckResult
from alignbench.doctor.model_check.subject import Subject
from alignbench.doctor.model_check.vision_language_files import settings_line
from alignbench.models.in_process.loading import loading
from alignbench.models.in_process.placement import InProcessOptions, choose_placement
from alignbench.models.in_process.text_model_loading import (
    load_text_model,
    reads_text_alone,
    text_batches_agree,
)
from alignbench.models.in_process.weights import find_weights
from alignbench.schemas.chat import ChatAnswer, ChatRequest, ChatRole, ChatTurn
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.item_codes import shorten

_ASKED = (
    ChatTurn(ChatRole.SYSTEM, "Answer in one word."),
    ChatTurn(ChatRole.USER, "Is a square round?"),
)
_QUOTED = 80


def is_text_model(subject: Subject) -> bool:
    """Tells whether a model that is to be checked reads text alone.

    One that cannot be opened does not: what is wrong with it is for the check to say.
    """
    if subject.backend != "transformers":
        return False
    try:
        weights = find_weights(subject.repo, subject.revision)
        return reads_text_alone(weights, _options(subject))
    except AlignBenchError:
        return False


def read(subject: Subject) -> Iterator[CheckResult]:
    """Yields what the files tell; a mistake in one ends the check."""
    weights = find_weights(subject.repo, subject.revision)
    trusted = {
        "revision": weights.revision,
        "trust_remote_code": _options(subject).trust_remote_code,
    }
    with loading(weights):
        config = AutoConfig.from_pretrained(weights.source, **trusted)
        tokenizer = AutoTokenizer.from_pretrained(weights.source, **trusted)
    found = f"a model of family {config.model_type} that reads text alone: a judge, or a rewriter"
    yield CheckResult("files", "ok", found)
    if not getattr(tokenizer, "chat_template", None):
        yield CheckResult(
            "prompt", "missing", "it has no chat template",
            "Save the template that it was trained with beside its tokenizer.",
        )  # fmt: skip


def tried(subject: Subject) -> Iterator[CheckResult]:
    """Yields what is found when the model is loaded; an error of loading ends it."""
    options = _options(subject)
    model = load_text_model(
        find_weights(subject.repo, subject.revision),
        options,
        choose_placement(options),
        inherit=getattr(subject.params, "inherit", ()),
        template_options=getattr(subject.params, "chat_template_kwargs", None),
    )
    count = sum(tensor.numel() for tensor in model.model.parameters())
    yield CheckResult("weights", "ok", f"all there: {count:,} parameters")
    yield settings_line(model.settings)
    if text_batches_agree(model):
        yield CheckResult("batch", "ok", "says in a batch what it says alone")
    else:
        yield CheckResult(
            "batch", "note", "says something else in a batch",
            "Nothing: it is asked one thing at a time, which takes longer.",
        )  # fmt: skip
    del model
    [(_, answer)] = subject.load().chat_stream(iter([ChatRequest(_ASKED, None, 1)]))
    if isinstance(answer, ChatAnswer):
        yield CheckResult("reply", "ok", f"it says {shorten(answer.raw.text, _QUOTED)!r}")
    else:
        yield CheckResult(
            "reply", "missing", f"{answer.code}: {answer.message}",
            "For a template without a place for the system, set system_turn = false for a judge.",
        )  # fmt: skip


def _options(subject: Subject) -> InProcessOptions:
    return InProcessOptions.model_validate(
        {name: getattr(subject.options, name) for name in InProcessOptions.model_fields}
    )
