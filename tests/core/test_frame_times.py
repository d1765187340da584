"""Frame rates and times from what containers say."""

from __future__ import annotations

import numpy as np
import pytest

from dice_core.media.footage import DEFAULT_FPS
from dice_core.media.frame_times import frame_times


@pytest.mark.parametrize("rate", [23.976, 25.0, 29.97, 59.94, 240.0])
def test_even_stamps_give_the_announced_rate(rate: float) -> None:
    times = frame_times([7 + k / rate for k in range(50)], [rate])
    assert times.even
    assert times.fps == rate
    np.testing.assert_allclose(times.seconds, np.arange(50) / rate)


def test_clocks_of_milliseconds_are_even() -> None:
    times = frame_times([round(1000 * k / 29.97) / 1000 for k in range(300)], [29.97])
    assert (times.even, times.fps) == (True, 29.97)


def test_drift_against_the_announced_rate_gives_the_mean_rate() -> None:
    """A phone announces 30 and films 29.9: after ten seconds the frames are a whole one late."""
    times = frame_times([k / 29.9 for k in range(600)], [30.0])
    assert times.even
    assert times.fps == pytest.approx(29.9)


def test_dropped_frames_leave_holes() -> None:
    kept = [k for k in range(100) if k not in (40, 41, 42)]
    times = frame_times([round(1000 * k / 24) / 1000 for k in kept], [24.0, 23.3])
    assert not times.even
    assert times.fps == 24.0, "the clock's rounding makes no rate of 23.8"
    np.testing.assert_allclose(times.seconds * 24, kept, atol=0.02)


def test_an_announced_clock_is_no_rate() -> None:
    times = frame_times([k / 25 for k in range(10)], [1000.0])
    assert times.even
    assert times.fps == pytest.approx(25)


@pytest.mark.parametrize("stamps", [[None] * 5, [0.0, None, 0.2], [0.0, 0.2, 0.1], [0.0, 0.0, 0.1], [3.0]])
def test_stamps_that_cannot_be_are_not_believed(stamps: list[float | None]) -> None:
    times = frame_times(stamps, [30.0])
    assert (times.even, times.fps, len(times.seconds)) == (True, 30.0, len(stamps))


def test_nothing_is_known() -> None:
    assert frame_times([None, None], [0.0, 90000.0]).fps == DEFAULT_FPS
