"""Ids are derived, never drawn: the same thing has the same id on every machine and every run."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from json.encoder import encode_basestring as _json_text  # what `ensure_ascii=False` writes

JsonValue = None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]

ID_LENGTH = 32
"""Hexadecimal digits of an id: 128 bits, no collision to be expected below 10**18 rows."""


def canonical_json(value: JsonValue) -> str:
    """Writes a value as the one JSON text that stands for it.

    Keys are sorted, there is no white space, non-ASCII characters are kept, and a float that is a
    whole number is written as that integer, so that `1` and `1.0` in a configuration mean the same.

    Raises:
        ValueError: The value holds NaN or an infinity, which JSON cannot write.
        TypeError: The value holds something that JSON does not know.
    """
    return json.dumps(
        _normalised(value),
        ensure_ascii=False,
        allow_nan=False,
        sort_keys=True,
        separators=(",", ":"),
    )


def derive_id(*parts: JsonValue) -> str:
    """Returns the first 32 hexadecimal digits of SHA-256 over the parts' canonical JSON list."""
    return sha256_hex(canonical_json(parts).encode())[:ID_LENGTH]


def sha256_hex(data: bytes | memoryview) -> str:
    """Returns SHA-256 of the bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def text_sha256(text: str) -> str:
    """Returns SHA-256 of a text's UTF-8 bytes as 64 hexadecimal digits."""
    return sha256_hex(text.encode())


def origin_id(source: str, locator: str) -> str:
    """Returns the id of one place an image came from."""
    return derive_id(source, locator)


def prompt_id(text: str) -> str:
    """Returns the id of a prompt: its text alone."""
    return derive_id(text)


def generator_id(
    direction: str,
    backend: str,
    repo: str,
    revision: str | None,
    instruction: str | None,
    params: Mapping[str, JsonValue],
) -> str:
    """Returns the id of a model together with everything that is sent to it."""
    return derive_id(direction, backend, repo, revision, instruction, params)


def origin_ids(source: str, locators: Iterable[str]) -> list[str]:
    """Returns what `origin_id` gives for each locator, several times as fast."""
    return _derived_from_texts(f"[{_json_text(source)},", locators, "]")


def pair_ids(generator: str, subjects: Iterable[str], sample_index: int) -> list[str]:
    """Returns what `pair_id` gives for each subject, several times as fast."""
    return _derived_from_texts(f"[{_json_text(generator)},", subjects, f",{sample_index}]")


def pair_id(generator: str, subject: str, sample_index: int) -> str:
    """Returns the id of one generation; `subject` is an image id (i2t) or a prompt id (t2i)."""
    return derive_id(generator, subject, sample_index)


def caption_id(pair: str, splitter: str) -> str:
    """Returns the id of a pair's text as a unit of annotation: all sentences of one cut of it."""
    return derive_id("caption", pair, splitter)


def item_seed(pair: str) -> int:
    """Returns the seed of a generation: 63 bits derived from its pair id."""
    return int(sha256_hex(f"seed:{pair}".encode())[:16], 16) >> 1


def question_id(
    source: str,
    cluster: str,
    variant: str,
    facts: Mapping[str, JsonValue],
) -> str:
    """Returns the id of a question.

    Args:
        source: The set it belongs to.
        cluster: Its cluster in that set.
        variant: Which of the cluster it is.
        facts: All that it says: what is asked, about which image, and what is right.
    """
    return derive_id(source, cluster, variant, facts)


def question_facts(
    task: str,
    language: str,
    image_name: str,
    history: Sequence[tuple[str, str]],
    prompt: str,
    reference: str,
) -> dict[str, JsonValue]:
    """Returns all that a question says, for its id; `history` has what was said and answered."""
    return {
        "task": task,
        "language": language,
        "image_name": image_name,
        "history": [[user, assistant] for user, assistant in history],
        "prompt": prompt,
        "reference": reference,
    }


def variant_id(question: str, generator: str, style: str, sample_index: int) -> str:
    """Returns the id of a question in other words."""
    return derive_id(question, generator, style, sample_index)


def response_id(generator: str, asked: str, *, blind: bool, sample_index: int) -> str:
    """Returns the id of an answer to a question or a variant, with or without the image."""
    return derive_id(generator, asked, blind, sample_index)


def judgement_id(judge: str, response: str, draw: int) -> str:
    """Returns the id of one draw of a judge about one answer."""
    return derive_id(judge, response, draw)


def judge_id(generator: str, rubric: str, manner: Mapping[str, JsonValue]) -> str:
    """Returns the id of a judge.

    Args:
        generator: A model with all that is sent to it.
        rubric: A rubric with its version.
        manner: How it is asked, and what it is told beside the rubric.
    """
    return derive_id(generator, rubric, manner)


def splitter_id(model: str, model_version: str, rules_version: int) -> str:
    """Returns the id of a sentence splitter."""
    return derive_id(model, model_version, rules_version)


def sentence_id(pair: str, pair_text_sha256: str, splitter: str, start: int, end: int) -> str:
    """Returns the id of a sentence: a range of one pair's text, cut by one splitter.

    It is `derive_id` of all five, written out: a release has as many as it has rows.
    """
    texts = ",".join(map(_json_text, (pair, pair_text_sha256, splitter)))
    return sha256_hex(f"[{texts},{start},{end}]".encode())[:ID_LENGTH]


def _derived_from_texts(before: str, texts: Iterable[str], after: str) -> list[str]:
    """Returns the ids of canonical JSON lists that differ in one text."""
    lists = (f"{before}{_json_text(text)}{after}".encode() for text in texts)
    return [hashlib.sha256(data).hexdigest()[:ID_LENGTH] for data in lists]


def _normalised(value: JsonValue) -> JsonValue:
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        whole = math.isfinite(value) and value.is_integer()
        return int(value) if whole else value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("A key that is not text has no canonical JSON.")
        return {key: _normalised(item) for key, item in value.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        raise TypeError("Bytes have no canonical JSON.")
    if isinstance(value, Sequence):
        return [_normalised(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical JSON.")
