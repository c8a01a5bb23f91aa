"""What calls to a model cost, and the account that pays for them.

A run that has a budget must not pass it, whatever the answers turn out to be. So the most that a
call can cost is reserved before it is sent, and what it did cost is settled afterwards. Who runs a
stage puts its account in force; who sends a request to a server reserves and settles.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, Protocol

from alignbench.schemas.errors import AlignBenchError


class BudgetReachedError(AlignBenchError):
    """The next call to a model could pass the budget; what was paid for is kept."""

    code = "AB-F20"


class UnknownCostError(AlignBenchError):
    """There is a budget, and it is not known what a call to a model can cost at most."""

    code = "AB-F21"
    exit_code = 2


class Cost(NamedTuple):
    """What calls cost, or can cost at most.

    Attributes:
        prompt_tokens: Tokens sent.
        completion_tokens: Tokens received; None where nothing bounds them.
        usd: US dollars; None where no price, or no bound, is known.
    """

    prompt_tokens: int = 0
    completion_tokens: int | None = 0
    usd: float | None = 0.0


NOTHING = Cost()


class Budget(NamedTuple):
    """What all runs of the generating stages may spend together; None is no limit.

    Attributes:
        usd: US dollars.
        tokens: Tokens sent and received.
    """

    usd: float | None = None
    tokens: int | None = None

    @property
    def is_set(self) -> bool:
        """Whether there is any limit."""
        return self.usd is not None or self.tokens is not None


class Account(Protocol):
    """Pays for calls. Safe to use from several threads at once."""

    def take(self, most: Cost) -> bool:
        """Reserves the most that a call can cost, if that is possible at once; never waits."""
        ...

    def enlarge(self, most: Cost) -> bool:
        """Reserves the most that a call can cost, if the budget has it; may write to the store.

        Raises:
            UnknownCostError: There is a budget, and the most is not known.
        """
        ...

    def settle(self, most: Cost, spent: Cost) -> None:
        """Exchanges a reservation for what the call did cost."""
        ...

    def reached(self) -> BudgetReachedError:
        """Returns what a stream ends with when no call is under way and the next does not fit."""
        ...


class OpenAccount:
    """Pays for whatever is asked and keeps no books: for what is no stage's run."""

    def take(self, most: Cost) -> bool:  # noqa: ARG002
        """Always possible."""
        return True

    def enlarge(self, most: Cost) -> bool:  # noqa: ARG002
        """Always possible."""
        return True

    def settle(self, most: Cost, spent: Cost) -> None:
        """Keeps nothing."""

    def reached(self) -> BudgetReachedError:
        """Is never asked."""
        return BudgetReachedError("There is no budget.", "Report this as a fault.")


_in_force: ContextVar[Account] = ContextVar("alignbench_account", default=OpenAccount())  # noqa: B039 - has no state


@contextmanager
def paid_from(account: Account) -> Iterator[None]:
    """Lets an account pay for what the body asks of models, in this thread or task."""
    token = _in_force.set(account)
    try:
        yield
    finally:
        _in_force.reset(token)


def current_account() -> Account:
    """Returns the account in force here; one that pays for anything where none was set.

    New threads do not inherit it: ask in the thread that has it, and pass on what you got.
    """
    return _in_force.get()
