from __future__ import annotations

import numpy as np
import pytest

from dice_core.fitting.head_fit import HeadPose
from dice_core.fitting.head_view import HeadView

POSE = HeadPose(np.zeros(3), np.zeros(3), np.zeros(52))


@pytest.fixture
def disc() -> HeadView:
    """A disc of radius 20 cells about cell (40, 30), 0.5 m away, in a picture of a quarter of the footage's size."""
    row, column = np.mgrid[:60, :80]
    front = np.where(np.hypot(column - 40, row - 30) <= 20, 0.5, np.inf)
    return HeadView(POSE, front, 0.25)


def footage(column: float, row: float) -> np.ndarray:
    """The footage's pixel at the middle of a cell."""
    return np.array([(column + 0.5) * 4 - 0.5, (row + 0.5) * 4 - 0.5])


def test_the_front_is_found_under_the_same_place_of_the_footage(disc: HeadView) -> None:
    pixels = np.array([footage(40, 30), footage(59, 30), footage(62, 30), [-5.0, 3.0], [4000.0, 100.0]])
    assert disc.front_at(pixels).tolist() == [0.5, 0.5, np.inf, np.inf, np.inf]


@pytest.mark.parametrize(("column", "row"), [(40, 30), (50, 30), (40, 45), (70, 30), (40, 55), (75, 55)])
def test_the_distance_to_the_outline_is_positive_inside(disc: HeadView, column: int, row: int) -> None:
    expected = (20 - np.hypot(column - 40, row - 30)) * 4
    assert disc.outline_at(footage(column, row)) == pytest.approx(expected, abs=5)


def test_the_outline_goes_on_beyond_the_picture(disc: HeadView) -> None:
    assert disc.outline_at(footage(140, 30)) == pytest.approx(-80 * 4, rel=0.05)


def test_many_hands_at_once(disc: HeadView) -> None:
    pixels = np.random.default_rng(0).uniform(0, 300, (3, 21, 2))
    assert disc.outline_at(pixels).shape == (3, 21)
    assert disc.front_at(pixels)[1].tolist() == disc.front_at(pixels[1]).tolist()


def test_the_outline_is_the_same_wherever_it_lies_in_memory(disc: HeadView) -> None:
    """Bit by bit: distances are square roots of whole numbers, whatever OpenCV's last bit is."""
    row, column = np.mgrid[:60, :80]
    on = np.argwhere(np.isfinite(disc.front))
    off = np.argwhere(~np.isfinite(disc.front))
    cells = np.stack([row, column], axis=-1).reshape(-1, 2)
    inside, outside = (((cells[:, None] - part) ** 2).sum(axis=2).min(axis=1) for part in (off, on))
    expected = np.sqrt(inside.astype(np.float32)) - np.sqrt(outside.astype(np.float32))
    held = []
    for size in range(1, 40):
        held.append(np.zeros(97 * size))  # what is allocated next lies elsewhere
        again = HeadView(POSE, disc.front.copy(), 0.25)
        assert np.array_equal(again._outline.ravel(), expected)
