"""Fast hands do not touch: speeds of known motions at every frame rate, and what is made of them."""

from __future__ import annotations

import numpy as np
import pytest

from dice_core.fitting.touch_speed import may_touch, speed_across

RATES = [10.0, 24.0, 30.0, 60.0, 240.0]
HEAD = np.array([0.1, 0.0, 1.2])


def moving(velocity: float, frames: int, fps: float, distance: float = 1.0) -> np.ndarray:
    """(frames, 3) places of a hand that moves sideways at `velocity`, metres a second."""
    return np.array([0.0, 0.1, distance]) + np.arange(frames)[:, None] / fps * np.array([velocity, 0.0, 0.0])


def speed(hand: np.ndarray, head: np.ndarray, fps: float, known: np.ndarray | None = None) -> np.ndarray:
    there = np.ones(len(hand), bool) if known is None else known
    return speed_across(hand, np.broadcast_to(head, hand.shape), there, fps)


@pytest.mark.parametrize("fps", RATES)
def test_the_speed_is_that_of_the_motion_at_the_heads_distance(fps: float) -> None:
    assert speed(moving(0.6, 40, fps, HEAD[2]), HEAD, fps) == pytest.approx(0.6)
    assert speed(moving(0.6, 40, fps, HEAD[2] / 2), HEAD, fps) == pytest.approx(1.2)
    along_the_view = moving(0.0, 40, fps) * np.linspace(1.0, 0.8, 40)[:, None]
    assert speed(along_the_view, HEAD, fps) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("fps", RATES)
def test_a_hand_that_moves_with_the_head_is_still(fps: float) -> None:
    hand = moving(0.6, 40, fps, HEAD[2])
    assert speed(hand, hand + np.array([0.0, 0.1, 0.0]), fps) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("fps", RATES)
def test_a_hand_is_still_from_the_frame_in_which_it_arrives(fps: float) -> None:
    comes = moving(0.8, 30, fps)
    hand = np.concatenate([comes, np.repeat(comes[-1:], 30, axis=0), comes[::-1]])
    assert speed(hand, HEAD, fps)[29:60] == pytest.approx(0.0, abs=1e-9)
    assert (speed(hand, HEAD, fps)[10:20] > 0.5).all()


def test_what_is_not_known_is_not_fast() -> None:
    hand = moving(3.0, 9, 24.0)
    known = np.array([1, 0, 1, 0, 1, 1, 1, 0, 1], bool)
    hand[~known] = 0.0
    found = speed(hand, HEAD, 24.0, known)
    assert found[[0, 1, 2, 3, 7, 8]] == pytest.approx(0.0)
    assert (found[4:7] > 3.0).all()
    assert speed(hand[:1], HEAD, 0.0) == pytest.approx(0.0), "a picture"


def test_what_looks_sure_may_be_faster() -> None:
    speeds = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 1.0])
    likely, sure = np.full(len(speeds), 0.5), np.full(len(speeds), 0.95)
    assert may_touch(likely, speeds).tolist() == [True, True, True, False, False, False, False]
    assert may_touch(sure, speeds).tolist() == [True, True, True, True, True, False, False]
    assert may_touch(np.array([0.21, 0.19, 1.0]), np.zeros(3)).tolist() == [True, False, True]
