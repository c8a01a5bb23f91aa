"""`questions release`: what goes in, what `verify` finds, what `diff` tells, who can read it."""

import datetime
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner, Result

import alignbench
from alignbench.cli.app import app
from alignbench.release.any_kind import verify
from alignbench.release.errors import NoQuestionsError, ReleaseExistsError
from alignbench.release.verify.report import Rule
from alignbench.release_format.checksums import checksums_of, checksums_text
from alignbench.release_format.errors import NotAReleaseError
from alignbench.schemas.ids import sha256_hex, text_sha256
from alignbench.schemas.rows.questions import Rating, VariantCheck
from alignbench.schemas.tables import IMAGES, RATINGS, RESPONSES, VARIANT_CHECKS, VARIANTS
from alignbench.schemas.vocabulary import AnnotationStatus, Meaning, Purpose
from alignbench.workspace.workspace import Workspace, open_workspace
from tests.flows.question_roads import by_model, entry, question, rated, workspace
from tests.generators.endpoint.model_server import Asked, ModelServer, Reply, running, said

ENTRIES = [
    question(number, language="zh" if number == 3 else "en", history=(
        [{"user": "什么？", "assistant": " 院子。"}] if number == 1 else []
    ))
    for number in range(6)
]  # fmt: skip
NOW = datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC)
TERMS = """
[questions.release]
name = "cats"
version = "1.0.0"
title = "Cats, counted"
license = "cc-by-nc-sa-4.0"
authors = ["A. Person"]

[questions.sets.mine]
license = "CC-BY-4.0"
"""
FOLDER = "releases/cats/1.0.0"


def written(asked: Asked) -> Reply:
    """A writer whose question about the second picture is refused: it is in other letters."""
    return said("有几只猫？" if "(2)" in asked.text else "Count the cats here, will you?")


def judged(asked: Asked) -> Reply:
    """A judge that knows the right answer, and says yes where it is asked to check a question."""
    content = asked.body["messages"][-1]["content"]
    if "Reference: begin" not in content:
        return said("Yes.")
    return rated(9 if "Two cats." in content else 3)


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with running() as found:
        found.script = by_model({
            "good": lambda _: said("Two cats."), "poor": lambda _: said("One cat."),
            "writer": written, "critic": judged,
        })  # fmt: skip
        yield found


def config(server: ModelServer, more: str = TERMS) -> str:
    url = server.base_url
    return "\n".join([
        *(entry("captioners", name, url) for name in ("good", "poor")),
        entry("rewriters", "writer", url, styles=["plain"], checked_by="critic"),
        entry("judges", "critic", url, samples=2),
        more,
    ])  # fmt: skip


def verb(opened: Workspace | Path, *arguments: str) -> Result:
    address = opened.url if isinstance(opened, Workspace) else str(opened)
    return CliRunner().invoke(app, ["-C", address, *arguments])


def rate(opened: Workspace) -> None:
    """Three people rate every second answer."""
    rows = [
        Rating(
            server="s", project_id=1, annotation_id=3 * number + person,
            response_id=row.response_id, round="1", annotator=f"{name}@example.org", rating=7.0,
            reason="private words", status=AnnotationStatus.SUBMITTED, probability=0.5,
            lead_seconds=None, updated_at=NOW,
        )
        for number, row in enumerate(opened.table(RESPONSES).rows()) if number % 2 == 0
        for person, name in enumerate(("ann", "bo", "cy"))
    ]  # fmt: skip
    opened.table(RATINGS).append(rows, "run")


def check(opened: Workspace) -> None:
    """Most people say that the first question in other words means the same, none the second."""
    accepted = [row for row in opened.table(VARIANTS).rows() if row.code is None]
    said = ((Meaning.SAME, Meaning.DIFFERENT, Meaning.SAME), (Meaning.DIFFERENT,) * 2)
    rows = [
        VariantCheck(
            server="s", project_id=2, annotation_id=3 * number + person, task_id=number,
            variant_id=row.variant_id, round="variants", purpose=Purpose.LABEL, meaning=meaning,
            annotator=f"{name}@example.org", reason="private words", flags=(), updated_by=None,
            status=AnnotationStatus.SUBMITTED, text_sha256=text_sha256(row.prompt),
            lead_seconds=None, annotated_at=NOW, updated_at=NOW,
        )
        for number, (row, meanings) in enumerate(zip(accepted, said, strict=True))
        for person, (name, meaning) in enumerate(
            zip(("ann", "bo", "cy"), meanings, strict=False)
        )
    ]  # fmt: skip
    opened.table(VARIANT_CHECKS).append(rows, "run")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, server: ModelServer) -> Workspace:
    opened = workspace(tmp_path_factory.mktemp("made") / "w", config(server), ENTRIES)
    for arguments in (["rewrite"], ["respond"], ["respond", "--blind", "--limit", "5"], ["judge"]):
        done = verb(opened, *arguments)
        assert done.exit_code == 0, done.output
        if arguments == ["rewrite"]:
            check(opened)
    rate(opened)
    return opened


@pytest.fixture(scope="module")
def released(made: Workspace) -> Path:
    done = verb(made, "questions", "release", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["built"] is True
    return Path(made.url) / FOLDER


def changed(folder: Path, table: str, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Changes a table's rows, and makes the checksums fit, as someone who tampers with it would."""
    [path] = folder.glob(f"data/{table}/*.parquet")
    before = pq.read_table(path, partitioning=None)
    rows = before.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=before.schema), path)
    reseal(folder)


def by_people(variants: list[dict[str, Any]]) -> dict[str, Any]:
    """The question in other words that people refused."""
    [row] = [row for row in variants if row["code"] == "AB-E43"]
    return row


def reseal(folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()
    (folder / "SHA256SUMS").write_text(checksums_text(checksums_of(folder)))


def test_all_that_was_asked_answered_and_judged_is_in_it(made: Workspace, released: Path) -> None:
    assert verify(released).findings == ()
    done = verb(made, "verify", str(released))
    assert done.exit_code == 0
    assert "is sound" in done.output
    release = alignbench.open_question_release(released)
    rows = {name: len(release.to_arrow(name)) for name in release.manifest.rows}
    assert rows == release.manifest.rows
    assert {name: rows[name] for name in ("questions", "variants", "judges", "models")} == {
        "questions": 6, "variants": 3, "judges": 1, "models": 5,
    }  # fmt: skip
    assert rows["responses"] == made.table(RESPONSES).count()
    assert rows["judgements"] == 2 * rows["responses"]
    variants = release.to_arrow("variants").to_pylist()
    counts = ("code", "n_same", "n_different", "n_unknown", "message")
    assert sorted((tuple(row[name] for name in counts) for row in variants), key=str)[1:] == [
        ("AB-E43", 0, 2, 0, "2 of 2 people say that it asks something else."),
        (None, 2, 1, 0, None),
    ]
    assert {row["n_same"] for row in variants if row["code"] == "AB-E34"} == {None}
    refused = {row["variant_id"] for row in variants if row["code"]}
    assert refused.isdisjoint(release.to_arrow("responses")["asked_id"].to_pylist())
    assert set(release.to_arrow("models")["role"].to_pylist()) == {
        "answers", "writes variants", "checks variants", "judges",
    }  # fmt: skip
    assert set(release.to_arrow("ratings")["annotator"].to_pylist()) == {"A001", "A002", "A003"}
    text = b"".join(path.read_bytes() for path in released.rglob("*") if path.is_file())
    for secret in (b"example.org", b"private words", b"127.0.0.1"):
        assert secret not in text
    card = (released / "README.md").read_text()
    assert "| critic | good | no | 7 | 9.00 | 9.00 |" in card
    facts = yaml.safe_load(card.split("---")[1])
    assert facts["license"] == "cc-by-nc-sa-4.0"
    assert facts["language"] == ["en", "zh"]


def test_the_same_input_gives_the_same_bytes(made: Workspace, released: Path) -> None:
    before = checksums_of(released)
    again = verb(made, "questions", "release")
    assert again.exit_code == 0
    assert "is there and unchanged" in again.output
    kept = released.rename(released.with_name("kept"))
    try:
        assert verb(made, "questions", "release").exit_code == 0
        assert checksums_of(released) == before
    finally:
        shutil.rmtree(released)
        kept.rename(released)


def test_it_is_read_by_datasets_and_by_python(made: Workspace, released: Path) -> None:
    datasets = pytest.importorskip("datasets")
    data = datasets.load_dataset(str(released), "responses", split="test", cache_dir=None)
    assert len(data) == made.table(RESPONSES).count()
    files = str(released / "data/questions/*.parquet")
    questions = datasets.load_dataset("parquet", data_files=files, split="train")
    assert questions[0]["image"].size == (8, 8)
    assert {turn["assistant"] for row in questions for turn in row["history"]} == {" 院子。"}
    release = alignbench.open_question_release(released)
    scores = release.scores().to_pandas()
    seeing = scores[~scores["blind"]]
    assert seeing.groupby("model")["score"].mean().to_dict() == {"good": 9.0, "poor": 3.0}
    assert set(scores["draw"]) == {0, 1}
    images = dict(release.images())
    assert len(images) == 3
    assert all(sha256_hex(data) == image_id for image_id, data in images.items() if data)
    assert len(release.to_datasets("questions")) == 6
    with pytest.raises(NotAReleaseError, match="open_question_release"):
        alignbench.open_release(released)
    with pytest.raises(NotAReleaseError, match="no table 'answers'"):
        release.to_arrow("answers")


@pytest.mark.parametrize(
    ("table", "change", "rule"),
    [
        ("responses", lambda rows: rows[0].update(text="Three."), Rule.IDENTITY),
        ("responses", lambda rows: rows.append(dict(rows[-1])), Rule.DUPLICATE),
        ("responses", lambda rows: rows.reverse(), Rule.ORDER),
        ("responses", lambda rows: rows.pop(), Rule.REFERENCE),
        ("judgements", lambda rows: rows[0].update(score=10.0), Rule.MANIFEST),
        ("judgements", lambda rows: rows[0].update(score=11.0), Rule.VALUE),
        ("judgements", lambda rows: rows[0].update(score=float("nan")), Rule.VALUE),
        ("judgements", lambda rows: rows[0].update(judge="other"), Rule.AGREES),
        ("judgements", lambda rows: rows[0].update(reason=None, score=None), Rule.NULL),
        ("ratings", lambda rows: rows[0].update(annotator="ann"), Rule.PSEUDONYM),
        ("ratings", lambda rows: rows.pop(), Rule.MANIFEST),
        ("questions", lambda rows: rows[0].update(reference="Nine."), Rule.IDENTITY),
        ("questions", lambda rows: rows[0]["image"].update(bytes=b"x"), Rule.IMAGE),
        ("questions", lambda rows: rows[0].update(redistributable=False), Rule.LICENCE),
        ("questions", lambda rows: rows[0].update(license="MIT"), Rule.MANIFEST),
        ("models", lambda rows: rows[0].update(repo="better"), Rule.IDENTITY),
        ("judges", lambda rows: rows[0].update(rubric_text="{"), Rule.MANIFEST),
        ("judges", lambda rows: rows[0].update(task_notes="[" * 100_000), Rule.IDENTITY),
        ("models", lambda rows: rows[0].update(params="{"), Rule.IDENTITY),
        ("variants", lambda rows: rows[0].update(status="fine"), Rule.VALUE),
        ("variants", lambda rows: by_people(rows).update(n_different=0), Rule.VALUE),
        ("variants", lambda rows: by_people(rows).update(n_unknown=3), Rule.AGREES),
        ("variants", lambda rows: by_people(rows).update(message="So they say."), Rule.AGREES),
    ],
)  # fmt: skip
def test_what_was_changed_is_found_although_checksums_fit(
    released: Path, tmp_path: Path, table: str, change: Callable[[Any], Any], rule: Rule
) -> None:
    copy = Path(shutil.copytree(released, tmp_path / "copy"))
    changed(copy, table, change)
    report = verify(copy)
    assert rule in {finding.rule for finding in report.findings}, report.findings[:4]


@pytest.mark.parametrize(
    ("path", "rule"),
    [("README.md", Rule.CARD), ("LICENSE", Rule.TERMS), ("release.json", Rule.MANIFEST),
     ("statistics/scores_by_judge.csv", Rule.STATISTICS)],
)  # fmt: skip
def test_texts_must_say_what_the_rows_come_to(
    released: Path, tmp_path: Path, path: str, rule: Rule
) -> None:
    copy = Path(shutil.copytree(released, tmp_path / "copy"))
    text = (copy / path).read_text()
    for old, new in (("9.00", "9.50"), ("CC-BY-4.0", "MIT"), ('"raters": 3', '"raters": 9'),
                     (",9.0", ",9.5")):  # fmt: skip
        text = text.replace(old, new)
    (copy / path).write_text(text)
    assert Rule.FILE_CHANGED in {finding.rule for finding in verify(copy).findings}
    reseal(copy)
    assert rule in {finding.rule for finding in verify(copy).findings}


def test_what_may_not_be_passed_on_is_left_out_and_said(
    made: Workspace, released: Path, server: ModelServer, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(made.url, tmp_path / "w"))
    forbidden = TERMS.replace("1.0.0", "1.1.0") + "images_redistributable = false\n"
    (root / "alignbench.toml").write_text(config(server, forbidden))
    more = tmp_path / "theirs.jsonl"
    more.write_text(json.dumps(question(0, prompt="Whose is it?")))
    opened = open_workspace(root)
    assert verb(opened, "questions", "import", "own", str(more)).exit_code == 0
    done = verb(opened, "questions", "release")
    assert done.exit_code == 0, done.output
    assert "3 images left out: they may not be passed on" in done.output
    folder = root / "releases/cats/1.1.0"
    assert verify(folder).findings == ()
    release = alignbench.open_question_release(folder)
    assert release.manifest.images.model_dump() == {"embedded": 0, "withheld": 3, "missing": 1}
    assert {data for _, data in release.images()} == {None}
    blobs = [row.blob for row in opened.table(IMAGES).rows()]
    pictures = [(root / blob).read_bytes() for blob in blobs]
    files = b"".join(path.read_bytes() for path in folder.rglob("*.parquet"))
    assert not any(picture in files for picture in pictures)
    held = forbidden.replace("1.1.0", "1.2.0") + "[questions.sets.theirs]\nredistributable = false"
    (root / "alignbench.toml").write_text(config(server, held))
    done = verb(opened, "questions", "release")
    assert "left out whole: theirs (1 questions, 0 answers)" in done.output
    difference = verb(opened, "diff", str(folder), str(root / "releases/cats/1.2.0"))
    assert "removed: questions" in difference.output
    assert "diff: changed rows: 1" in difference.output
    both = json.loads(verb(opened, "diff", str(released), str(folder), "--json").stdout)
    assert [tuple(key) for *key, _ in both["counts"]] == [
        ("questions", "added"), ("questions", "changed"),
    ]  # fmt: skip
    assert {column: count for _, column, count in both["columns"]} == {
        "image": 6, "redistributable": 6,
    }  # fmt: skip


def test_another_content_under_the_same_version_is_refused(
    made: Workspace, released: Path, server: ModelServer, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(made.url, tmp_path / "w"))
    (root / "alignbench.toml").write_text(config(server, TERMS.replace("Cats, c", "C")))
    done = verb(open_workspace(root), "questions", "release")
    assert isinstance(done.exception, ReleaseExistsError)
    assert checksums_of(root / FOLDER) == checksums_of(released)


def test_a_workspace_without_questions_has_nothing_to_release(tmp_path: Path) -> None:
    (tmp_path / "alignbench.toml").write_text("")
    done = verb(tmp_path, "questions", "release")
    assert isinstance(done.exception, NoQuestionsError)
