"""Smoothing that follows motion: as still as before where nothing moves, on the spot where something does."""

from __future__ import annotations

import numpy as np
import pytest

from dice_core.fitting.adaptive_filter import adaptive_smooth, adaptive_smooth_rotation
from dice_core.fitting.temporal_filter import reach, smooth, smoothing_weights
from dice_core.geometry.rotations import axis_angle, rotation_matrices

NOISE = 0.01
RATES = [24.0, 30.0, 60.0, 120.0]


def smoothed(values: np.ndarray, fps: float, noise: float = NOISE) -> np.ndarray:
    return adaptive_smooth(values[:, None, None], np.ones(len(values), bool), fps, noise)[:, 0, 0]


@pytest.mark.parametrize("fps", RATES)
def test_what_is_still_is_as_still_as_with_the_widest_window(fps: float) -> None:
    rng = np.random.default_rng(1)
    noisy = rng.normal(0, NOISE, round(8 * fps))
    wide = smooth(noisy, smoothing_weights(np.ones(len(noisy), bool), fps))
    jitter, least = (np.abs(np.diff(values, 2)).mean() for values in (smoothed(noisy, fps), wide))
    assert jitter < 1.25 * least
    assert smoothed(noisy, fps).std() < 1.1 * wide.std()


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("hertz", [1.0, 2.0, 3.0])
def test_fast_movements_keep_their_height(fps: float, hertz: float) -> None:
    t = np.arange(round(4 * fps)) / fps
    rng = np.random.default_rng(2)
    movement = np.sin(2 * np.pi * hertz * t)
    found = smoothed(movement + rng.normal(0, NOISE, len(t)), fps)
    inner = slice(reach(fps), -reach(fps))
    gain = found[inner] @ movement[inner] / (movement[inner] @ movement[inner])
    assert gain == pytest.approx(1.0, abs=0.02)
    assert np.abs(found - movement)[inner].max() < 6 * NOISE


def test_a_step_is_no_slope() -> None:
    """A hand that jumps to another place within a frame is neither early nor late."""
    values = np.repeat([0.0, 1.0], 40)
    assert np.abs(smoothed(values, 30.0) - values).max() < 0.02


def test_a_group_is_judged_as_a_whole() -> None:
    """A channel that is still follows its own values while the one beside it moves: both are one point's."""
    rng = np.random.default_rng(3)
    noisy = np.stack([np.sin(np.arange(120) / 3), np.zeros(120)], axis=1) + rng.normal(0, NOISE, (120, 2))
    together = adaptive_smooth(noisy[:, None], np.ones(120, bool), 30.0, NOISE)[:, 0, 1]
    apart = smoothed(noisy[:, 1], 30.0)
    assert np.abs(np.diff(together, 2)).mean() > 2 * np.abs(np.diff(apart, 2)).mean()


def test_absent_rows_neither_change_nor_count() -> None:
    values = np.sin(np.arange(60) / 9.0)
    measured = np.ones(60, bool)
    measured[20:30] = False
    values[20:30] = 100.0
    found = adaptive_smooth(values[:, None, None], measured, 30.0, NOISE)[:, 0, 0]
    assert (found[20:30] == 100.0).all()
    assert np.abs(found[measured]).max() < 1.1


def test_rows_depend_on_their_surroundings_alone() -> None:
    rng = np.random.default_rng(4)
    values = np.cumsum(rng.normal(0, 0.1, 200))
    near = reach(30.0)
    whole, part = smoothed(values, 30.0), smoothed(values[60:140], 30.0)
    np.testing.assert_allclose(part[near:-near], whole[60 + near : 140 - near], atol=1e-12)


def test_fast_turns_keep_their_angle() -> None:
    rng = np.random.default_rng(5)
    angle = np.pi + 1.2 * np.sin(2 * np.pi * 2.0 * np.arange(120) / 30.0)
    axis = np.array([0.6, 0.0, 0.8])
    noisy = axis_angle(rotation_matrices(angle[:, None] * axis) @ rotation_matrices(rng.normal(0, NOISE, (120, 3))))
    found = adaptive_smooth_rotation(noisy, np.ones(120, bool), 30.0, NOISE)
    error = axis_angle(np.swapaxes(rotation_matrices(angle[:, None] * axis), 1, 2) @ rotation_matrices(found))
    assert np.linalg.norm(error, axis=1).max() < 6 * NOISE


def test_a_still_turn_is_still() -> None:
    rng = np.random.default_rng(6)
    noisy = rng.normal(0, NOISE, (240, 3)) + np.array([3.0, 0.2, 0.1])
    found = adaptive_smooth_rotation(noisy, np.ones(240, bool), 30.0, NOISE)
    assert np.abs(np.diff(found, 2, axis=0)).mean() < 0.1 * np.abs(np.diff(noisy, 2, axis=0)).mean()
