"""Touches over time: flicker goes, what lasts stays, at every frame rate."""

from __future__ import annotations

import numpy as np
import pytest

from dice_core.fitting.touch_over_time import REST_DEPTH, touch_over_time

RATES = [10.0, 24.0, 30.0, 60.0]


def decided(frames: list[int], fps: float, tracked: list[int] | None = None) -> list[int]:
    touching = np.array(frames, bool)
    there = np.ones(len(frames), bool) if tracked is None else np.array(tracked, bool)
    return touch_over_time(touching, np.zeros(len(frames)), ~there, there, fps)[0].astype(int).tolist()


def lasting(seconds: float, fps: float) -> list[int]:
    return [1] * round(seconds * fps)


@pytest.mark.parametrize("fps", RATES)
def test_a_short_break_is_none_and_a_long_one_stays(fps: float) -> None:
    touch, short, long = lasting(0.5, fps), [0] * round(0.14 * fps), [0] * round(0.3 * fps)
    assert decided([0, *touch, *short, *touch, 0], fps) == [0, *touch, *([1] * len(short)), *touch, 0]
    assert decided([0, *touch, *long, *touch, 0], fps) == [0, *touch, *long, *touch, 0]


@pytest.mark.parametrize("fps", RATES)
def test_a_touch_for_a_moment_is_none(fps: float) -> None:
    free, moment = [0] * round(fps), [1] * (round(0.08 * fps) - 1)
    assert decided([*free, *moment, *free], fps) == [0] * (2 * len(free) + len(moment))
    lasts = lasting(0.2, fps)
    assert decided([*free, *lasts, *free], fps) == [*free, *lasts, *free]


@pytest.mark.parametrize("fps", RATES)
def test_breaks_that_outnumber_the_touch_are_not_bridged(fps: float) -> None:
    break_ = max(round(0.15 * fps), 1)
    seldom = [0, *([1, *([0] * break_)] * 8)]
    bridged = max(2, round(0.08 * fps)) * [1]
    assert sum(decided(seldom, fps)) <= sum(seldom), "a hand that hovers and is taken to touch now and then"
    often = [0, *([*bridged, 0] * 8), 0]
    assert sum(decided(often, fps)) == len(often) - 3, "a hand that touches in most frames"


def test_ends_stay_because_nobody_knows_how_long_they_last() -> None:
    assert decided([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 24.0) == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert decided([1], 0.0) == [1], "a picture"


def test_a_hand_that_is_away_does_not_touch() -> None:
    assert decided([1, 1, 1, 0, 1, 1, 1], 24.0, [1, 1, 1, 0, 1, 1, 1]) == [1, 1, 1, 0, 1, 1, 1]


def test_the_depth_is_steady_and_carried_over_breaks() -> None:
    rng = np.random.default_rng(2)
    touching = np.ones(60, bool)
    touching[[20, 21, 40]] = False
    depth = np.where(touching, 0.004 + rng.normal(0, 0.001, 60), -0.05)
    touches, steady = touch_over_time(touching, depth, np.zeros(60, bool), np.ones(60, bool), 30.0)
    assert touches.all()
    assert steady == pytest.approx(0.004, abs=0.0012)
    assert np.abs(np.diff(steady, 2)).mean() < 0.2 * np.abs(np.diff(depth[:20], 2)).mean()


@pytest.mark.parametrize("count", [1, 12])
def test_a_hand_that_the_picture_keeps_away_does_not_touch(count: int) -> None:
    there = np.ones(count, bool)
    cases = ((-0.02, ~there, 0), (-0.02, there, count), (-0.03, there, 0), (-0.004, ~there, count))
    for depth, beside, expected in cases:
        touches, rests = touch_over_time(there, np.full(count, depth), beside, there, 24.0)
        assert touches.sum() == expected
        assert rests[touches] == pytest.approx(REST_DEPTH), "and comes to rest"
