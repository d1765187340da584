from __future__ import annotations

import numpy as np
import pytest

from dice_core.geometry.rotations import axis_angle, rotation_matrices


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-7, 1e-3, 1.0, 3.0, np.pi - 1e-7])
def test_one_turn_by_itself_is_as_it_is_among_others(angle: float) -> None:
    axes = np.random.default_rng(0).normal(size=(50, 3))
    vectors = angle * axes / np.linalg.norm(axes, axis=1, keepdims=True)
    matrices = rotation_matrices(vectors)
    for vector, matrix, together in zip(vectors, matrices, axis_angle(matrices), strict=True):
        alone = axis_angle(matrix)
        assert alone == pytest.approx(together, abs=1e-14)
        assert alone == pytest.approx(vector, abs=1e-8)
        assert rotation_matrices(vector) == pytest.approx(matrix, abs=1e-14)


@pytest.mark.parametrize("axis", range(3))
def test_half_turns_keep_their_axis(axis: int) -> None:
    vector = np.zeros(3)
    vector[axis] = np.pi
    assert axis_angle(rotation_matrices(vector)) == pytest.approx(vector)
