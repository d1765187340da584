from __future__ import annotations

import numpy as np
import pytest

from dice_core.fitting.temporal_filter import (
    REACH,
    fill_gaps,
    interpolate,
    interpolate_rotation,
    smooth,
    smooth_rotation,
    smoothing_weights,
)
from dice_core.geometry.rotations import axis_angle, rotation_matrices

FPS = [15.0, 24.0, 30.0, 60.0, 120.0]


@pytest.mark.parametrize("fps", FPS)
def test_a_parabola_stays_what_it_is(fps: float) -> None:
    t = np.arange(40.0)
    values = np.stack([0.3 * t - 2, 0.02 * (t - 17) ** 2, -0.01 * t**2 + t], axis=1)
    smoothed = smooth(values, smoothing_weights(np.ones(40, bool), fps))
    # Within the clip to the ridge's share; at its ends, where half the window is missing, to a little more.
    assert smoothed[REACH:-REACH] == pytest.approx(values[REACH:-REACH], abs=2e-4 * np.ptp(values))
    assert smoothed == pytest.approx(values, abs=5e-3 * np.ptp(values))


def test_a_ramp_does_not_lag() -> None:
    t = np.arange(40.0)
    smoothed = smooth(t, smoothing_weights(np.ones(40, bool), 30.0))
    assert smoothed[REACH:-REACH] == pytest.approx(t[REACH:-REACH], abs=1e-9)


def test_noise_is_reduced_and_time_has_no_direction() -> None:
    noise = np.random.default_rng(0).normal(size=400)
    weights = smoothing_weights(np.ones(400, bool), 30.0)
    smoothed = smooth(noise, weights)
    assert np.abs(np.diff(smoothed)).mean() < 0.4 * np.abs(np.diff(noise)).mean()
    assert smooth(noise[::-1], weights)[::-1] == pytest.approx(smoothed)


def test_no_frame_sees_past_its_reach() -> None:
    weights = smoothing_weights(np.ones(60, bool), 120.0)
    frame = np.arange(60)
    assert not weights[np.abs(frame[:, None] - frame) > REACH].any()


def test_absence_parts_what_is_smoothed() -> None:
    measured = np.ones(20, bool)
    measured[9:11] = False
    values = np.where(np.arange(20) < 10, 0.0, 100.0)
    weights = smoothing_weights(measured, 30.0)
    smoothed = smooth(values, weights)
    assert smoothed[:9] == pytest.approx(0.0, abs=1e-9)
    assert smoothed[11:] == pytest.approx(100.0)
    assert not weights[9:11].any()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_stays_are_kept_in_place(count: int) -> None:
    measured = np.zeros(9, bool)
    measured[4 : 4 + count] = True
    values = np.full(9, 7.0)
    assert smooth(values, smoothing_weights(measured, 30.0))[measured] == pytest.approx(7.0)


def test_rotation_at_even_speed_past_a_half_turn_stays_what_it_is() -> None:
    axis = np.array([0.6, 0.0, 0.8])
    angle = np.linspace(2.0, 5.0, 30)
    rotation = axis_angle(rotation_matrices(angle[:, None] * axis))
    smoothed = smooth_rotation(rotation, smoothing_weights(np.ones(30, bool), 30.0))
    turn = rotation_matrices(rotation).transpose(0, 2, 1) @ rotation_matrices(smoothed)
    assert np.abs(axis_angle(turn)).max() < 2e-3
    assert np.abs(axis_angle(turn[REACH:-REACH])).max() < 1e-9


def test_gaps_up_to_the_longest_are_found() -> None:
    measured = np.array([0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0], bool)
    fill, before, after = fill_gaps(measured, 2)
    assert fill.tolist() == [2, 4, 5]
    assert before.tolist() == [1, 3, 3]
    assert after.tolist() == [3, 6, 6]
    for nothing in (np.zeros(5, bool), np.ones(5, bool), np.array([1, 0, 0, 0], bool)):
        assert [len(part) for part in fill_gaps(nothing, 2)] == [0, 0, 0]


def test_gaps_are_filled_on_a_line_and_along_the_shortest_turn() -> None:
    measured = np.array([1, 0, 0, 0, 1], bool)
    gaps = fill_gaps(measured, 3)
    values = np.array([[0.0, 1.0], [9, 9], [9, 9], [9, 9], [4.0, -1.0]])
    interpolate(values, *gaps)
    assert values == pytest.approx(np.stack([np.arange(5.0), 1 - np.arange(5.0) / 2], axis=1))
    rotation = np.zeros((5, 3))
    rotation[0, 2], rotation[4, 2] = 3.0, -3.0
    interpolate_rotation(rotation, *gaps)
    expected = 3.0 + np.arange(5) * (2 * np.pi - 6) / 4
    assert np.cos(rotation[:, 2]) == pytest.approx(np.cos(expected))
    assert np.sin(rotation[:, 2]) == pytest.approx(np.sin(expected))
