"""Work done ahead in a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from dice_core.prefetch import in_background, prefetch


def counting(seen: list[int], stop: int = 1000) -> Iterator[int]:
    for number in range(stop):
        seen.append(number)
        yield number


def test_items_come_in_order_from_another_thread() -> None:
    threads = set()

    def items() -> Iterator[int]:
        for number in range(50):
            threads.add(threading.get_ident())
            yield number

    assert list(prefetch(items(), 3, "numbers")) == list(range(50))
    assert threads
    assert threading.get_ident() not in threads


def test_it_runs_ahead_no_further_than_told_and_ends_when_closed() -> None:
    seen: list[int] = []
    ahead = prefetch(counting(seen), 4, "numbers")
    assert next(ahead) == 0
    ahead.close()
    # One item was handed out, four wait, and one may be in the thread's hand.
    assert len(seen) <= 6
    assert not [thread for thread in threading.enumerate() if thread.name == "numbers"]


def test_errors_are_raised_where_the_items_are_used() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise KeyError("broken")

    ahead = prefetch(failing(), 4, "numbers")
    assert next(ahead) == 1
    with pytest.raises(KeyError, match="broken"):
        next(ahead)


def test_it_begins_before_it_is_asked_and_ends_unasked() -> None:
    begun = threading.Event()

    def items() -> Iterator[int]:
        begun.set()
        yield from range(1000)

    ahead = prefetch(items(), 4, "unasked")
    assert begun.wait(10)
    ahead.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "unasked"]


def test_work_in_the_background_is_done_in_another_thread() -> None:
    assert in_background(threading.get_ident, "elsewhere").result() != threading.get_ident()


def test_an_error_in_the_background_is_raised_where_the_result_is_asked_for() -> None:
    def fail() -> int:
        raise ValueError("no such number")

    failed = in_background(fail, "elsewhere")
    with pytest.raises(ValueError, match="no such number"):
        failed.result()
