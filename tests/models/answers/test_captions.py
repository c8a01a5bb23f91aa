"""What annotators are shown is what the model says, and nothing else of its answer."""

import time

import pytest

from alignbench.models.answers.captions import MAX_CAPTION, read_caption
from alignbench.models.answers.finish_reasons import Ending, ending_of
from alignbench.models.answers.reading import ReadAnswer
from alignbench.models.answers.thoughts import ends_in_open_thought
from alignbench.models.answers.yes_no import first_word_token, yes_share
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure

BUS = "A red bus stands at a stop. Two people wait."
THOUGHT = "I see a bus, perhaps a tram."


def caption(text: str, **raw: object) -> str:
    found = read_caption(RawAnswer(text, **raw))  # type: ignore[arg-type]
    assert isinstance(found, ReadAnswer), found
    return found.text


def code(text: str, **raw: object) -> str:
    found = read_caption(RawAnswer(text, **raw))  # type: ignore[arg-type]
    assert isinstance(found, ItemFailure), found
    return found.code


THINKING = [
    f"<think>\n{THOUGHT}\n</think>\n\n{BUS}",
    f"{THOUGHT}\n</think>\n\n{BUS}",
    f"<THINK>{THOUGHT}</THINK>{BUS}",
    f"<thinking>{THOUGHT}</thinking>\n{BUS}",
    f"<thought>{THOUGHT}</thought>\n{BUS}",
    f"<reasoning>{THOUGHT}</reasoning>\n{BUS}",
    f"<seed:think>{THOUGHT}</seed:think>{BUS}",
    f"◁think▷{THOUGHT}◁/think▷{BUS}",
    f"[THINK]{THOUGHT}[/THINK]{BUS}",
    f"<|START_THINKING|>{THOUGHT}<|END_THINKING|>{BUS}",
    f"<|channel>thought\n{THOUGHT}<channel|>{BUS}",
    f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>{BUS}<|return|>",
    f"analysis{THOUGHT}assistantfinal{BUS}",
    f"Here is my thought process: {THOUGHT} Here is my response: {BUS}",
    f"<think>{THOUGHT}</think><answer>{BUS}</answer>",
    f"<think>{THOUGHT}</think>\n<answer>\n<|begin_of_box|>{BUS}<|end_of_box|>\n</answer>",
    f"{THOUGHT}\n<answer>{BUS}</answer>",
    f"<think>{THOUGHT}</think>\n\n<response>\n{BUS}\n</response>\n",
    f"<|im_start|>assistant\n<think>{THOUGHT}</think>\n{BUS}<|im_end|>",
    f"<think>{THOUGHT} I should write <think> first.</think>{BUS}",
    f"<think>{THOUGHT} <think>More.</think> And more.</think>{BUS}",
    f"<think>{THOUGHT} I close it with `</think>`.</think>{BUS}",
    f'<think>{THOUGHT} The sign says "STOP</think>{BUS}',
    f"<think>{THOUGHT}\n```\ncode</think>\n{BUS}",
    f"<think>{THOUGHT}</think>{BUS}<think>Was that all?</think>",
]


@pytest.mark.parametrize("text", THINKING)
def test_a_thought_is_left_out_and_kept_in_lineage(text: str) -> None:
    found = read_caption(RawAnswer(text, "stop"))
    assert isinstance(found, ReadAnswer), found
    assert found.text == BUS
    assert str(found.left_out["thought"]).startswith(THOUGHT)
    assert found.left_out["thought_characters"] == len(str(found.left_out["thought"]))


def test_a_thought_between_two_parts_leaves_both() -> None:
    text = "A red bus stands. <think>What else?</think> Two people wait."
    assert caption(text) == "A red bus stands.  Two people wait."
    assert caption("<think></think>\n\nA bus.") == "A bus."


def test_a_long_thought_is_shortened_in_lineage() -> None:
    found = read_caption(RawAnswer(f"<think>{'a b ' * 5000}</think>{BUS}"))
    assert isinstance(found, ReadAnswer)
    assert len(str(found.left_out["thought"])) < 4100
    assert found.left_out["thought_characters"] == 5000 * 4 - 1


@pytest.mark.parametrize(
    "raw",
    [
        RawAnswer(f"<think>\n{THOUGHT} So I will write", "stop"),
        RawAnswer(f"<think>{THOUGHT}", "length"),
        RawAnswer(THOUGHT, "stop", begins_in_thought=True),
        RawAnswer("", "stop", thought=THOUGHT),
        RawAnswer("", "length", thought=THOUGHT),
        RawAnswer(f"{BUS} <think>Or is it", "stop"),
        RawAnswer(f"<|channel|>analysis<|message|>{THOUGHT}", "stop"),
    ],
)
def test_a_thought_that_never_ends_is_a_cut_off_answer(raw: RawAnswer) -> None:
    for keep_truncated in (False, True):
        found = read_caption(raw, keep_truncated=keep_truncated)
        assert isinstance(found, ItemFailure)
        assert found.code == ItemCode.ANSWER_TRUNCATED


def test_a_prompt_may_end_in_an_open_thought() -> None:
    assert ends_in_open_thought("<|im_start|>assistant\n<think>\n")
    assert ends_in_open_thought("…<|assistant|>◁think▷")
    assert not ends_in_open_thought("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    assert not ends_in_open_thought("<|im_start|>assistant\n")
    assert caption(f"<think>\n{THOUGHT}</think>{BUS}", begins_in_thought=True) == BUS
    assert caption(f"{THOUGHT}</think>{BUS}", begins_in_thought=True) == BUS


@pytest.mark.parametrize(
    "text",
    [
        f"{BUS}<|im_end|>", f"{BUS}</s>", f"{BUS}<eos>", f"{BUS}\n<|endoftext|>", f"<s>{BUS}</s>",
        f"{BUS}<end_of_turn>", f"{BUS}<｜end▁of▁sentence｜>", f"{BUS}[EOS]",
        f"{BUS}<pad><pad><pad>",
        f"<|begin_of_box|>{BUS}<|end_of_box|>", f"<|im_start|>assistant\n{BUS}<|im_end|>",
        f"<|start_header_id|>assistant<|end_header_id|>\n\n{BUS}<|eot_id|>", f"assistant\n\n{BUS}",
        f"<start_of_turn>model\n{BUS}", f"<|assistant|>\n{BUS}<|user|>", f"ASSISTANT: {BUS}",
        f"{BUS}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n", f"[INST]{BUS}[/INST]",
        f"### Assistant: {BUS}", f"<answer>{BUS}</answer>", f"<answer>{BUS}", f"{BUS}</answer>",
        f"<caption>{BUS}</caption>", f"{BUS}<|im_en",
        f"{BUS}<end_of_utterance>", f"<image>\n{BUS}",
    ],
)  # fmt: skip
def test_tokens_at_the_ends_go_and_are_counted(text: str) -> None:
    found = read_caption(RawAnswer(text, "stop"))
    assert isinstance(found, ReadAnswer), found
    assert found.text == BUS
    assert "wrapper" in found.left_out or found.left_out["control_tokens_removed"]


def test_removed_tokens_are_named_in_lineage() -> None:
    found = read_caption(RawAnswer(f"<s>{BUS}<pad><pad></s>"))
    assert isinstance(found, ReadAnswer)
    assert found.left_out == {
        "control_tokens": {"<pad>": 2, "<s>": 1, "</s>": 1},
        "control_tokens_removed": 4,
    }


@pytest.mark.parametrize(
    "text",
    [
        "A red bus.<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nTwo people wait.",
        "A red bus.</s> Two people wait.", "A red bus.<|im_end|>\n<|im_start|>user\nWhy?",
        "A <|begin_of_box|>red bus<|end_of_box|> stands there.", "A bus <unk> stands there.",
        "A <ref>bus</ref><box>(1,2),(3,4)</box> stands there.", "A red bus.\nUSER: What else?",
        "A bus.\n### Human: What else?\n### Assistant: A dog.", "A bus <image> stands there.",
        "<answer>A bus.</answer><answer>A tram.</answer>", "A cat<0x0A>sits.",
        "A bus.<|image_pad|> X",
    ],
)  # fmt: skip
def test_a_token_inside_the_text_fails_the_item(text: str) -> None:
    assert code(text, finish_reason="stop") == ItemCode.CONTROL_TOKEN


@pytest.mark.parametrize(
    "text",
    [
        'The screen shows "<|im_end|>" in green.', "The screen shows “</s>” in green.",
        "The code ends with `</s>` and a dot.", "It reads '<eos>', in red.", "It reads «<pad>».",
        'A 12" screen shows "<|im_end|>" in green.', '文字是「<|im_end|>」。',
        "The screen shows:\n```\nprint('<|im_end|>')\n</s>\n```\nA hand points at it.",
        'The sign reads "<think>" and "</think>".', "It says `<think>` at the top.",
        "The code is:\n```xml\n<think>\n</think>\n<answer>4</answer>\n```\nNothing else.",
        "The label reads 5 < 6 | 7 > 3.", "An <html> page with <br> and <li> tags.",
        'It shows "<answer>4</answer>" on a screen.', "Prices: <5 EUR, >3 EUR.",
    ],
)  # fmt: skip
def test_such_words_stay_where_the_picture_shows_them(text: str) -> None:
    assert caption(text, finish_reason="stop") == text


def test_special_tokens_of_a_tokenizer_are_known_too() -> None:
    own = frozenset({"<|zap|>", "<fim>", "!"})
    assert caption("<fim>A bus!<|zap|>", special_tokens=own) == "A bus!"
    assert code("A <fim> bus!", special_tokens=own) == ItemCode.CONTROL_TOKEN
    assert caption("A <fim> bus!") == "A <fim> bus!"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'```json\n{{\n  "caption": "{BUS}",\n  "objects": ["bus"]\n}}\n```', BUS),
        (f'{{"description": "{BUS}"}}', BUS),
        (f'[{{"caption": "{BUS}"}}]', BUS),
        (f'Here is the caption:\n\n```json\n{{"Caption": "{BUS}"}}\n```', BUS),
    ],
)
def test_a_caption_in_json_is_the_caption(text: str, expected: str) -> None:
    assert caption(text) == expected


def test_the_other_keys_are_kept_in_lineage() -> None:
    found = read_caption(RawAnswer('{"caption": "A bus.", "objects": ["bus"]}'))
    assert isinstance(found, ReadAnswer)
    assert found.left_out == {"json_key": "caption", "json_left_out": '{"objects": ["bus"]}'}


@pytest.mark.parametrize(
    "text",
    ['{"objects": ["bus"]}', '["A bus.", "A dog."]', '{"caption": "A bus', '{"caption": ""}'],
)
def test_json_without_a_caption_is_none(text: str) -> None:
    assert code(text) == ItemCode.ANSWER_NOT_PROSE


def test_a_caption_that_shows_json_or_brackets_is_a_caption() -> None:
    for text in (
        'The screen shows:\n```json\n{"a": 1}\n```\nA hand points at it.',
        "[A red bus] stands there.",
        '["Stop" sign on the left] A bus waits.',
    ):
        assert caption(text) == text


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        (None, Ending.WHOLE), ("stop", Ending.WHOLE), ("STOP", Ending.WHOLE), ("eos", Ending.WHOLE),
        ("FINISH_REASON_STOP", Ending.WHOLE), ("end_turn", Ending.WHOLE), ("", Ending.WHOLE),
        ("length", Ending.CUT_OFF), ("MAX_TOKENS", Ending.CUT_OFF), ("max_tokens", Ending.CUT_OFF),
        ("content_filter", Ending.FILTERED), ("SAFETY", Ending.FILTERED),
        ("content_filter: SAFETY", Ending.FILTERED), ("PROHIBITED_CONTENT", Ending.FILTERED),
        ("error", Ending.BROKEN_OFF), ("abort", Ending.BROKEN_OFF),
        ("tool_calls", Ending.UNKNOWN), ("0", Ending.UNKNOWN), ("repetition", Ending.UNKNOWN),
        ("OTHER", Ending.UNKNOWN), ("stopping", Ending.UNKNOWN),
    ],
)  # fmt: skip
def test_only_known_reasons_make_an_answer_whole(reason: str | None, ending: Ending) -> None:
    assert ending_of(reason) is ending


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("MAX_TOKENS", ItemCode.ANSWER_TRUNCATED), ("SAFETY", ItemCode.ANSWER_FILTERED),
        ("abort", ItemCode.ANSWER_UNFINISHED), ("tool_calls", ItemCode.ANSWER_UNFINISHED),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_whole_is_no_caption(reason: str, expected: ItemCode) -> None:
    assert code(BUS[:-5], finish_reason=reason) == expected


def test_a_cut_off_caption_may_be_kept_and_says_so() -> None:
    found = read_caption(RawAnswer(BUS[:-5], "MAX_TOKENS"), keep_truncated=True)
    assert found == ReadAnswer(BUS[:-5], is_whole=False)
    unknown = read_caption(RawAnswer(BUS, "tool_calls"), keep_truncated=True)
    assert isinstance(unknown, ItemFailure)


def test_an_answer_of_any_length_is_read_in_no_time_and_a_long_one_is_no_caption() -> None:
    started = time.monotonic()
    for piece in (
        "A bus. ",
        "<think>",
        "</think>",
        '"<s>',
        "<|im_end|> a ",
        "```\n",
        "`",
        "{",
        "[",
        "<",
    ):
        for length in (MAX_CAPTION + 1, 1 << 18, 2_000_540):
            found = read_caption(RawAnswer((piece * (length // len(piece) + 1))[:length]))
            assert isinstance(found, ItemFailure) or len(found.text) <= MAX_CAPTION, piece
    assert time.monotonic() - started < 60
    assert code("A bus. " * 3000) == ItemCode.ANSWER_TOO_LONG


def test_the_first_word_stands_behind_the_thought() -> None:
    assert first_word_token(["Yes", "."]) == 0
    assert first_word_token(["<think>", "No", "?", "</think>", "\n\n", "**", "Yes", "**"]) == 6
    assert first_word_token(["No", "?", "</think>", "\n", "Yes"], begins_in_thought=True) == 4
    assert first_word_token(["No", "?"], begins_in_thought=True) is None
    assert first_word_token(["<|begin_of_box|>", "Yes", "<|end_of_box|>"]) == 1


def test_yes_is_weighed_against_no() -> None:
    weighed = yes_share([("Yes", -0.1), (" no", -2.0), ("maybe", -3.0)])
    assert weighed == pytest.approx(0.8699, abs=1e-4)
    assert yes_share([("maybe", -0.1)]) is None
