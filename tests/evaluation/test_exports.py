"""A release as a task of another evaluation program: the same questions, reading and AUROC."""

import ast
from pathlib import Path

import numpy as np
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from alignbench.evaluation.exports.files import export_task
from alignbench.evaluation.exports.lmms_task import auroc, process_results, scored
from alignbench.evaluation.exports.questions import (
    Answer,
    auroc_by_model,
    may_be_asked_again,
    mean_auroc,
    questions,
    score_in,
)
from alignbench.schemas.errors import UsageError
from tests.evaluation.releases import write_release
from tests.evaluation.sentences import made_sentences

SENTENCES = made_sentences(60, 12)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("made") / "1.0.0", SENTENCES, kept_out=2)


def test_every_sentence_with_an_image_is_asked_about_once(release: Path) -> None:
    asked = list(questions(str(release)))
    held = set(SENTENCES.image.names[2:])
    expected = [r for r in SENTENCES.table.to_pylist() if r["image_id"] in held]
    assert sorted(q.sentence_id for q in asked) == sorted(r["sentence_id"] for r in expected)
    captions = {row["sentence_id"]: row["caption"] for row in expected}
    for question in asked:
        assert f'"{captions[question.sentence_id]}"' in question.text
        assert question.image.startswith(b"\x89PNG")


def test_answers_are_read_as_the_detectors_read_them() -> None:
    assert score_in("<think>Hm, 20?</think>**85**") == 85
    assert score_in("I cannot say.") is None
    assert may_be_asked_again("I cannot say.")
    assert not may_be_asked_again("85")
    assert score_in("8", finish_reason="length") is None


def test_the_mean_is_over_models_and_leaves_out_what_has_no_score() -> None:
    random = np.random.default_rng(0)
    answers = [
        Answer(model, bool(random.integers(2)), None if k % 7 == 0 else float(random.random()))
        for model in ("careful", "hasty")
        for k in range(40)
    ]
    answers.append(Answer("lucky", True, 1.0))
    by_model = auroc_by_model(answers)
    for model in ("careful", "hasty"):
        of_model = [a for a in answers if a.model == model and a.score is not None]
        expected = roc_auc_score([a.correct for a in of_model], [a.score for a in of_model])
        assert by_model[model] == pytest.approx(expected, abs=1e-12)
    assert by_model["lucky"] is None
    assert mean_auroc(answers) == pytest.approx((by_model["careful"] + by_model["hasty"]) / 2)
    assert mean_auroc([]) is None


def test_results_of_lmms_eval_come_to_the_same_figure() -> None:
    row = {"model": "careful", "annotation": "correct"}
    found = [
        process_results({**row, "annotation": verdict}, [said])["alignbench_auroc"]
        for verdict, said in [
            ("correct", "90"),
            ("incorrect", "20"),
            ("correct", "[LMMS_EVAL_REQUEST_FAILED after 5 retries] refused"),
        ]
    ]
    # It keeps them as JSON between the processes.
    as_json = [list(answer) for answer in found]
    assert auroc(as_json) == 1.0
    assert scored(as_json) == pytest.approx(2 / 3)


def test_task_files_name_the_release_and_are_never_overwritten(
    release: Path, tmp_path: Path
) -> None:
    [task] = export_task("inspect_ai", str(release), tmp_path / "inspect")
    names = {node.name for node in ast.parse(task.read_text()).body if hasattr(node, "name")}
    assert names == {"alignbench_made"}
    assert repr(str(release)) in task.read_text()
    config, utils = export_task("lmms_eval", str(release), tmp_path / "lmms")
    loaded = yaml.safe_load(config.read_text().replace("!function ", ""))
    assert all(Path(p).is_file() for p in loaded["dataset_kwargs"]["data_files"]["test"])
    named = {value.split(".")[1] for value in map(str, loaded.values()) if "utils." in value[:7]}
    imported = {a.name for n in ast.walk(ast.parse(utils.read_text())) if isinstance(
        n, ast.ImportFrom) for a in n.names}  # fmt: skip
    assert named <= imported
    export_task("inspect_ai", str(release), tmp_path / "inspect")
    task.write_text("mine")
    with pytest.raises(UsageError, match="something else"):
        export_task("inspect_ai", str(release), tmp_path / "inspect")
    with pytest.raises(UsageError, match="lmms_eval"):
        export_task("lmms-eval", str(release), tmp_path)
