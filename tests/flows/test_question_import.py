"""`questions import`: from a file to the workspace's tables, with the command line."""

import json
from pathlib import Path

from PIL import Image
from typer.testing import CliRunner, Result

from alignbench.cli.app import app
from alignbench.schemas.rows.questions import Question
from alignbench.schemas.tables import IMAGES, QUESTIONS
from alignbench.workspace.workspace import Workspace, open_workspace


def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "work").mkdir()
    (tmp_path / "work/alignbench.toml").write_text("")
    return open_workspace(tmp_path / "work")


def questions_file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.jsonl"
    entries = [
        {"cluster": str(number // 2), "variant": str(number % 2), "image": f"{number // 2}.png",
         "prompt": f"How many? ({number})", "reference": "2", "task": "Counting"}
        for number in range(6)
    ]  # fmt: skip
    path.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    return path


def run(tmp_path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["-C", str(tmp_path / "work"), "questions", *arguments])


def stored(opened: Workspace) -> list[Question]:
    return sorted(opened.table(QUESTIONS).rows(), key=lambda row: (row.cluster, row.variant))


def test_questions_and_images_come_in_once(tmp_path: Path) -> None:
    opened, file = workspace(tmp_path), questions_file(tmp_path)
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number}.png")
    first = run(tmp_path, "import", "own", str(file), "--json")
    assert first.exit_code == 0, first.output
    found = json.loads(first.stdout)
    assert (found["added"], found["without_image"]) == (6, 6)
    assert (found["file"]["clusters"], found["file"]["comparable_clusters"]) == (3, 3)
    again = json.loads(run(tmp_path, "import", "own", str(file), "--json").stdout)
    assert (again["added"], again["unchanged"]) == (0, 6)
    with_images = run(tmp_path, "import", "own", str(file), "--images", str(folder))
    assert "0 added, 6 given their image or another category, 0 unchanged" in with_images.output
    rows = stored(opened)
    assert [row.source for row in rows] == ["mine"] * 6
    assert {row.image_id for row in rows} == set(
        opened.table(IMAGES).read()["image_id"].to_pylist()
    )
    assert {row.version for row in rows} == {2}
    once_more = json.loads(run(tmp_path, "import", "own", str(file), "--json").stdout)
    assert (once_more["unchanged"], once_more["without_image"]) == (6, 0)


def test_a_corrected_file_of_tasks_counts_for_questions_that_are_there(tmp_path: Path) -> None:
    opened, path = workspace(tmp_path), questions_file(tmp_path)
    tasks = tmp_path / "tasks.toml"
    for category, said in (
        ("Perception", "6 added, 0 given"),
        ("Perception", "0 added, 0 given"),
        ("Reasoning", "0 added, 6 given"),
    ):
        tasks.write_text(f'[[task]]\nname = "Counting"\ncategory = "{category}"\n')
        assert said in run(tmp_path, "import", "own", str(path), "--tasks", str(tasks)).output
        assert {question.category for question in stored(opened)} == {category}


def test_what_cannot_be_read_is_said_and_ends_the_command_with_1(tmp_path: Path) -> None:
    opened, file = workspace(tmp_path), questions_file(tmp_path)
    (tmp_path / "outside.png").write_bytes(b"")
    (tmp_path / "images").mkdir()
    leads_out = {"cluster": "x", "image": "../outside.png", "prompt": "?", "reference": "!"}
    with file.open("a") as lines:
        lines.write(json.dumps({**leads_out, "task": "Counting"}) + "\n{\n")
    done = run(tmp_path, "import", "own", str(file), "--images", str(tmp_path / "images"))
    assert done.exit_code == 1
    assert "AB-G30: mine.jsonl:8 cannot be read" in done.output
    assert "AB-G22: '../outside.png' leads out of the folder" in done.output
    assert "AB-G20: There is no file '0.png'" in done.output
    assert len(stored(opened)) == 7
    listed = json.loads(run(tmp_path, "import", "own", str(file), "--json").stdout)["failures"]
    assert [(at["place"], at["code"]) for at in listed] == [("mine.jsonl:8", "AB-G30")]


def test_a_kind_that_is_not_known_is_refused(tmp_path: Path) -> None:
    workspace(tmp_path)
    done = run(tmp_path, "import", "alignbench", str(questions_file(tmp_path)))
    assert str(done.exception).startswith("AB-S01: There is no kind of questions 'alignbench'.")
