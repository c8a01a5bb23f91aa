"""What generation would cost, before anybody is asked."""

import datetime
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import pytest
from PIL import Image

from alignbench.flows.caption import caption
from alignbench.flows.estimates.generation import Estimate, generation_estimates
from alignbench.flows.ingest import ingest
from alignbench.flows.prompts import prompts
from alignbench.schemas import registry
from alignbench.schemas.protocols import CaptionInput, Generation, ItemFailure, Options
from alignbench.schemas.registry import Group
from alignbench.schemas.vocabulary import StageName
from tests.flows.letter_captioner import LetterCaptioner, registered
from tests.schemas.catalogs import written_catalogs

CATALOG = """
[[models]]
name = "counter"
kind = "captioner"
backend = "counting"
repo = "counter-1"
family = "counter"
instruction = "12345678"
params = { max_tokens = 100 }
options = { base_url = "https://one" }
license = "proprietary"
price_in = 2.0
price_out = 10.0
price_date = 2026-01-31
image_tokens = 1000
answer_tokens = 400

[[models]]
name = "free"
kind = "captioner"
backend = "counting"
repo = "free-1"
family = "free"
license = "mit"
image_tokens = 500

[[models]]
name = "painter"
kind = "image_generator"
backend = "letters"
repo = "painter-1"
family = "painter"
license = "proprietary"
price_image = 0.25
price_date = 2026-01-31
"""
FOLDER = '[[sources]]\nname = "photos"\nkind = "folder"\npath = "photos"\n'
COUNTER = '[[captioners]]\nname = "counter"\n'
FREE = '[[captioners]]\nname = "free"\n'
PRICED = datetime.date(2026, 1, 31)


class CountingOptions(Options):
    base_url: str = "https://one"


class CountingParams(Options):
    max_tokens: int = 100
    word: str = "A"


class CountingCaptioner(LetterCaptioner):
    """Counts tokens: 2,000 of each image, 50 of each answer."""

    options_type: ClassVar[type[Options]] = CountingOptions
    params_type: ClassVar[type[Options]] = CountingParams

    def caption(
        self, images: Sequence[CaptionInput], instruction: str | None, seeds: Sequence[int]
    ) -> list[Generation | ItemFailure]:
        return [
            Generation(f"{image.image_id}.", prompt_tokens=2000, completion_tokens=50)
            for image in images
        ]


@pytest.fixture(autouse=True)
def _plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with registered(monkeypatch):
        with_letters = registry.entry_points

        def with_counting(group: str) -> list[EntryPoint]:
            found = list(with_letters(group=group))
            if group == Group.CAPTIONERS:
                found.append(EntryPoint("counting", f"{__name__}:CountingCaptioner", group))
            return found

        monkeypatch.setattr(registry, "entry_points", with_counting)
        with written_catalogs(monkeypatch, tmp_path, {"priced_cat": CATALOG}):
            yield


def workspace(root: Path, config: str, photos: int = 6) -> str:
    (root / "photos").mkdir(parents=True)
    for number in range(photos):
        Image.new("RGB", (16, 16), (number, 20, 30)).save(root / "photos" / f"{number:03}.png")
    (root / "alignbench.toml").write_text(f"{FOLDER}{config}")
    ingest.fn(workspace=str(root))
    return str(root)


def estimates(root: str, limit: int | None = None) -> list[Estimate]:
    return generation_estimates(root, StageName.CAPTION, limit)


def test_a_priced_model_is_estimated_from_the_catalog(tmp_path: Path) -> None:
    [counter] = estimates(workspace(tmp_path / "w", COUNTER))
    assert (counter.model, counter.pending, counter.requests) == ("counter", 6, 6)
    assert counter.input_tokens == 6 * (1000 + 8 // 4)
    assert counter.output_tokens == 6 * 100, "no answer is longer than the limit that is sent"
    assert counter.cost_usd == pytest.approx(6 * (1002 * 2 + 100 * 10) / 1e6)
    assert counter.price_date == PRICED


def test_a_model_without_a_price_has_tokens_and_no_cost(tmp_path: Path) -> None:
    [free] = estimates(workspace(tmp_path / "w", FREE))
    assert (free.input_tokens, free.output_tokens) == (6 * 500, 6 * 200)
    assert (free.cost_usd, free.price_date) == (None, None)


def test_a_model_of_ones_own_has_requests_only(tmp_path: Path) -> None:
    own = '[[captioners]]\nname = "mine"\nbackend = "counting"\nrepo = "counter-1"\n'
    [mine] = estimates(workspace(tmp_path / "w", own))
    assert mine == Estimate("mine", 6, 6)


@pytest.mark.parametrize("key", ['base_url = "https://other"', 'repo = "other"'])
def test_a_price_is_not_that_of_another_server_or_repository(tmp_path: Path, key: str) -> None:
    [counter] = estimates(workspace(tmp_path / "w", f"{COUNTER}{key}\n"))
    assert counter == Estimate("counter", 6, 6)


def test_what_was_counted_wins_over_what_was_expected(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", COUNTER)
    caption.fn(workspace=root, limit=2)
    [counter] = estimates(root)
    assert counter.requests == 4
    assert (counter.input_tokens, counter.output_tokens) == (4 * 2000, 4 * 50)
    assert counter.cost_usd == pytest.approx(4 * (2000 * 2 + 50 * 10) / 1e6)


def test_a_limit_goes_to_the_first_model_first(tmp_path: Path) -> None:
    found = estimates(workspace(tmp_path / "w", COUNTER + FREE), limit=8)
    assert [(item.model, item.pending, item.requests) for item in found] == [
        ("counter", 6, 6),
        ("free", 6, 2),
    ]


def test_a_model_with_nothing_to_do_is_left_out(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", COUNTER)
    caption.fn(workspace=root)
    assert estimates(root) == []


def test_captions_that_are_there_cost_nothing(tmp_path: Path) -> None:
    given = (
        FOLDER.replace("folder", "captions")
        .replace('"photos"\n', '"given"\n', 1)
        .replace('path = "photos"', 'path = "captions.jsonl"\nimages = "photos"\nmodel = "given"')
    )
    captioner = '[[captioners]]\nname = "given"\nbackend = "precomputed"\n'
    root = tmp_path / "w"
    root.mkdir()
    (root / "captions.jsonl").write_text('{"file_name": "000.png", "caption": "Dark."}\n')
    [item] = estimates(workspace(root, given + captioner))
    assert (item.pending, item.requests, item.cost_usd) == (1, 0, 0.0)


def test_images_are_priced_each(tmp_path: Path) -> None:
    source = '[[prompts]]\nname = "scenes"\nkind = "file"\npath = "prompts.txt"\n'
    painter = '[[image_generators]]\nname = "painter"\nsamples = 2\n'
    root = workspace(tmp_path / "w", source + painter, photos=0)
    Path(root, "prompts.txt").write_text("A red cat.\nA dog.\n")
    prompts.fn(workspace=root)
    [found] = generation_estimates(root, StageName.IMAGINE, None)
    assert found == Estimate("painter", 4, 4, None, None, 1.0, PRICED)
