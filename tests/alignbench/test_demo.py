"""The demo as a newcomer runs it, and its release as a researcher loads it."""

import io
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import duckdb
import httpx
import pandas as pd
import polars as pl
import pytest
from PIL import Image

from alignbench import services
from alignbench.annotation.label_studio.accounts import submit_answer
from alignbench.demo.inputs import drawn_scenes
from alignbench.scenes.oracle import truth_of
from alignbench.schemas.vocabulary import Verdict

# The demo trains nothing and waits for two servers: minutes, and more on a machine that is busy.
pytestmark = pytest.mark.timeout(900)

ALIGNBENCH = str(Path(sys.executable).parent / "alignbench")
PHOTOGRAPHS = ("photo-careful", "photo-hasty")
MODELS = (*PHOTOGRAPHS, "scenes-blip", "scenes-diffusion", "scenes-ved")
STAGES = ("ingest", "prompts", "caption", "imagine", "split", "push", "pull")


def clean_environment() -> dict[str, str]:
    ours = ("PREFECT_", "LABEL_STUDIO_", "ALIGNBENCH_WORKSPACE")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)}


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ALIGNBENCH, "-C", str(root), *arguments],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=840,
        check=False,
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The demo's workspace, after one run."""
    root = tmp_path_factory.mktemp("demo") / "demo-workspace"
    try:
        done = run(root, "demo")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Verified from the release alone: sound" in done.stdout
        assert "load_dataset(" in done.stdout
        assert "The detectors' report: " in done.stdout
        assert (root / "evaluations/demo/1.0.0/report.html").is_file()
        assert "The questions' report: " in done.stdout
        yield root
    finally:
        services.down(root)


@pytest.fixture(scope="module")
def release(root: Path) -> Path:
    return root / "releases" / "demo" / "1.0.0"


def test_every_stage_is_done_and_nothing_is_pending(root: Path) -> None:
    counts = json.loads(run(root, "status", "--json").stdout)
    assert {row["stage"] for row in counts} >= set(STAGES)
    assert all(row["pending"] == row["failed"] == 0 for row in counts)
    pulled = [row["done"] for row in counts if row["stage"] == "pull"]
    asked = sum(row["done"] for row in counts if row["stage"] == "push")
    assert pulled == [asked], "three questions a sentence, each in somebody's queue"


def test_run_again_it_does_nothing(root: Path) -> None:
    again = run(root, "demo")
    assert again.returncode == 0, again.stderr
    for stage in (*STAGES, "label", "release"):
        assert f"{stage}: nothing to do" in again.stdout


def test_the_questions_of_the_demo_are_rewritten_answered_judged_and_rated(root: Path) -> None:
    counts = json.loads(run(root / "questions", "status", "--json").stdout)
    of_questions = [row for row in counts if row["stage"] in ("rewrite", "respond", "judge")]
    assert len(of_questions) >= 1 + 2 + 3
    assert all(row["pending"] == row["failed"] == 0 for row in of_questions)
    results = root / "questions/evaluations/questions/results"
    told = pl.read_csv(results / "leaderboard.csv").filter(pl.col("judge") == "biased")
    by_length = dict(told.select("model", "macro").rows())
    assert by_length["wordy"] > by_length["terse"], "the judge is taken in by length"
    [found] = (
        pl.read_csv(results / "differences.csv").filter(pl.col("judge") == "biased").to_dicts()
    )
    assert (found["model"], found["other"]) == ("terse", "wordy")
    assert found["difference_low"] > 0, "which people's ratings put right"


def test_passwords_can_be_read_by_their_owner_only(root: Path) -> None:
    for name in ("credentials.json", "demo-annotators.json"):
        mode = (root / "services" / "label-studio" / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


def test_datasets_loads_every_config_with_decoded_images_and_exact_spans(
    release: Path, datasets: ModuleType
) -> None:
    sizes = {}
    for config in (*MODELS, "all"):
        data = datasets.load_dataset(str(release), config, split="test")
        sizes[config] = len(data)
        for row in data:
            check_row(row)
            assert row["image"] is None or isinstance(row["image"], Image.Image)
    assert sizes["all"] == sum(sizes[model] for model in MODELS)
    streamed = datasets.load_dataset(str(release), "all", split="test", streaming=True)
    assert sum(1 for _ in streamed) == sizes["all"]


def check_row(row: dict[str, Any]) -> None:
    assert row["full_caption"][row["sentence_start"] : row["sentence_end"]] == row["caption"]
    for span in row["error_spans"]:
        assert row["caption"][span["start"] : span["end"]] == span["text"]
    assert list(row["error_words"]) == [span["text"] for span in row["error_spans"]]
    if row["error_spans"]:
        assert row["annotation"] == "incorrect"


def test_polars_duckdb_and_pandas_see_the_same_rows(release: Path) -> None:
    shards = str(release / "data" / "*" / "*.parquet")
    key = ["sentence_id", "caption", "annotation"]
    by_polars = pl.read_parquet(shards)
    expected = sorted(by_polars.select(key).rows())
    with duckdb.connect() as connection:
        query = "select sentence_id, caption, annotation from read_parquet(?)"
        assert sorted(connection.execute(query, [shards]).fetchall()) == expected
    frames = [pd.read_parquet(path) for path in sorted(release.glob("data/*/*.parquet"))]
    by_pandas = pd.concat(frames)
    assert sorted(by_pandas[key].itertuples(index=False, name=None)) == expected
    for row in by_polars.iter_rows(named=True):
        check_row(row)
    for image in by_pandas["image"].dropna():
        Image.open(io.BytesIO(image["bytes"])).load()


def test_labels_of_drawn_scenes_are_mostly_what_is_true_of_them(root: Path, release: Path) -> None:
    known = {path.name: scene for path, scene in drawn_scenes(root).items()}
    rows = pl.read_parquet(str(release / "data" / "scenes-*" / "*.parquet"))
    drawn = rows.filter(pl.col("image_name").is_in(list(known)))
    assert set(drawn["model"]) == {"scenes-blip", "scenes-ved"}
    agreed = [
        truth_of(known[row["image_name"]], row["caption"]).verdict == row["annotation"]
        for row in drawn.iter_rows(named=True)
    ]
    assert sum(agreed) / len(agreed) > 0.85


def test_images_that_a_model_drew_are_judged_by_what_can_be_read_in_them(release: Path) -> None:
    made = pl.read_parquet(str(release / "data" / "scenes-diffusion" / "*.parquet"))
    assert set(made["image_type"]) == {"synthetic"}
    assert made["image"].struct.field("bytes").null_count() == 0
    assert made["caption"].n_unique() > 10


def test_an_image_that_may_not_be_given_on_is_not_in_the_release(release: Path) -> None:
    rows = pl.read_parquet(str(release / "data" / "*" / "*.parquet"))
    withheld = rows.filter(pl.col("image_name").str.contains("motorcycle"))
    assert len(withheld) > 0
    assert withheld["image"].struct.field("bytes").is_null().all()


def test_verify_finds_a_changed_byte(release: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    assert run(tmp_path, "verify", str(copy)).returncode == 0
    shard = next(copy.glob("data/*/*.parquet"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(bytes(data))
    found = run(tmp_path, "verify", str(copy))
    assert found.returncode == 1
    assert shard.name in found.stdout


def test_annotating_yourself_waits_for_an_answer_and_goes_on_with_it(tmp_path: Path) -> None:
    root = tmp_path / "by-hand"
    person = subprocess.Popen(
        [ALIGNBENCH, "-C", str(root), "demo", "--annotate-yourself", "--no-keep-services"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=clean_environment(),
        text=True,
    )
    assert person.stdin is not None
    assert person.stdout is not None
    try:
        said = read_until(person.stdout, "Press Enter here")
        assert "email" in said
        assert "password" in said
        person.stdin.write("\n")
        person.stdin.flush()
        read_until(person.stdout, "No answer has arrived yet")
        connection = services.label_studio_connection(root)
        headers = {"Authorization": f"Token {connection.token}"}
        projects = httpx.get(f"{connection.url}/api/projects", headers=headers).json()["results"]
        listing = httpx.get(
            f"{connection.url}/api/tasks", params={"project": projects[0]["id"]}, headers=headers
        )
        tasks = listing.json()["tasks"]
        submit_answer(connection.url, connection.token, tasks[0]["id"], Verdict.CORRECT)
        rest, _ = person.communicate("\n", timeout=120)
        assert person.returncode == 0, rest
        assert "label: 1 done" in rest
        assert "sound" in rest
    finally:
        person.kill()
        services.down(root)


def read_until(stream: IO[str], words: str) -> str:
    """Reads lines until one holds the words; a stream that ends before is an error."""
    said = ""
    for line in stream:
        said += line
        if words in line:
            return said
    raise AssertionError(said)
