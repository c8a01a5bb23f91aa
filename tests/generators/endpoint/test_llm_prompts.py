import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from alignbench.generators.errors import InputFileError, TooFewPromptsError
from alignbench.generators.prompts.llm import TEMPLATE, LlmPrompts, LlmPromptsOptions
from alignbench.generators.prompts.near_duplicates import NearDuplicates, shingles
from alignbench.generators.prompts.scene_draws import draw_scene
from alignbench.models.errors import EndpointDownError
from alignbench.schemas.protocols import PromptSource, Surroundings
from tests.generators.endpoint.model_server import QUICK, Asked, ModelServer, Reply, refused, said

CONCEPTS = ["dog", "kite", "boat", "drum", "lamp", "red chair"]
Make = Callable[..., LlmPrompts]


@pytest.fixture
def prompts(tmp_path: Path, model_server: ModelServer) -> Make:
    def made(**options: Any) -> LlmPrompts:
        values: dict[str, Any] = QUICK | {
            "base_url": model_server.base_url,
            "model": "writer",
            "concepts": CONCEPTS,
            "count": 10,
        }
        surroundings = Surroundings("scenes", tmp_path)
        return LlmPrompts(LlmPromptsOptions(**(values | options)), surroundings)

    return made


def scene(asked: Asked) -> Reply:
    """A text that is different for each seed in every run of three words."""
    seed = asked.body["seed"]
    return said(f"A{seed} b{seed} c{seed}\n d{seed}. ")


def the_file(folder: Path) -> Path:
    (path,) = (folder / "prompts").iterdir()
    return path


def test_prompts_are_written_about_drawn_scenes(model_server: ModelServer, prompts: Make) -> None:
    model_server.script = scene
    source: PromptSource = prompts(params={"temperature": 0.9})
    found = list(source.prompts())
    assert len({item.text for item in found}) == 10
    assert all(
        len(set(item.concepts)) == 3 and set(item.concepts) <= set(CONCEPTS) for item in found
    )
    assert "\n" not in found[0].text
    assert len(model_server.asked) == 10
    asked = next(a for a in model_server.asked if f"A{a.body['seed']} " in found[0].text)
    assert asked.body["model"] == "writer"
    assert asked.body["temperature"] == 0.9
    left, right, counted = found[0].concepts
    for words in (f"On the left side of the picture: {left}.", f"right side: {right}.", counted):
        assert words in asked.text
    for words in ("looks or points", "background:", "three to four", "exactly"):
        assert words in asked.text


def test_what_was_written_is_not_asked_for_again(model_server: ModelServer, prompts: Make) -> None:
    model_server.script = scene
    first = list(prompts().prompts())
    assert list(prompts().prompts()) == first
    assert list(prompts().known_prompts()) == first
    assert len(model_server.asked) == 10
    assert list(prompts(count=4).prompts()) == first[:4]
    more = list(prompts(count=13).prompts())
    assert more[:10] == first
    assert len(more) == 13
    assert len(model_server.asked) == 13


def test_no_more_are_written_than_are_asked_for(model_server: ModelServer, prompts: Make) -> None:
    model_server.script = scene
    source = prompts()
    assert source.missing() == 10
    assert (source.complete(3), source.missing(), len(model_server.asked)) == (3, 7, 3)
    assert model_server.asked[0].text == source.example_request()
    assert (source.complete(0), source.complete(), source.complete(5)) == (0, 7, 0)
    assert len(list(source.known_prompts())) == len(model_server.asked) == 10


def test_looking_asks_nothing(model_server: ModelServer, prompts: Make, tmp_path: Path) -> None:
    assert list(prompts().known_prompts()) == []
    assert model_server.asked == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"model": "other"}, {"concepts": CONCEPTS[1:]}, {"params": {"top_p": 0.5}}],
)
def test_something_else_asked_is_something_else_written(
    model_server: ModelServer, prompts: Make, change: dict[str, Any]
) -> None:
    model_server.script = scene
    first = list(prompts().prompts())
    assert list(prompts(**change).known_prompts()) == []
    assert list(prompts(**change).prompts()) != first or "seed" not in change
    assert len(model_server.asked) == 20


def test_a_killed_run_goes_on_after_the_last_whole_line(
    model_server: ModelServer, prompts: Make, tmp_path: Path
) -> None:
    model_server.script = scene
    first = list(prompts().prompts())
    lines = the_file(tmp_path).read_bytes().splitlines(keepends=True)
    the_file(tmp_path).write_bytes(b"".join(lines[:6]) + lines[6][:20])
    assert list(prompts().known_prompts()) == first[:6]
    assert list(prompts().prompts()) == first
    assert len(model_server.asked) == 14
    assert the_file(tmp_path).read_bytes() == b"".join(lines)


def test_a_file_that_was_tampered_with_is_named(
    model_server: ModelServer, prompts: Make, tmp_path: Path
) -> None:
    model_server.script = scene
    list(prompts().prompts())
    lines = the_file(tmp_path).read_bytes().splitlines(keepends=True)
    for broken in (b"".join(lines[:2] + lines[3:]), lines[0] + b"{}\n", b"\xff\n"):
        the_file(tmp_path).write_bytes(broken)
        with pytest.raises(InputFileError, match=r"scenes-\w+\.jsonl:\d+ is not draw"):
            list(prompts().prompts())


def test_near_duplicates_and_failures_are_dropped_and_replaced(
    model_server: ModelServer, prompts: Make, tmp_path: Path
) -> None:
    same = {draw_scene(number, 0, CONCEPTS, 3).seed % 2**31 for number in (1, 4)}
    bad = draw_scene(2, 0, CONCEPTS, 3).seed % 2**31

    def script(asked: Asked) -> Reply:
        if asked.body["seed"] == bad:
            return said(None, refusal="I would rather not.")
        return said("A dog runs on a beach.") if asked.body["seed"] in same else scene(asked)

    model_server.script = script
    assert len(list(prompts().prompts())) == 10
    lines = [json.loads(line) for line in the_file(tmp_path).read_text().splitlines()]
    dropped = {line["draw"]: line["why"] for line in lines if not line["kept"]}
    assert dropped == {4: "near-duplicate", 2: "AB-G65: The model refused: I would rather not."}
    assert [line["draw"] for line in lines] == list(range(12))


def test_a_model_that_repeats_itself_is_an_error(model_server: ModelServer, prompts: Make) -> None:
    model_server.script = lambda _: said("Always the same old scene.")
    with pytest.raises(TooFewPromptsError, match=r"got 1 different prompts of the 10.*near-dup"):
        list(prompts().prompts())
    assert len(model_server.asked) <= 50


def test_a_server_that_is_down_stops_it_and_nothing_is_lost(
    model_server: ModelServer, prompts: Make
) -> None:
    model_server.script = scene
    first = list(prompts(count=3).prompts())
    model_server.script = lambda _: refused(503)
    with pytest.raises(EndpointDownError):
        list(prompts(patience_seconds=0.05).prompts())
    assert list(prompts().known_prompts()) == first


def test_a_template_of_ones_own_is_used(
    model_server: ModelServer, prompts: Make, tmp_path: Path
) -> None:
    model_server.script = scene
    (tmp_path / "mine.txt").write_text("Draw {left} and {right}, {{so}}.")
    list(prompts(template="mine.txt", count=1).prompts())
    dog, kite, _ = draw_scene(0, 0, CONCEPTS, 3).concepts
    assert model_server.asked[0].text == f"Draw {dog} and {kite}, {{so}}."
    for wrong in ("{middle}", "{", "{0}", "{left.upper.x}"):
        (tmp_path / "mine.txt").write_text(wrong)
        with pytest.raises(InputFileError, match="slot"):
            prompts(template="mine.txt")


@pytest.mark.parametrize(
    "options",
    [
        {"concepts": ["dog", "dog", "cat"]},
        {"concepts": ["dog", " ", "cat"]},
        {"concepts": ["dog", "cat"]},
        {"count": 0},
        {"similarity": 0},
        {"modle": "x"},
    ],
)
def test_options_that_cannot_work_are_refused(prompts: Make, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        prompts(**options)


def test_draws_depend_on_seed_and_number_alone() -> None:
    draws = [draw_scene(number, 7, CONCEPTS, 3) for number in range(200)]
    assert draws == [draw_scene(number, 7, CONCEPTS, 3) for number in range(200)]
    assert draws != [draw_scene(number, 8, CONCEPTS, 3) for number in range(200)]
    assert {draw.concepts[0] for draw in draws} == set(CONCEPTS)
    text = draws[0].instruction(TEMPLATE.read_text())
    assert "{" not in text


def test_near_duplicates_share_most_of_their_runs_of_three_words() -> None:
    assert shingles("A dog, a CAT!") == {("a", "dog", "a"), ("dog", "a", "cat")}
    assert shingles("Dog") == {("dog",)}
    known = NearDuplicates(0.5)
    scene = "A brown dog sits on the left of a red boat near the old harbour."
    assert known.keep(scene)
    assert not known.keep(scene.upper().replace(" ", "  "))
    assert not known.keep(scene.replace("brown", "black"))
    assert known.keep("A red boat sits on the right of a brown dog in a new harbour.")
