"""A budget is never passed: with many calls in flight, answers of every length, and kills."""

import base64
import io
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from alignbench.engine.account import StageAccount
from alignbench.engine.commits import Commits
from alignbench.flows.caption import caption
from alignbench.flows.imagine import imagine
from alignbench.flows.ingest import ingest
from alignbench.flows.prompts import prompts
from alignbench.flows.runs.orchestration import run_flow
from alignbench.schemas.spending import UnknownCostError
from alignbench.schemas.tables import FAILURES, PAIRS, STAGE_RUNS
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace, open_workspace
from tests.flows.paid_roads import CONFIG, IMAGES, MOST, Till, paint_and_configure
from tests.generators.endpoint.model_server import Asked, ModelServer, Reply, running


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ingested")
    paint_and_configure(root, "http://127.0.0.1:1")
    run_flow(ingest, str(root))
    return root


@pytest.fixture
def root(ingested: Path, server: ModelServer, tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    shutil.copytree(ingested, root)
    configure(root, server, f"max_tokens = {MOST}")
    return root


def configure(root: Path, server: ModelServer, params: str) -> None:
    (root / "alignbench.toml").write_text(CONFIG.format(url=server.base_url, params=params))


def captions(workspace: Workspace) -> int:
    return workspace.table(PAIRS).count()


def test_it_is_never_passed_with_64_calls_in_flight(root: Path, server: ModelServer) -> None:
    till = Till(server, at_once=64)
    workspace = open_workspace(str(root))
    made = 0
    for budget in (0.12, 0.13, 0.14):
        report = run_flow(caption, str(root), budget=budget)
        made += report.made
        assert not report.failed, list(workspace.table(FAILURES).rows())
        assert till.usd <= budget
        assert report.budget_reached
        assert f"${budget:.2f}" in report.notes[-1]
        assert till.usd > 0.5 * budget
    assert server.peak == 64
    assert made == captions(workspace) > 10
    rest = run_flow(caption, str(root))
    assert not rest.budget_reached
    assert made + rest.made == IMAGES


def test_tokens_are_never_passed_either(root: Path, server: ModelServer) -> None:
    till = Till(server)
    report = run_flow(caption, str(root), max_tokens=20_000)
    assert report.budget_reached
    assert 10_000 < till.tokens <= 20_000
    assert report.prompt_tokens + report.completion_tokens <= 20_000
    again = run_flow(caption, str(root), max_tokens=20_000)
    assert till.tokens <= 20_000
    assert again.made <= 2


def test_what_was_paid_for_is_kept(root: Path, server: ModelServer) -> None:
    server.script = lambda _: answer("A cat.", 100, 10)
    report = run_flow(caption, str(root), budget=0.02)
    assert report.made == report.calls == len(server.asked) == captions(open_workspace(str(root)))
    assert report.usd == pytest.approx(report.calls * 0.0002)


def test_a_run_that_was_killed_counts_at_its_most(
    root: Path, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = Till(server)

    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(StageAccount, "close", killed)
        patch.setattr(Commits, "write", killed)
        with pytest.raises(Killed):
            run_flow(caption, str(root), budget=0.1)
    assert till.usd > 0
    [row] = [row for row in open_workspace(str(root)).table(STAGE_RUNS).rows() if not row.ended]
    assert till.usd <= row.most_usd <= 0.1
    run_flow(caption, str(root), budget=0.1)
    assert till.usd <= 0.1


def test_a_run_beside_it_is_counted(root: Path, server: ModelServer) -> None:
    till = Till(server)
    (root / "prompts.txt").write_text("\n".join(f"Scene {n}." for n in range(40)))
    with (root / "alignbench.toml").open("a") as config:
        config.write(
            f"""
[[prompts]]
name = "list"
kind = "file"
path = "prompts.txt"
[[image_generators]]
name = "painter"
backend = "openai"
repo = "painter"
base_url = "{server.base_url}"
price_image = 0.005
"""
        )
    run_flow(prompts, str(root))
    painted = 0
    picture = io.BytesIO()
    Image.new("RGB", (4, 3), (9, 9, 9)).save(picture, "PNG")
    captioned = till.answer

    def script(asked: Asked) -> Reply:
        nonlocal painted
        if "prompt" not in asked.body:
            return captioned(asked)
        painted += 1
        return Reply({"data": [{"b64_json": base64.b64encode(picture.getvalue()).decode()}]})

    server.script = script
    budget = 0.2
    runs = [
        threading.Thread(target=run_flow, args=(stage, str(root)), kwargs={"budget": budget})
        for stage in (caption, imagine)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert painted
    assert till.usd + painted * 0.005 <= budget + 1e-9


def test_a_budget_needs_to_know_what_a_call_can_cost(root: Path, server: ModelServer) -> None:
    configure(root, server, "temperature = 0")
    with pytest.raises(UnknownCostError, match=r"AB-F21.*max_tokens"):
        run_flow(caption, str(root), budget=1)
    with pytest.raises(UnknownCostError, match="max_tokens"):
        run_flow(caption, str(root), max_tokens=1000)
    assert server.asked == []
    assert run_flow(caption, str(root), limit=3).calls == 3


def test_thoughts_that_stand_in_the_total_only_are_paid_for(
    root: Path, server: ModelServer
) -> None:
    server.script = lambda _: answer("A cat.", 100, 10, total=170)
    report = run_flow(caption, str(root), limit=5)
    assert report.completion_tokens == 5 * 70


def test_an_idle_run_writes_no_books(root: Path, server: ModelServer) -> None:
    server.script = lambda _: answer("A cat.", 100, 10)
    run_flow(caption, str(root))
    before = Workspace(LocalStore(root)).table(STAGE_RUNS).part_names()
    assert run_flow(caption, str(root)).items == 0
    assert Workspace(LocalStore(root)).table(STAGE_RUNS).part_names() == before


def answer(text: str, sent: int, received: int, total: int | None = None) -> Reply:
    usage = {"prompt_tokens": sent, "completion_tokens": received}
    if total is not None:
        usage["total_tokens"] = total
    body = {
        "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
        "usage": usage,
    }
    return Reply(body)
