"""What a run tells about itself: small values that Prefect, a terminal and a script all show."""

from dataclasses import asdict, dataclass, field
from typing import NamedTuple

from alignbench.schemas.ids import JsonValue
from alignbench.schemas.vocabulary import StageName


class CommitReport(NamedTuple):
    """One commit: what became of its items."""

    made: int
    failed: int
    empty: int
    rows: dict[str, int]

    @property
    def items(self) -> int:
        """How many items it tried."""
        return self.made + self.failed + self.empty


@dataclass(slots=True)
class StageReport:
    """One run of a stage.

    Attributes:
        stage: The stage.
        made: Items done by this run.
        failed: Items that failed in this run; each has a row in `failures`.
        empty: Items in which there was nothing, such as an empty caption.
        duplicates: Inputs that named an item which this run had already taken.
        rows: Rows written, by table.
        commits: Commits, each one part per table.
        seconds: Wall-clock time.
        calls: Calls to models behind endpoints.
        prompt_tokens: Tokens that those sent.
        completion_tokens: Tokens that they received.
        usd: US dollars that they cost, where a price is known.
        unpriced_calls: Calls whose price is not known.
        budget_reached: Whether the run stopped at its budget.
        notes: Sentences an operator should read.
    """

    stage: StageName
    made: int = 0
    failed: int = 0
    empty: int = 0
    duplicates: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    commits: int = 0
    seconds: float = 0.0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    unpriced_calls: int = 0
    budget_reached: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def items(self) -> int:
        """How many items the run tried."""
        return self.made + self.failed + self.empty

    @property
    def failure_share(self) -> float:
        """Failed items of those tried; an empty one is no failure."""
        return self.failed / self.items if self.items else 0.0

    def add(self, commit: CommitReport) -> None:
        """Counts a commit in."""
        self.made += commit.made
        self.failed += commit.failed
        self.empty += commit.empty
        self.commits += 1
        for table, rows in commit.rows.items():
            self.rows[table] = self.rows.get(table, 0) + rows

    def include(self, part: "StageReport") -> None:
        """Counts in what another process did of this run."""
        self.made += part.made
        self.failed += part.failed
        self.empty += part.empty
        self.commits += part.commits
        for table, rows in part.rows.items():
            self.rows[table] = self.rows.get(table, 0) + rows
        self.calls += part.calls
        self.prompt_tokens += part.prompt_tokens
        self.completion_tokens += part.completion_tokens
        self.usd += part.usd
        self.unpriced_calls += part.unpriced_calls
        self.budget_reached |= part.budget_reached
        self.notes += [note for note in part.notes if note not in self.notes]

    def summary(self) -> str:
        """Returns one line for people."""
        if not self.items and not self.rows:
            return f"{self.stage}: nothing to do"
        parts = [f"{self.made:,} done"]
        parts += [f"{self.failed:,} failed"] if self.failed else []
        parts += [f"{self.empty:,} empty"] if self.empty else []
        parts += [f"{self.duplicates:,} duplicate inputs"] if self.duplicates else []
        parts += [self._spending()] if self.calls else []
        return f"{self.stage}: {', '.join(parts)} in {self.seconds:.1f} s"

    def _spending(self) -> str:
        said = f"{self.prompt_tokens:,} tokens sent and {self.completion_tokens:,} received"
        return f"{said} (${self.usd:,.4f})" if self.usd else said

    def metrics(self) -> dict[str, int | float]:
        """Returns what can be counted of the run, by names that do not change."""
        return {
            "items": self.items,
            "made": self.made,
            "failed": self.failed,
            "empty": self.empty,
            "commits": self.commits,
            "seconds": round(self.seconds, 3),
            "items_per_second": round(self.items / self.seconds, 3) if self.seconds else 0.0,
            "calls": self.calls,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "usd": round(self.usd, 6),
        }

    def as_json(self) -> dict[str, JsonValue]:
        """Returns the report for scripts."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class StageCounts:
    """Where a stage stands for one source or generator."""

    stage: StageName
    scope: str
    done: int
    pending: int
    failed: int
    empty: int
    not_selected: int
