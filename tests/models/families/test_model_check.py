"""`models --check` on families that see pictures in different ways, sound and wrong in six ways."""

import json
import shutil
from pathlib import Path

import pytest

from alignbench.doctor.model_check.check import check_model
from alignbench.flows.selected.model_checks import CheckedLine
from tests.fixtures.broken_models import WAYS, Broken
from tests.models.families.building import HAS_TORCHVISION
from tests.models.families.conftest import Folders
from tests.models.families.family import Family
from tests.models.families.vision_language.table import FAMILIES

CHECKED = ("llava", "gemma3", "idefics3", "internvl", "qwen2_5_vl")
"""One picture at one size (two kinds of attention), in tiles (two kinds), at its own size."""

five_families = pytest.mark.parametrize(
    "family",
    [
        pytest.param(
            family,
            id=family.name,
            marks=[
                pytest.mark.families,
                pytest.mark.skipif(
                    family.needs_torchvision and not HAS_TORCHVISION, reason="needs torchvision"
                ),
            ],
        )
        for family in FAMILIES
        if family.name in CHECKED
    ],
)


def _checked(root: Path, folder: Path, with_weights: bool) -> dict[str, CheckedLine]:
    (root / "alignbench.toml").write_text(
        f'[[captioners]]\nname = "tiny"\nbackend = "transformers"\n'
        f"repo = {json.dumps(str(folder))}\n"
        'instruction = "Describe."\nkeep_truncated = true\ndevice = "cpu"\n'
        "params = { max_new_tokens = 4 }\n"
    )
    check = check_model("tiny", str(root), with_weights=with_weights)
    return {line.check: line for line in check.lines}


@five_families
def test_a_sound_one_lacks_nothing_but_an_end(
    family: Family, folders: Folders, tmp_path: Path
) -> None:
    found = _checked(tmp_path, folders.writing_digits(family), with_weights=True)
    assert {name for name, line in found.items() if line.state == "missing"} == {"end"}
    fine = {name for name, line in found.items() if line.state == "ok"}
    assert fine >= {"files", "weights", "prompt", "sight", "likelihood"}, found


@five_families
@pytest.mark.parametrize("broken", WAYS, ids=lambda way: way.break_it.__name__)
def test_one_that_is_wrong_is_named_with_what_to_set(
    family: Family, broken: Broken, folders: Folders, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(folders.writing_digits(family), tmp_path / "broken"))
    broken.break_it(folder)
    line = _checked(tmp_path, folder, broken.needs_weights)[broken.check]
    assert line.state == broken.state
    assert broken.found in line.found
    assert broken.fix in line.fix
