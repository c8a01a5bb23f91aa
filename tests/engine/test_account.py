"""What runs that did not end leave of a budget."""

from pathlib import Path

import pytest

from alignbench.engine.account import StageAccount
from alignbench.schemas.spending import Budget, Cost
from alignbench.schemas.tables import STAGE_RUNS
from alignbench.schemas.vocabulary import StageName
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace

MOST = Cost(50_812, 500, 0.132)
"""Of a call with an image that nothing better is known of, at the price of a large model."""
REAL = Cost(1_200, 150, 0.0045)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(LocalStore(tmp_path))


def account(workspace: Workspace, part: str, **budget: float) -> StageAccount:
    usd, tokens = budget.get("usd"), budget.get("tokens")
    set_to = Budget(usd, None if tokens is None else int(tokens))
    return StageAccount(workspace, StageName.CAPTION, "run", set_to, part)


def reserve(one: StageAccount) -> bool:
    return one.take(MOST) or one.enlarge(MOST)


def call(one: StageAccount) -> bool:
    if not reserve(one):
        return False
    one.settle(MOST, REAL)
    return True


@pytest.mark.parametrize("budget", [{"usd": 30.0}, {"tokens": 12_000_000}, {}])
def test_a_run_that_was_killed_costs_a_budget_little_beyond_its_calls_under_way(
    workspace: Workspace, budget: dict[str, float]
) -> None:
    killed = account(workspace, "1", **budget)
    for _ in range(8):
        assert reserve(killed)
    (row,) = workspace.table(STAGE_RUNS).rows()
    assert 8 * 0.132 <= row.most_usd < (8 + 33) * 0.132
    after = account(workspace, "2", **(budget or {"usd": 30.0}))
    assert all(call(after) for _ in range(200))


def test_many_workers_share_a_budget(workspace: Workspace) -> None:
    workers = [account(workspace, str(n), usd=30.0) for n in range(8)]
    assert all(call(worker) for worker in workers for _ in range(4))
    assert sum(row.most_usd for row in workspace.table(STAGE_RUNS).rows()) <= 30


def test_books_are_written_seldom(workspace: Workspace) -> None:
    one = account(workspace, "1", usd=30.0)
    while call(one):
        pass
    (row,) = workspace.table(STAGE_RUNS).rows()
    assert row.version <= 25
    assert one._spent.usd > 29.8


def test_what_is_reserved_by_a_run_that_has_not_ended_is_not_called_spent(
    workspace: Workspace,
) -> None:
    assert reserve(account(workspace, "killed", usd=0.2))
    after = account(workspace, "after", usd=0.2)
    assert not call(after)
    said = after.reached()
    assert "$0.0000 and 0 tokens are spent" in said.what
    assert "up to $0.1420 and 55,1" in said.what
    assert "have not ended" in said.what
    assert "stays reserved" in said.fix


def test_where_all_runs_have_ended_only_spending_is_told(workspace: Workspace) -> None:
    one = account(workspace, "1", usd=0.1)
    assert not call(one)
    assert one.reached().fix == "Give a larger one to go on."
    assert "not ended" not in one.reached().what
