"""One model is tried, and what is wrong with it is named with what to set."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alignbench.cli.app import app
from alignbench.doctor.model_check.check import check_model
from alignbench.flows.selected.model_checks import (
    CheckedLine,
    ModelCheck,
    keep_check,
    kept_check,
    unchecked_models,
)
from alignbench.models.in_process.weights import resolve_revision
from alignbench.schemas.errors import ConfigError, UnknownNameError
from alignbench.schemas.rows.generation import Generator
from alignbench.schemas.vocabulary import Direction
from alignbench.workspace.workspace import open_store
from tests.fixtures.broken_models import WAYS, Broken
from tests.fixtures.tiny_dual_encoders import save_clip
from tests.fixtures.tiny_models import save_captioner
from tests.fixtures.tiny_pipelines import save_pipeline
from tests.models.families.speaking import DIGITS, save_speaking


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LLaVA that writes numbers, and none of whose files is wrong."""
    root = tmp_path_factory.mktemp("sound")
    return save_speaking(save_captioner("llava", root / "llava"), DIGITS, root / "numbers")


def configured(
    root: Path, folder: Path, instruction: str = 'instruction = "Describe."', **params: object
) -> str:
    """Writes a workspace with that captioner, and returns its address."""
    sent = json.dumps({"max_new_tokens": 4, **params}).replace(":", " =")
    (root / "alignbench.toml").write_text(
        f'[[captioners]]\nname = "tiny"\nbackend = "transformers"\nrepo = "{folder}"\n'
        f'{instruction}\nkeep_truncated = true\ndevice = "cpu"\nparams = {sent}\n'
    )
    return str(root)


def lines(check: ModelCheck) -> dict[str, CheckedLine]:
    return {line.check: line for line in check.lines}


def test_a_sound_model_is_said_to_be_so_but_for_what_random_weights_cannot(
    sound: Path, tmp_path: Path
) -> None:
    check = check_model("tiny", configured(tmp_path, sound))
    found = lines(check)
    fine = {name for name, line in found.items() if line.state == "ok"}
    assert fine >= {
        "files", "weights", "prompt", "generation settings", "length", "sight", "batch",
        "likelihood", "two pictures",
    }  # fmt: skip
    assert "USER: <image>\\nDescribe. ASSISTANT:" in found["prompt"].found
    # It never learned to end an answer; its entry says to keep what is cut off.
    assert (found["end"].state, check.is_ok) == ("note", True)
    assert found["end"].fix.startswith("Allow more in max_new_tokens")


def test_its_configuration_alone_tells_the_prompt_and_the_settings(
    sound: Path, tmp_path: Path
) -> None:
    check = check_model("tiny", configured(tmp_path, sound), with_weights=False)
    assert set(lines(check)) == {"files", "prompt", "generation settings", "length"}
    assert check.is_ok
    assert not check.with_weights


@pytest.mark.parametrize("broken", WAYS, ids=lambda way: way.break_it.__name__)
def test_what_is_broken_is_named_with_what_to_set(
    sound: Path, tmp_path: Path, broken: Broken
) -> None:
    folder = Path(shutil.copytree(sound, tmp_path / "broken"))
    broken.break_it(folder)
    check = check_model("tiny", configured(tmp_path, folder), with_weights=broken.needs_weights)
    line = lines(check)[broken.check]
    assert line.state == broken.state
    assert broken.found in line.found
    assert broken.fix in line.fix


def test_more_tokens_than_it_has_places_for_are_told(sound: Path, tmp_path: Path) -> None:
    check = check_model(
        "tiny", configured(tmp_path, sound, max_new_tokens=4000), with_weights=False
    )
    length = lines(check)["length"]
    assert length.state == "note"
    assert length.fix == "Set max_new_tokens to 512 or less; no more are written."


def test_a_model_that_must_be_asked_and_is_not_is_told_so(sound: Path, tmp_path: Path) -> None:
    check = check_model("tiny", configured(tmp_path, sound, instruction=""), with_weights=False)
    assert lines(check)["prompt"].state == "missing"
    assert "instruction" in lines(check)["prompt"].fix


def test_a_pipeline_and_a_dual_encoder_are_tried_too(tmp_path: Path) -> None:
    folder = save_pipeline("stable-diffusion", tmp_path / "sd")
    (tmp_path / "alignbench.toml").write_text(
        f'[[image_generators]]\nname = "tiny-sd"\nbackend = "diffusers"\nrepo = "{folder}"\n'
        'device = "cpu"\nparams = { num_inference_steps = 1 }\n'
    )
    drawn = check_model("tiny-sd", str(tmp_path))
    assert drawn.is_ok
    assert lines(drawn)["pictures"].found == "prompt and seed decide what is drawn"
    clip = save_clip(tmp_path / "clip")
    scored = check_model(f"clip:repo={clip},device=cpu,name=tiny-clip", str(tmp_path))
    assert scored.is_ok
    assert set(lines(scored)) == {"files", "weights", "scores", "batch"}


def test_the_outcome_stays_with_the_revision_and_a_run_asks_for_it(
    sound: Path, tmp_path: Path
) -> None:
    address = configured(tmp_path, sound)
    store, revision = open_store(address), resolve_revision(str(sound))
    row = Generator(
        generator_id="g", direction=Direction.I2T, model="tiny", family="tiny",
        backend="transformers", repo=str(sound), revision=revision, requested_revision=None,
        instruction=None, params="{}",
    )  # fmt: skip
    [said] = unchecked_models(store, [row])
    assert said == ("tiny was never checked at this revision: alignbench models --check tiny")
    check = check_model("tiny", address, with_weights=False)
    assert kept_check(store, str(sound), revision) == check
    assert kept_check(store, str(sound), "another") is None
    assert unchecked_models(store, [row]) == []


def test_a_look_at_the_configuration_does_not_replace_a_trial(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    trial = ModelCheck(
        name="m", backend="transformers", repo="r", revision="1", versions={}, with_weights=True,
        checked_at="2026-01-01T00:00:00+00:00", lines=(),
    )  # fmt: skip
    keep_check(store, trial)
    keep_check(store, trial.model_copy(update={"with_weights": False}))
    assert kept_check(store, "r", "1") == trial


def test_a_name_that_stands_for_nothing_and_a_model_behind_a_server_are_refused(
    tmp_path: Path,
) -> None:
    with pytest.raises(UnknownNameError, match="There is no model 'qwen2-vl-7bb'"):
        check_model("qwen2-vl-7bb", str(tmp_path))
    with pytest.raises(ConfigError, match="only models that run in this process"):
        check_model("llama-4-scout", str(tmp_path))


def test_the_verb_says_each_line_and_ends_with_1_where_a_run_would_fail(
    sound: Path, tmp_path: Path
) -> None:
    asked = ["-C", configured(tmp_path, sound), "models", "--check", "tiny", "--without-weights"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "ok       prompt: 'USER: <image>" in done.output
    told = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert told["ok"] is True
    assert {"check", "state", "found", "fix"} == set(told["lines"][0])
    configured(tmp_path, sound, instruction="")
    assert CliRunner().invoke(app, asked).exit_code == 1
