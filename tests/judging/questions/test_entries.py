"""Questions come in as they are, with what is odd about them counted."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alignbench.judging.errors import QuestionFileError, TaskFileError
from alignbench.judging.questions.entries import MAX_LINE, Kind, read_questions
from alignbench.judging.questions.quirks import census
from alignbench.judging.questions.tasks import Tasks, read_tasks
from alignbench.schemas.protocols import ItemFailureAt
from alignbench.schemas.rows.questions import Question, Turn

TASKS = read_tasks()
LINE = {
    "question_id": "00000000-0", "image_path": "images/0.jpg", "history": [],
    "prompt": "数一数图中有几只猫。", "ref_answer": "三只", "task": "Counting",
    "category": "Perception & Understanding",
}  # fmt: skip


def lines(path: Path, *entries: object) -> Path:
    text = "".join(f"{json.dumps(entry, ensure_ascii=False)}\n" for entry in entries)
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, kind: Kind = Kind.ALIGNMMBENCH, tasks: Tasks = TASKS) -> list[Question]:
    found = list(read_questions(path, kind, "set", tasks))
    assert not [entry for entry in found if isinstance(entry, ItemFailureAt)]
    return [entry for entry in found if isinstance(entry, Question)]


def failures(path: Path, kind: Kind = Kind.ALIGNMMBENCH) -> list[tuple[str, str]]:
    found = read_questions(path, kind, "set", TASKS)
    return [(at.failure.code, at.failure.message) for at in found if isinstance(at, ItemFailureAt)]


def test_a_line_of_alignmmbench_is_a_chinese_question(tmp_path: Path) -> None:
    [question] = read(lines(tmp_path / "metadata.jsonl", LINE))
    assert (question.cluster, question.variant) == ("00000000", "0")
    assert (question.task, question.category) == ("Counting", "Perception & Understanding")
    assert (question.language, question.image_name) == ("zh", "images/0.jpg")
    assert (question.prompt, question.reference) == (LINE["prompt"], "三只")
    assert question.quirks == ()


ODD = {
    **LINE,
    "question_id": "00000001-0",
    "task": "Coherence",
    "category": "Dialogue Context",
    "history": [{"user": "这是什么？", "assistant": " 一只猫。"}],
    "prompt": " 它是什么{颜色}？ ",
    "ref_answer": "白色\\n还有🐈",
    "image_path": "images/1.jpg",
}


def test_odd_text_is_kept_and_counted(tmp_path: Path) -> None:
    [question] = read(lines(tmp_path / "metadata.jsonl", ODD))
    assert question.prompt == ODD["prompt"]
    assert question.reference == ODD["ref_answer"]
    assert question.history == (Turn(user="这是什么？", assistant=" 一只猫。"),)
    assert question.quirks == (
        "reference with a literal backslash-n",
        "prompt with outer white space",
        "earlier answer that begins with a space",
        "character outside the basic multilingual plane",
        "brace in prompt or reference",
    )


def test_a_census_counts_clusters_images_and_repetitions(tmp_path: Path) -> None:
    variants = [{**LINE, "question_id": f"00000000-{number}"} for number in range(3)]
    other = {**LINE, "question_id": "00000002-0"}
    found = census(read(lines(tmp_path / "metadata.jsonl", *variants, ODD, other)))
    assert (found.questions, found.clusters, found.comparable_clusters) == (5, 3, 1)
    assert (found.images, found.shared_images, found.repeated_prompts) == (2, 1, 1)
    assert found.cluster_sizes == {1: 2, 3: 1}
    assert (found.turns, found.turns_with_leading_space) == (1, 1)
    assert found.longest_reference == len("白色\\n还有🐈")
    assert found.quirks["prompt with outer white space"] == 1


def test_characters_that_no_table_holds_are_taken_out_and_counted(tmp_path: Path) -> None:
    [question] = read(lines(tmp_path / "metadata.jsonl", {**LINE, "prompt": "几\x00只\r\n猫？"}))
    assert question.prompt == "几只\n猫？"
    assert question.quirks == ("characters that no table can hold, taken out",)


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"prompt": ""}, "AB-G31", "metadata.jsonl:2 has no value for 'prompt'."),
        ({"ref_answer": None}, "AB-G31", "has no value for 'ref_answer'"),
        ({"prompt": 5}, "AB-G32", "'prompt' should be text, but is 5"),
        ({"question_id": "00000001"}, "AB-G32", "should be CLUSTER-VARIANT"),
        ({"task": "Descrpition"}, "AB-G32", "no task 'Descrpition'; Did you mean 'Description'?"),
        ({"category": "Dialogue Context"}, "AB-G32", "Counting is of 'Perception & Understanding'"),
        ({"history": "none"}, "AB-G32", "'history' should be a list of turns"),
        ({"history": [{"user": "x"}]}, "AB-G32", "a turn should have 'user' and 'assistant'"),
        ({"question_id": "00000000-0"}, "AB-G32", "is at metadata.jsonl:1 already"),
        ({"question_id": "00000000-1", "ref_answer": "四只"}, "AB-G32", "variants of a question"),
    ],
)  # fmt: skip
def test_an_entry_that_is_no_question_is_a_failure_and_the_others_go_on(
    tmp_path: Path, change: dict[str, object], code: str, says: str
) -> None:
    wrong = {**LINE, "question_id": "00000001-0", **change}
    path = lines(tmp_path / "metadata.jsonl", LINE, wrong, {**LINE, "question_id": "00000002-0"})
    [(found, message)] = failures(path)
    assert found == code
    assert says in message
    every = read_questions(path, Kind.ALIGNMMBENCH, "set", TASKS)
    assert sum(isinstance(one, Question) for one in every) == 2


def test_lines_that_are_no_json_are_failures(tmp_path: Path) -> None:
    path = tmp_path / "metadata.jsonl"
    good = json.dumps(LINE).encode()
    bad = [b"{", b"[1]", b'{"prompt": "\xff"}', b"[" * 100_000, b'{"a":"' + b"x" * MAX_LINE + b'"}']
    path.write_bytes(b"\xef\xbb\xbf" + good + b"\r\n\n" + b"\n".join(bad) + b"\n")
    assert [code for code, _ in failures(path)] == ["AB-G30"] * 5
    every = read_questions(path, Kind.ALIGNMMBENCH, "set", TASKS)
    assert sum(isinstance(one, Question) for one in every) == 1


OWN = {
    "cluster": "c1",
    "image": "a.png",
    "prompt": "How many?",
    "reference": "2",
    "task": "Counting",
}


def test_ones_own_file_needs_little(tmp_path: Path) -> None:
    [question] = read(lines(tmp_path / "own.jsonl", OWN), Kind.OWN)
    assert (question.cluster, question.variant, question.language) == ("c1", "0", "en")
    assert question.category == "Perception & Understanding"


def test_the_same_questions_from_parquet_have_the_same_ids(tmp_path: Path) -> None:
    turns = [{"user": "Hi", "assistant": "Hello"}]
    entries = [{**OWN, "variant": str(number), "history": turns} for number in range(3)]
    of_lines = read(lines(tmp_path / "own.jsonl", *entries), Kind.OWN)
    pq.write_table(pa.Table.from_pylist(entries), tmp_path / "own.parquet")
    assert read(tmp_path / "own.parquet", Kind.OWN) == of_lines
    assert len({question.question_id for question in of_lines}) == 3


def test_a_question_that_says_something_else_has_another_id(tmp_path: Path) -> None:
    [one] = read(lines(tmp_path / "one.jsonl", OWN), Kind.OWN)
    [other] = read(lines(tmp_path / "one.jsonl", {**OWN, "reference": "3"}), Kind.OWN)
    assert one.question_id != other.question_id


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QuestionFileError, match="not of a known format"):
        read(tmp_path / "questions.xlsx", Kind.OWN)
    with pytest.raises(QuestionFileError, match="cannot be read"):
        read(tmp_path / "missing.jsonl", Kind.OWN)
    (tmp_path / "not.parquet").write_bytes(b"no")
    with pytest.raises(QuestionFileError, match="cannot be read"):
        read(tmp_path / "not.parquet", Kind.OWN)


def test_the_built_in_tasks_are_the_thirteen_in_three_categories() -> None:
    categories = [task.category for task in TASKS.by_name.values()]
    assert len(TASKS.names) == 13
    assert [categories.count(name) for name in dict.fromkeys(categories)] == [6, 5, 2]
    assert all(set(task.notes) == {"en", "zh"} for task in TASKS.by_name.values())


def test_tasks_of_ones_own_are_a_file(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text('[[task]]\nname = "Safety"\ncategory = "Care"\nnotes.en = "Be strict."\n')
    tasks = read_tasks(path)
    own = lines(tmp_path / "own.jsonl", {**OWN, "task": "Safety"})
    [question] = read(own, Kind.OWN, tasks)
    assert question.category == "Care"


@pytest.mark.parametrize(
    "text",
    ["[[task]]\nname = 'x'\n", "[[task]]\nname='x'\ncategory='y'\nrules='z'\n", "[", "",
     "[[task]]\nname='x'\ncategory='y'\n[[task]]\nname='x'\ncategory='y'\n"],
)  # fmt: skip
def test_a_file_of_tasks_with_a_mistake_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text(text)
    with pytest.raises(TaskFileError):
        read_tasks(path)
