from pathlib import Path

from alignbench.scenes.drawn_files import write_prompts, write_scenes
from alignbench.scenes.oracle import truth_of
from alignbench.scenes.pixels import read_pixels
from alignbench.schemas.vocabulary import Verdict


def test_the_images_written_show_the_scenes_they_are_named_for(tmp_path: Path) -> None:
    scenes = write_scenes(tmp_path, 5, seed=3)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert files.keys() == scenes.keys()
    for name, scene in scenes.items():
        assert read_pixels(files[name]).things == scene.things


def test_an_image_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "scene-0001.png").write_bytes(b"mine")
    write_scenes(tmp_path, 2, seed=3)
    assert (tmp_path / "scene-0001.png").read_bytes() == b"mine"


def test_the_same_seed_writes_the_same_files(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_scenes(tmp_path / folder, 3, seed=3)
        write_prompts(tmp_path / f"{folder}.txt", 3, 3, seed=3)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    assert (tmp_path / "one.txt").read_bytes() == (tmp_path / "two.txt").read_bytes()


def test_prompts_are_one_a_line_and_in_the_language_of_the_oracle(tmp_path: Path) -> None:
    write_prompts(tmp_path / "prompts.txt", 4, 2, seed=1)
    lines = (tmp_path / "prompts.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(line.count(".") for line in lines) == [1, 1, 1, 1, 3, 3]
    scene = next(iter(write_scenes(tmp_path, 1, seed=1).values()))
    short = [line for line in lines if line.count(".") == 1]
    assert all(truth_of(scene, line).verdict is not Verdict.UNKNOWN for line in short)
