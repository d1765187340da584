from __future__ import annotations

import numpy as np
import pytest

from dice_core.fitting.temporal_filter import (
    BLINK_SECONDS,
    EXPRESSION_SECONDS,
    SMOOTHING_SECONDS,
    fill_gaps,
    interpolate,
    interpolate_rotation,
    longest_gap,
    reach,
    smooth,
    smooth_rotation,
    smoothing_weights,
)
from dice_core.geometry.rotations import axis_angle, rotation_matrices

FPS = [15.0, 24.0, 30.0, 60.0, 120.0, 240.0]
WIDTHS = [SMOOTHING_SECONDS, EXPRESSION_SECONDS, BLINK_SECONDS]


def gain(fps: float, seconds: float, hertz: float) -> float:
    """What smoothing leaves of the amplitude of an even oscillation."""
    middle = reach(fps)
    weights = smoothing_weights(np.ones(2 * middle + 1, bool), fps, seconds)[middle]
    return float(weights @ np.cos(2 * np.pi * hertz * (np.arange(2 * middle + 1) - middle) / fps))


@pytest.mark.parametrize("fps", [23.976, 24.0, 29.97, 30.0, 60.0, 120.0, 240.0])
@pytest.mark.parametrize("seconds", WIDTHS)
@pytest.mark.parametrize("hertz", [0.5, 1.0, 2.0, 3.0, 4.0, 6.0])
def test_a_movement_is_smoothed_alike_at_every_frame_rate(fps: float, seconds: float, hertz: float) -> None:
    """Against 960 frames a second, where the window is as good as continuous."""
    assert gain(fps, seconds, hertz) == pytest.approx(gain(960.0, seconds, hertz), abs=0.06)


@pytest.mark.parametrize("fps", FPS[1:])
def test_poses_expressions_and_blinks_stay_apart(fps: float) -> None:
    """An oscillation of 2 Hz: blinks keep it, poses lose some of it, expressions most."""
    pose, expression, blink = (gain(fps, seconds, 2.0) for seconds in WIDTHS)
    assert blink > 0.98
    assert 0.66 < pose < 0.72
    assert 0.57 < expression < 0.64


@pytest.mark.parametrize("fps", FPS)
def test_reach_and_longest_gap_are_times_not_frames(fps: float) -> None:
    assert reach(fps) / fps == pytest.approx(1 / 3, abs=0.5 / fps)
    assert longest_gap(fps) / fps == pytest.approx(0.27, abs=0.5 / fps)
    assert longest_gap(fps) <= reach(fps)


def test_reach_at_the_rates_of_films_and_of_no_rate() -> None:
    assert [reach(fps) for fps in (23.976, 24.0, 25.0, 30.0, 60.0)] == [8, 8, 8, 10, 20]
    assert reach(0.0) == 1


def test_the_window_at_24_frames_a_second() -> None:
    """Weights of a frame and of those after it, as they were when all constants were chosen."""
    expected = {
        SMOOTHING_SECONDS: [0.19802, 0.18162, 0.13876, 0.08481, 0.03615, 0.00293, -0.01319, -0.01660, -0.01348],
        EXPRESSION_SECONDS: [0.17543, 0.16467, 0.13530, 0.09487, 0.05277, 0.01706, -0.00764, -0.02063, -0.02413],
        BLINK_SECONDS: [0.59837, 0.24197, -0.02698, -0.01329, -0.00087, -0.00002, 0, 0, 0],
    }
    for seconds, values in expected.items():
        weights = smoothing_weights(np.ones(17, bool), 24.0, seconds)[8]
        assert weights[8:] == pytest.approx(values, abs=6e-6)
        assert weights[::-1] == pytest.approx(weights)


@pytest.mark.parametrize("fps", [0.0, 1.0, 5.0])
def test_frames_far_apart_in_time_are_hardly_smoothed(fps: float) -> None:
    noise = np.random.default_rng(1).normal(size=20)
    assert smooth(noise, smoothing_weights(np.ones(20, bool), fps, BLINK_SECONDS)) == pytest.approx(noise, abs=1e-3)


@pytest.mark.parametrize("fps", FPS)
def test_a_parabola_stays_what_it_is(fps: float) -> None:
    frames = reach(fps)
    t = np.linspace(0, 40, 5 * frames)
    values = np.stack([0.3 * t - 2, 0.02 * (t - 17) ** 2, -0.01 * t**2 + t], axis=1)
    smoothed = smooth(values, smoothing_weights(np.ones(len(t), bool), fps))
    # Within the clip to the ridge's share; at its ends, where half the window is missing, to a little more.
    assert smoothed[frames:-frames] == pytest.approx(values[frames:-frames], abs=2e-4 * np.ptp(values))
    assert smoothed == pytest.approx(values, abs=5e-3 * np.ptp(values))


def test_a_ramp_does_not_lag() -> None:
    t = np.arange(40.0)
    smoothed = smooth(t, smoothing_weights(np.ones(40, bool), 30.0))
    assert smoothed[10:-10] == pytest.approx(t[10:-10], abs=1e-9)


def test_noise_is_reduced_and_time_has_no_direction() -> None:
    noise = np.random.default_rng(0).normal(size=400)
    weights = smoothing_weights(np.ones(400, bool), 30.0)
    smoothed = smooth(noise, weights)
    assert np.abs(np.diff(smoothed)).mean() < 0.4 * np.abs(np.diff(noise)).mean()
    assert smooth(noise[::-1], weights)[::-1] == pytest.approx(smoothed)


@pytest.mark.parametrize("fps", FPS)
def test_no_frame_depends_on_others_past_its_reach(fps: float) -> None:
    count = 3 * reach(fps)
    weights = smoothing_weights(np.ones(count, bool), fps)
    frame = np.arange(count)
    assert not weights[np.abs(frame[:, None] - frame) > reach(fps)].any()


def test_frames_on_both_sides_of_an_absence_are_smoothed_apart() -> None:
    measured = np.ones(20, bool)
    measured[9:11] = False
    values = np.where(np.arange(20) < 10, 0.0, 100.0)
    weights = smoothing_weights(measured, 30.0)
    smoothed = smooth(values, weights)
    assert smoothed[:9] == pytest.approx(0.0, abs=1e-9)
    assert smoothed[11:] == pytest.approx(100.0)
    assert not weights[9:11].any()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_short_appearance_keeps_its_value(count: int) -> None:
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
    assert np.abs(axis_angle(turn[10:-10])).max() < 1e-9


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
