"""Ids are the same on every machine, in every run and in every future version."""

import hashlib
import json
import math
import subprocess
import sys
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignbench.schemas import ids
from alignbench.schemas.ids import JsonValue, canonical_json, derive_id
from alignbench.schemas.vocabulary import Direction

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars: st.SearchStrategy[JsonValue] = st.none() | st.booleans() | st.integers() | words
scalars |= st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        (-0.0, "0"),
        (1.5, "1.5"),
        (0.1, "0.1"),
        (1e-7, "1e-07"),
        (True, "true"),
        (None, "null"),
        ("é \U0001f600", '"é \U0001f600"'),
        ("line\nbreak", '"line\\nbreak"'),
        (Direction.I2T, '"i2t"'),
        ((1, [2, 3.0]), "[1,[2,3]]"),
        ({"b": 1, "a": {"d": [], "c": {}}}, '{"a":{"c":{},"d":[]},"b":1}'),
    ],
)
def test_canonical_json_is_fixed(value: JsonValue, text: str) -> None:
    assert canonical_json(value) == text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_number_for_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"temperature": [value]})


@pytest.mark.parametrize("value", [b"bytes", bytearray(b"x"), {1: "a"}, {1, 2}, object()])
def test_what_json_does_not_know_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_json({"value": value})  # type: ignore[dict-item]


def test_a_lone_surrogate_has_no_id() -> None:
    with pytest.raises(UnicodeEncodeError):
        derive_id("\ud800")


@given(values)
def test_canonical_json_means_the_value(value: JsonValue) -> None:
    assert json.loads(canonical_json(value)) == value
    assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)


@given(st.dictionaries(words, scalars, min_size=2, max_size=6), st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, JsonValue], random: object) -> None:
    items = list(value.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert canonical_json(dict(items)) == canonical_json(value)


@given(st.lists(scalars, max_size=3), st.lists(scalars, max_size=3))
def test_different_parts_have_different_ids(
    first: list[JsonValue], second: list[JsonValue]
) -> None:
    same = canonical_json(first) == canonical_json(second)
    assert (derive_id(*first) == derive_id(*second)) == same


@given(words, words)
def test_parts_do_not_run_into_each_other(first: str, second: str) -> None:
    if second:
        assert derive_id(first, second) != derive_id(first + second)
        assert derive_id(first, second) != derive_id(first + second[0], second[1:])


PARAMS: Mapping[str, JsonValue] = {"temperature": 0.7, "max_tokens": 512, "stop": ["\n\n"]}
GOLDEN = {
    "origin": ids.origin_id("photographs", "astronaut.png"),
    "prompt": ids.prompt_id("a red cube left of a blue ball"),
    "generator": ids.generator_id("i2t", "openai", "org/model", "abc", "Describe.", PARAMS),
    "unpinned": ids.generator_id("t2i", "diffusers", "org/model", None, None, {}),
    "pair": ids.pair_id("0" * 32, "1" * 64, 0),
    "splitter": ids.splitter_id("en_core_web_sm", "3.8.0", 1),
    "sentence": ids.sentence_id("0" * 32, "1" * 64, "2" * 32, 0, 17),
    "text": ids.text_sha256("naïve \U0001f600"),
    "seed": str(ids.item_seed("0" * 32)),
}


EXPECTED = {
    "origin": "851205bc7371f564493e2cdb5bd5ef44",
    "prompt": "63709109a94ce72e0f3668f2f5a44dc4",
    "generator": "b4c5aa8b941651f8fbd72ce85fe66aa2",
    "unpinned": "9236eb48c06e279446eeec841400e24e",
    "pair": "b12196867f3abb5f4ebdac000beaca77",
    "splitter": "0aaaaeba74e1a8cbf5f24a742547955c",
    "sentence": "39dcbbdff9e8a76d49cb8fe7e42b8198",
    "text": "53c2bbca83e9f8b55d56a8687056c5027b4245348977848d28fb3aaa01abccff",
    "seed": "1546078436249051882",
}


def test_ids_are_what_they_always_were() -> None:
    assert GOLDEN == EXPECTED, "An id changed: every workspace would be generated again."


def test_ids_do_not_depend_on_the_process() -> None:
    program = "from schemas import ids; print(ids.prompt_id('a red cube left of a blue ball'))"
    for seed in ("0", "1"):
        answer = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert answer.stdout.strip() == EXPECTED["prompt"]


def test_an_id_is_the_hash_of_its_canonical_parts() -> None:
    expected = hashlib.sha256(b'["photographs","astronaut.png"]').hexdigest()[:32]
    assert ids.origin_id("photographs", "astronaut.png") == expected


@pytest.mark.parametrize(
    "changed",
    [
        {"direction": "t2i"},
        {"backend": "vllm"},
        {"repo": "org/other"},
        {"revision": None},
        {"instruction": None},
        {"instruction": ""},
        {"params": {**PARAMS, "seed": 0}},
        {"params": {**PARAMS, "temperature": 0.70001}},
    ],
    ids=str,
)
def test_every_part_of_a_generator_is_in_its_id(changed: dict[str, JsonValue]) -> None:
    parts = {
        "direction": "i2t", "backend": "openai", "repo": "org/model", "revision": "abc",
        "instruction": "Describe.", "params": PARAMS,
    }  # fmt: skip
    assert ids.generator_id(**{**parts, **changed}) != GOLDEN["generator"]  # type: ignore[arg-type]


def test_a_parameter_may_be_written_as_1_or_as_1_0() -> None:
    written = [ids.generator_id("i2t", "b", "r", None, None, {"top_p": one}) for one in (1, 1.0)]
    assert written[0] == written[1]


@given(st.text("0123456789abcdef", min_size=32, max_size=32))
def test_a_seed_fits_a_signed_64_bit_column(pair: str) -> None:
    assert 0 <= ids.item_seed(pair) < 2**63


@given(words, st.lists(words, max_size=4), st.integers(0, 10**6))
def test_many_ids_at_once_are_those_of_each(first: str, texts: list[str], sample: int) -> None:
    assert ids.pair_ids(first, texts, sample) == [ids.pair_id(first, t, sample) for t in texts]
    assert ids.origin_ids(first, texts) == [ids.origin_id(first, text) for text in texts]


@given(words, words, words, st.integers(), st.integers())
def test_a_sentences_id_is_derived_from_its_place_and_text(
    pair: str, sha256: str, splitter: str, start: int, end: int
) -> None:
    expected = derive_id(pair, sha256, splitter, start, end)
    assert ids.sentence_id(pair, sha256, splitter, start, end) == expected
