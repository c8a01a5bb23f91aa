"""Whole stages over models that are loaded from files or served: what is made is made once."""

import hashlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars
import pyarrow.dataset
import pytest

from alignbench.flows.caption import caption
from alignbench.flows.imagine import imagine
from alignbench.flows.ingest import ingest
from alignbench.flows.prompts import prompts
from alignbench.schemas.rows.generation import Pair
from alignbench.schemas.tables import FAILURES, IMAGES, PAIRS
from alignbench.workspace.workspace import Workspace, open_workspace
from tests.fixtures.tiny_models import save_captioner
from tests.fixtures.tiny_pipelines import save_pipeline
from tests.flows.roads import environment
from tests.generators.contracts.specimens import picture
from tests.generators.endpoint.model_server import QUICK, Asked, Reply, refused, running, said

IMAGE_COUNT = 100


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weights")
    save_captioner("blip", root / "blip")
    save_pipeline("stable-diffusion", root / "diffusion")
    return root


def described(asked: Asked) -> Reply:
    """What the served model says of an image, the same each time."""
    return said(f"It shows {hashlib.sha256(asked.image.encode()).hexdigest()[:12]}.")


@pytest.fixture
def server_url() -> Iterator[str]:
    def slowly(asked: Asked) -> Reply:
        time.sleep(0.02)  # so that a kill finds requests on their way
        return described(asked)

    with running(script=slowly) as server:
        yield server.base_url


def config(weights: Path, server_url: str, batch: int = 4) -> str:
    served = QUICK | {"base_url": server_url, "max_concurrency": 4}
    return "\n".join(
        [
            '[[sources]]\nname = "noise"\nkind = "folder"\npath = "images"',
            '[[captioners]]\nname = "tiny-blip"\nbackend = "transformers"\nkeep_truncated = true',
            f'repo = "{weights}/blip"\nforward_batch = {batch}\nparams.max_new_tokens = 6',
            '[[captioners]]\nname = "served"\nbackend = "openai"\nrepo = "tiny"',
            *(f"{key} = {json.dumps(value)}" for key, value in served.items()),
            '[[prompts]]\nname = "numbers"\nkind = "file"\npath = "prompts.txt"',
            '[[image_generators]]\nname = "tiny-diffusion"\nbackend = "diffusers"',
            f'repo = "{weights}/diffusion"\nforward_batch = {batch // 2}',
            "params.num_inference_steps = 1",
            "[run]\ncommit_rows = 4\n",
        ]
    )


def new_workspace(root: Path, text: str, images: int, wanted: int) -> Workspace:
    """Makes a workspace of that many images and prompts, ready to be captioned and imagined."""
    (root / "images").mkdir(parents=True)
    for number in range(images):
        (root / "images" / f"{number:03}.png").write_bytes(picture(number))
    (root / "prompts.txt").write_text("\n".join(f"Number {n} in red." for n in range(wanted)))
    (root / "alignbench.toml").write_text(text)
    assert ingest.fn(workspace=str(root)).made == images
    assert prompts.fn(workspace=str(root)).made == wanted
    return open_workspace(root)


def pairs(workspace: Workspace) -> dict[str, Pair]:
    rows = list(workspace.table(PAIRS).rows())
    found: dict[str, Pair] = {row.pair_id: row for row in rows}
    assert len(found) == len(rows)
    return found


def test_a_server_that_answers_429_half_the_time_ends_with_every_caption_once(
    tmp_path: Path, weights: Path
) -> None:
    chance, lock, refusals = random.Random(4), threading.Lock(), 0

    def overloaded(asked: Asked) -> Reply:
        nonlocal refusals
        with lock:
            if chance.random() < 0.5:
                refusals += 1
                return refused(429, "Too many requests.")
        return described(asked)

    with running(script=overloaded) as server:
        text = config(weights, server.base_url)
        workspace = new_workspace(tmp_path / "w", text, IMAGE_COUNT, 1)
        assert caption.fn(workspace=workspace.url).made == 2 * IMAGE_COUNT
        answered = len(server.asked) - refusals
    served = [pair for pair in pairs(workspace).values() if pair.model == "served"]
    assert len({pair.image_id for pair in served}) == len(served) == IMAGE_COUNT
    assert len({pair.text for pair in served}) == IMAGE_COUNT, "each says its own image's"
    assert answered == IMAGE_COUNT, "none was asked for again once it was there"
    assert refusals > IMAGE_COUNT // 2
    assert not workspace.table(FAILURES).count()


def made_by(workspace: Workspace) -> dict[str, tuple[str, str]]:
    """Makes everything, and returns each pair's text and image."""
    caption.fn(workspace=workspace.url)
    imagine.fn(workspace=workspace.url)
    return {key: (pair.text, pair.image_id) for key, pair in pairs(workspace).items()}


def engines(workspace: Workspace, model: str) -> dict[str, dict[str, Any]]:
    found = pairs(workspace).values()
    return {pair.pair_id: json.loads(pair.engine) for pair in found if pair.model == model}


def test_two_runs_make_the_same_and_another_batch_size_says_what_differs(
    tmp_path: Path, weights: Path, server_url: str
) -> None:
    texts = [config(weights, server_url, batch) for batch in (4, 4, 6)]
    first, second, other = (
        new_workspace(tmp_path / str(number), text, 10, 6) for number, text in enumerate(texts)
    )
    made = made_by(first)
    assert len(made) == 2 * 10 + 6
    assert made_by(second) == made
    captions = {key: text for key, (text, _) in made_by(other).items()}
    assert captions == {key: text for key, (text, _) in made.items()}
    for model in ("tiny-blip", "tiny-diffusion"):
        before, after = engines(first, model), engines(other, model)
        assert before.keys() == after.keys()
        assert all(before[key]["forward_batch"] != after[key]["forward_batch"] for key in before)
        for key, engine in before.items():
            differs = {name for name in engine if engine[name] != after[key][name]}
            assert differs <= {"forward_batch", "batch"}


def killed_at_work(root: Path, verb: str, chance: random.Random) -> bool:
    """Kills a stage at a random point after its first commits; False if it ended before."""
    parts = root / "tables" / "pairs"
    there = len(list(parts.glob("*.parquet")))
    commits, pause = chance.randint(0, 3), chance.uniform(0, 0.2)
    command = [Path(sys.executable).with_name("alignbench"), "-C", root, verb]
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, env=environment(None), stdout=silent, stderr=silent) as process:
        while process.poll() is None and len(list(parts.glob("*.parquet"))) <= there + commits:
            time.sleep(0.002)
        time.sleep(pause)
        process.kill()
    return process.returncode == -signal.SIGKILL


READERS: dict[str, Callable[[Path], list[str]]] = {
    "alignbench": lambda root: list(pairs(open_workspace(root))),
    "pyarrow": lambda root: (
        pyarrow.dataset.dataset(root / "tables" / "pairs")
        .to_table(columns=["pair_id"])["pair_id"]
        .to_pylist()
    ),
    "duckdb": lambda root: [
        key
        for (key,) in duckdb.sql(
            f"SELECT pair_id FROM read_parquet('{root}/tables/pairs/*.parquet')"
        ).fetchall()
    ],
    "polars": lambda root: polars.read_parquet(root / "tables" / "pairs" / "*.parquet")[
        "pair_id"
    ].to_list(),
}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("kills", "images", "wanted"), [(2, 60, 24), pytest.param(10, 300, 150, marks=pytest.mark.full)]
)
def test_killed_at_random_points_every_key_is_there_once_and_no_blob_is_missing(
    tmp_path: Path, weights: Path, server_url: str, kills: int, images: int, wanted: int
) -> None:
    text = config(weights, server_url)
    whole = new_workspace(tmp_path / "whole", text, images, wanted)
    expected = made_by(whole)
    root = tmp_path / "killed"
    workspace = new_workspace(root, text, images, wanted)
    chance = random.Random(kills)
    killed = [killed_at_work(root, ("caption", "imagine")[n % 2], chance) for n in range(kills)]
    assert all(killed), "a kill that came too late is none"
    made = made_by(open_workspace(root))
    assert made.keys() == expected.keys()
    captions = {key for key, pair in pairs(whole).items() if pair.direction == "i2t"}
    assert {key: made[key] for key in captions} == {key: expected[key] for key in captions}
    for name, keys in READERS.items():
        read = keys(root)
        assert sorted(read) == sorted(expected), name
    stored = {image.image_id: image for image in workspace.table(IMAGES).rows()}
    assert stored.keys() >= {image_id for _, image_id in made.values()}
    for image_id, image in stored.items():
        assert hashlib.sha256(workspace.store.read(image.blob)).hexdigest() == image_id
