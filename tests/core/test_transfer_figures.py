"""The figures that transfers are measured by: what lies inside an open head, and what made keys explain."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from transfer.figures import INSIDE, as_mixtures, key_figures, winding_numbers, with_gains

CORNERS = np.array([[x, y, z] for x in (-1.0, 1) for y in (-1.0, 1) for z in (-1.0, 1)])
SIDES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))


def box(sides: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """(m, 3, 3) corners of the triangles of some sides, outward."""
    return np.array([CORNERS[[a, b, c]] for s in sides for a, b, c in ((s[0], s[1], s[2]), (s[0], s[2], s[3]))])


def test_a_closed_surface_winds_once_around_what_is_inside() -> None:
    rng = np.random.default_rng(1)
    inside, outside = rng.uniform(-0.99, 0.99, (40, 3)), rng.uniform(1.01, 3, (40, 3)) * rng.choice([-1, 1], (40, 3))
    assert winding_numbers(box(SIDES), inside) == pytest.approx(1)
    assert winding_numbers(box(SIDES), outside) == pytest.approx(0, abs=1e-12)
    assert winding_numbers(box(SIDES)[:, ::-1], inside) == pytest.approx(-1)


def test_an_open_side_takes_its_share_of_what_is_around() -> None:
    (middle, beyond) = winding_numbers(box(SIDES[1:]), np.array([[0, 0, 0], [-3.0, 0, 0]]))
    assert middle == pytest.approx(5 / 6)
    assert beyond < INSIDE < middle


def test_keys_that_differ_in_strength_or_in_what_is_which_are_told_from_others() -> None:
    rng = np.random.default_rng(2)
    made = rng.normal(size=(3, 50, 3))
    assert key_figures(made, made) == pytest.approx(1)
    assert key_figures(np.zeros_like(made), made) == pytest.approx(0)
    stronger = made * np.array([0.5, 1, 2])[:, None, None]
    assert key_figures(made, stronger) < 0.9
    assert key_figures(with_gains(made, stronger), stronger) == pytest.approx(1)
    exchanged = made[[1, 0, 2]] + 0.3 * made
    assert key_figures(with_gains(made, exchanged), exchanged) < 0.6
    assert key_figures(as_mixtures(made, exchanged), exchanged) == pytest.approx(1)
    other = rng.normal(size=(3, 50, 3))
    assert key_figures(as_mixtures(made, other), other) < 0.2
