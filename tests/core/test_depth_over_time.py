"""Distances over time: outliers left out, motion followed, touches kept, against known paths."""

from __future__ import annotations

import numpy as np

from dice_core.fitting.depth_over_time import depth_over_time

STILL = 0.03  # metres a second across the view of a body that hardly moves


def smoothed(
    measured: np.ndarray, noise: float, speed: float = STILL, fps: float = 30.0, surely: np.ndarray | None = None
) -> np.ndarray:
    count = len(measured)
    known = np.zeros(count, bool) if surely is None else surely
    deviation = np.where(known, 0.006, np.where(np.isfinite(measured), noise, np.inf))
    return depth_over_time(measured, deviation, known, np.full(count, speed), fps)


def test_jumps_of_a_still_hand_are_left_out_and_noise_is_averaged() -> None:
    rng = np.random.default_rng(1)
    measured = -0.1 + 0.03 * rng.standard_normal(60)
    measured[[20, 21, 40]] += [0.25, 0.2, -0.3]
    depth = smoothed(measured, 0.04)
    assert np.abs(depth + 0.1).max() < 0.02
    assert np.abs(np.diff(depth)).max() < 0.004


def test_a_hand_that_moves_is_followed_without_lag() -> None:
    fps = 30.0
    time = np.arange(45) / fps
    path = -0.3 + 0.3 * (1 / (1 + np.exp(-(time - 0.75) / 0.08)))  # three tenths of a metre in half a second
    depth = smoothed(path, 0.04, speed=1.0, fps=fps)
    assert np.abs(depth - path).max() < 0.025
    assert abs(np.interp(-0.15, depth, time) - 0.75) < 0.01


def test_a_touch_holds_its_depth_against_what_size_says_around_it() -> None:
    measured = np.full(40, -0.2)
    surely = np.zeros(40, bool)
    surely[15:25] = True
    measured[surely] = -0.1
    depth = smoothed(measured, 0.04, speed=0.5, surely=surely)
    assert np.abs(depth[17:23] + 0.1).max() < 0.004
    assert np.abs(depth[[0, -1]] + 0.2).max() < 0.02
    assert np.abs(np.diff(depth)).max() < 0.025


def test_frames_without_a_measurement_lie_between_their_neighbours() -> None:
    measured = np.linspace(-0.2, -0.1, 21)
    measured[8:13] = np.nan
    depth = smoothed(measured, 0.01)
    np.testing.assert_allclose(depth[8:13], np.linspace(-0.2, -0.1, 21)[8:13], atol=0.002)


def test_nothing_measured_and_single_frames_stay_as_they_are() -> None:
    values = np.array([-0.1, -0.2, -0.3])
    np.testing.assert_array_equal(depth_over_time(values, np.full(3, np.inf), values > 0, np.zeros(3), 30.0), values)
    np.testing.assert_array_equal(smoothed(values[:1], 0.04), values[:1])
    assert smoothed(values[:2], 0.04).shape == (2,)


def test_the_same_motion_is_smoothed_alike_at_every_frame_rate() -> None:
    def path(time: np.ndarray) -> np.ndarray:
        return -0.2 + 0.04 * np.sin(2 * np.pi * 0.8 * time)

    coarse, fine = np.arange(0, 2, 1 / 30), np.arange(0, 2, 1 / 60)
    first = smoothed(path(coarse), 0.03, speed=0.3, fps=30.0)
    second = smoothed(path(fine), 0.03, speed=0.3, fps=60.0)
    np.testing.assert_allclose(first[5:-5], second[::2][5:-5], atol=0.003)
