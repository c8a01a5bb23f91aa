"""`rewrite`: questions in other words, checked by rule and by a second model."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alignbench.cli.app import app
from alignbench.flows.questions.respond import respond
from alignbench.flows.questions.rewrite import rewrite
from alignbench.flows.status import stage_counts
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.rows.questions import Variant
from alignbench.schemas.tables import RESPONSES, VARIANTS
from alignbench.schemas.vocabulary import StageName
from alignbench.workspace.workspace import Workspace
from tests.flows.question_roads import by_model, entry, question, workspace
from tests.generators.endpoint.model_server import Asked, ModelServer, Reply, running, said

ENTRIES = [question(number) for number in range(6)]


def written(asked: Asked) -> Reply:
    """A writer that errs in one way for each question, and does well by the first."""
    text = asked.text
    if "(2)" in text:
        return said("有几只猫？")
    if "(4)" in text and "Style: formal" in text:
        return said("There are two. How many cats, then?")
    if "Style: formal" in text:
        return said("Kindly state the number of cats.")
    return said("Cats here: count them, will you?")


def checked(asked: Asked) -> Reply:
    return said("no" if "Kindly" in asked.text else "Yes.")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with running() as found:
        found.script = by_model({"writer": written, "checker": checked, "vlm": checked})
        yield found


def config(server: ModelServer, checker: str = "checker") -> str:
    url = server.base_url
    return "\n".join([
        entry("captioners", "vlm", url),
        entry("rewriters", "writer", url, styles=["formal", "plain"], checked_by=checker),
        entry("judges", "checker", url),
    ])  # fmt: skip


def variants(opened: Workspace) -> list[Variant]:
    return sorted(opened.table(VARIANTS).rows(), key=lambda row: (row.style, row.prompt))


def test_what_is_refused_is_kept_with_its_reason_and_the_rest_is_asked(
    tmp_path: Path, server: ModelServer
) -> None:
    opened = workspace(tmp_path / "w", config(server), ENTRIES)
    report = rewrite.fn(opened.url)
    assert (report.made, report.failed) == (6, 0)
    assert report.notes == ["4 refused; table variants says why"]
    found = [(row.style, row.prompt.partition(" ")[0], row.code) for row in variants(opened)]
    assert found == [
        ("formal", "Kindly", "AB-E37"),
        ("formal", "There", "AB-E35"),
        ("formal", "有几只猫？", "AB-E34"),
        ("plain", "Cats", None),
        ("plain", "Cats", None),
        ("plain", "有几只猫？", "AB-E34"),
    ]
    assert rewrite.fn(opened.url).made == 0
    assert respond.fn(opened.url).made == 6 + 2
    assert len({row.asked_id for row in opened.table(RESPONSES).rows()}) == 8
    [counts] = stage_counts(opened.url, StageName.REWRITE)
    assert (counts.scope, counts.done, counts.pending) == ("writer", 6, 0)


def test_an_unclear_check_is_a_failure_and_can_be_tried_again(
    tmp_path: Path, server: ModelServer
) -> None:
    opened = workspace(tmp_path / "w", config(server), ENTRIES)
    server.script = by_model({"writer": written, "checker": lambda _: said("Hm.")})
    command = CliRunner().invoke(app, ["-C", opened.url, "rewrite"])
    assert command.exit_code == 1
    assert "AB-E38" in str(command.exception)
    server.script = by_model({"writer": written, "checker": checked})
    assert CliRunner().invoke(app, ["-C", opened.url, "retry", "rewrite"]).exit_code == 0
    assert len(variants(opened)) == 6


def test_variants_of_a_rewriter_that_is_gone_are_kept_and_not_asked(
    tmp_path: Path, server: ModelServer
) -> None:
    opened = workspace(tmp_path / "w", config(server), ENTRIES)
    rewrite.fn(opened.url)
    (tmp_path / "w/alignbench.toml").write_text(entry("captioners", "vlm", server.base_url))
    assert respond.fn(opened.url).made == 6
    assert len(variants(opened)) == 6


def test_a_dry_run_tells_of_the_writer_and_of_who_checks(
    tmp_path: Path, server: ModelServer
) -> None:
    opened = workspace(tmp_path / "w", config(server), ENTRIES)
    told = CliRunner().invoke(app, ["-C", opened.url, "rewrite", "--dry-run", "--json"])
    writer, checker = json.loads(told.stdout)
    assert (writer["scope"], writer["estimate"]["requests"]) == ("writer", 6)
    assert (checker["scope"], checker["pending"]) == ("writer, checked by checker", 6)
    assert writer["estimate"]["input_tokens"] > 6 * 100
    assert server.asked == []


def test_a_checker_that_is_nowhere_is_told(tmp_path: Path, server: ModelServer) -> None:
    opened = workspace(tmp_path / "w", config(server, "cheker"), ENTRIES)
    with pytest.raises(ConfigError, match="no model 'cheker' to check it") as caught:
        rewrite.fn(opened.url)
    assert "'checker'" in caught.value.fix


def test_a_few_real_calls_are_kept_and_estimated_from(tmp_path: Path, server: ModelServer) -> None:
    opened = workspace(tmp_path / "w", config(server), ENTRIES)
    done = CliRunner().invoke(
        app, ["-C", opened.url, "rewrite", "--dry-run", "--calls", "2", "--json"]
    )
    writing, checking = json.loads(done.stdout)
    assert len(variants(opened)) == 2
    estimate = writing["estimate"]
    # 11 tokens are sent and 7 received with each call: what was counted takes the guess's place.
    assert (writing["pending"], estimate["input_tokens"], estimate["output_tokens"]) == (4, 44, 28)
    assert checking["estimate"] == estimate
    assert estimate["seconds"] > 0
    plain = CliRunner().invoke(app, ["-C", opened.url, "rewrite", "--dry-run"]).output
    assert "4 requests, about 44 tokens in and 28 out" in plain
