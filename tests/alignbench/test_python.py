"""What a researcher does in Python: rows in any form, and a function as a detector."""

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

import alignbench
from alignbench.evaluation.chosen_detectors.listing import Detectors
from alignbench.evaluation.evaluate import Settings

PLAIN = Settings(figures=False)
GUIDE = Path(__file__).parents[2] / "docs" / "researchers.md"


def length_of_text(image: Image.Image, sentences: Sequence[str]) -> list[float]:
    """Looks at nothing but the text, as the detector `sentence_length` does."""
    assert image.mode == "RGB"
    return [-float(len(text)) for text in sentences]


def evaluated(release: Path, detectors: Detectors, out: Path) -> alignbench.Evaluation:
    return alignbench.evaluate(release, detectors, out=out, settings=PLAIN)


def test_rows_are_the_same_in_every_form(released: Path) -> None:
    release = alignbench.open_release(released)
    files = sorted(released.glob("data/*/*.parquet"))
    expected = {
        row["sentence_id"]: row
        for path in files
        for row in pq.read_table(path, partitioning=None).to_pylist()
    }
    assert len(release) == len(expected) == 20
    for sentence in release:
        row = expected[sentence.sentence_id]
        assert [vars(span) for span in sentence.error_spans] == row["error_spans"]
        assert {**sentence.columns, "image": row["image"]} == row
        assert (sentence.image is None) == (row["image"] is None)
        if row["image"] is not None:
            with Image.open(io.BytesIO(row["image"]["bytes"])) as image:
                assert sentence.image.tobytes() == image.convert("RGB").tobytes()
    without_image = [{k: v for k, v in row.items() if k != "image"} for row in expected.values()]
    assert release.to_arrow().to_pylist() == without_image
    assert release.to_pandas(images=True).image.isna().sum() == 5
    found = release.to_datasets(model="careful")
    assert [row["sentence_id"] for row in found] == [
        row["sentence_id"] for row in expected.values() if row["model"] == "careful"
    ]
    assert {type(row["image"]).__name__ for row in found} == {"NoneType", "PngImageFile"}
    assert len(release.votes()) == 48 + 4  # 4 answers to gold
    assert release.table("fleiss_by_model")["model"].to_pylist() == release.models
    assert len(dict(release.images())) == len({row["image_id"] for row in expected.values()})


def test_a_split_or_model_that_is_not_there_is_an_error_that_names_those_that_are(
    released: Path,
) -> None:
    release = alignbench.open_release(released)
    with pytest.raises(alignbench.AlignBenchError, match="Name one of: test"):
        next(release.sentences(split="train"))
    with pytest.raises(alignbench.AlignBenchError, match="careful, hasty, painter"):
        release.to_arrow(model="nobody")


def test_a_function_scores_as_a_detector_does(released: Path, tmp_path: Path) -> None:
    given = {"mine": length_of_text, "theirs": "sentence_length"}
    done = evaluated(released, given, tmp_path)
    scores = done.results.scores().to_pandas()
    there = scores.dropna()
    assert 0 < len(there) < len(scores), "Of an image that is not embedded there is no score."
    assert (there["score:mine"] == there["score:theirs"]).all()
    table = done.results.to_pandas("auroc_by_model").set_index(["detector", "model"])
    careful = there[there.model == "careful"]
    expected = roc_auc_score(careful.annotation == "correct", careful["score:mine"])
    assert table.loc[("mine", "careful"), "auroc"] == pytest.approx(expected, abs=1e-9)
    with pytest.raises(alignbench.AlignBenchError, match="Did you mean 'auroc_by_model'"):
        done.results.table("auroc_by_modle")


def test_a_function_that_gives_too_few_scores_is_an_error(released: Path, tmp_path: Path) -> None:
    def too_few(image: Image.Image, sentences: Sequence[str]) -> list[float]:
        return [0.5][: len(sentences) - 1]

    with pytest.raises(alignbench.AlignBenchError, match=r"it gave \d scores for \d sentences"):
        evaluated(released, too_few, tmp_path)


def test_scores_of_a_function_are_kept_only_under_a_version(released: Path, tmp_path: Path) -> None:
    calls: list[int] = []

    def counting(image: Image.Image, sentences: Sequence[str]) -> np.ndarray:
        calls.append(len(sentences))
        return np.arange(len(sentences))

    for _ in range(2):
        evaluated(released, counting, tmp_path / "unversioned")
    assert len(calls) % 2 == 0
    once = len(calls) // 2
    for _ in range(2):
        kept = alignbench.FunctionDetector(counting, version="1")
        evaluated(released, kept, tmp_path / "versioned")
    assert len(calls) == 3 * once


def test_the_collate_example_of_the_guide_survives_images_that_are_null(released: Path) -> None:
    [code] = re.findall(r"```python\n(from torch.*?)```", GUIDE.read_text(), re.DOTALL)
    names = {"data": alignbench.open_release(released).to_datasets()}
    exec(code, names)
    batches = list(names["loader"])
    assert sum(len(batch["sentences"]) for batch in batches) == 15
    assert sum(len(batch["without_image"]) for batch in batches) == 5
    assert all(len(batch["images"]) == len(batch["correct"]) for batch in batches)
