"""Of two hands at a face, the one that lies on the other."""

from __future__ import annotations

import numpy as np
import pytest

from dice_core.fitting.hand_on_hand import covered_share, upper_hand

SQUARE = np.array([[0, 0], [100, 0], [100, 100], [0, 100], *([[50, 50]] * 17)], float)


def test_the_share_of_touching_parts_before_the_other_hand_is_weighted() -> None:
    pixels = np.array([[10.0, 10.0], [90.0, 20.0], [150.0, 50.0], [-5.0, 5.0]])
    assert covered_share(pixels, np.array([1.0, 1.0, 1.0, 1.0]), SQUARE) == 0.5
    assert covered_share(pixels, np.array([3.0, 3.0, 1.0, 1.0]), SQUARE) == 0.75
    assert covered_share(pixels[:0], np.zeros(0), SQUARE) == 0.0


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(1, 0, 0), (0, 1, 1), (0.2, 0.84, 1), (0.57, 0.38, 0), (0.3, 0.1, None), (0.6, 0.55, None), (0, 0, None)],
)
def test_the_hand_all_of_whose_touches_are_covered_lies_on_the_other(
    first: float, second: float, expected: int | None
) -> None:
    assert upper_hand(first, second) == expected
