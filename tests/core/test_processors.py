"""How the parts of a capture share the processors."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import cv2
import pytest

from dice_core import processors
from dice_core.processors import shared_processors


@pytest.fixture(autouse=True)
def four_threads() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(4)
    yield
    cv2.setNumThreads(before)


@pytest.mark.parametrize(("count", "threads"), [(1, 1), (2, 1), (3, 1), (4, 2), (6, 4), (32, 4)])
def test_networks_leave_two_processors_and_take_no_more_than_they_had(
    monkeypatch: pytest.MonkeyPatch, count: int, threads: int
) -> None:
    monkeypatch.setattr(processors, "processor_count", lambda: count)
    with shared_processors():
        assert cv2.getNumThreads() == threads
    assert cv2.getNumThreads() == 4


def test_settings_of_the_process_are_put_back_whatever_happens() -> None:
    interval = sys.getswitchinterval()
    inside = []
    with contextlib.suppress(KeyError), shared_processors():
        inside.append(sys.getswitchinterval())
        raise KeyError
    assert inside[0] < interval
    assert sys.getswitchinterval() == interval
    assert cv2.getNumThreads() == 4
