"""A fence holds for what it was put around, and for nothing else."""

import threading

import pytest

from alignbench.schemas.fence import Fence, current_fence, fenced


def refuse() -> None:
    raise PermissionError("not ours")


def test_everything_passes_where_no_fence_was_set() -> None:
    current_fence()()


def test_the_innermost_fence_is_in_force_and_ends_with_its_body() -> None:
    with fenced(refuse):
        with pytest.raises(PermissionError):
            current_fence()()
        with fenced(lambda: None):
            current_fence()()
        with pytest.raises(PermissionError):
            current_fence()()
    current_fence()()


def test_a_fence_ends_when_its_body_raises() -> None:
    with pytest.raises(ZeroDivisionError), fenced(refuse):
        raise ZeroDivisionError
    current_fence()()


def test_another_thread_is_given_the_fence_and_does_not_inherit_it() -> None:
    found: list[Fence] = []
    with fenced(refuse):
        thread = threading.Thread(target=lambda: found.append(current_fence()))
        thread.start()
        thread.join()
        assert current_fence() is refuse
    assert found[0] is not refuse
