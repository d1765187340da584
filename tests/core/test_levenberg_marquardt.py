from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from dice_core.fitting.levenberg_marquardt import Quadratic, cross_matrices, minimise, retract, robust_cost
from dice_core.geometry.rotations import rotation_matrices

FREE = np.full(3, np.inf)


def test_cross_matrices() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 7, 3))
    assert np.einsum("nij,nj->ni", cross_matrices(a), b) == pytest.approx(np.cross(a, b))


def test_rotation_is_turned_from_the_left() -> None:
    x, step = np.array([0.4, -0.2, 1.1, 5.0]), np.array([0.0, 0.3, 0.0, -1.0])
    moved = retract(x, step)
    assert rotation_matrices(moved[:3]) == pytest.approx(rotation_matrices(step[:3]) @ rotation_matrices(x[:3]))
    assert moved[3] == 4.0


@pytest.mark.parametrize("start", [[0.0, 0.0, 0.0], [0.5, -1.0, 0.2], [3.0, 0.9, 0.0], [0.0, 0.0, -3.14]])
@pytest.mark.parametrize("turn", [[0.0, 0.0, 0.0], [1e-9, 0.0, 0.0], [0.3, 0.2, -0.1], [0.0, 2.5, 1.0]])
def test_turns_follow_one_another_as_matrices_do(start: list[float], turn: list[float]) -> None:
    moved = retract(np.array(start), np.array(turn))
    expected = rotation_matrices(np.array(turn)) @ rotation_matrices(np.array(start))
    np.testing.assert_allclose(rotation_matrices(moved), expected, atol=1e-12)
    assert np.linalg.norm(moved) <= np.pi + 1e-12


def test_bounded_least_squares_is_that_of_scipy() -> None:
    random = np.random.default_rng(3)
    for _ in range(5):
        matrix, aim = random.normal(size=(30, 6)), random.normal(size=30) * 3
        lower, upper = np.full(6, -0.2), np.full(6, 0.3)
        expected = lsq_linear(matrix, aim, (lower, upper), tol=1e-12).x
        assert (expected < -0.2 + 1e-6).any() or (expected > 0.3 - 1e-6).any()

        def evaluate(x: np.ndarray, matrix: np.ndarray = matrix, aim: np.ndarray = aim) -> Quadratic:
            terms = Quadratic.zero(9)
            terms.add(matrix @ x[3:] - aim, np.concatenate([np.zeros((30, 3)), matrix], axis=1))
            return terms

        x, cost = minimise(
            evaluate,
            np.zeros(9),
            np.concatenate([-FREE, lower]),
            np.concatenate([FREE, upper]),
            iterations=100,
            tolerance=1e-14,
        )
        assert x[3:] == pytest.approx(expected, abs=1e-5)
        assert cost == pytest.approx(((matrix @ expected - aim) ** 2).sum(), rel=1e-8)


def test_the_cost_alone_leads_the_same_way() -> None:
    matrix, aim = np.random.default_rng(4).normal(size=(20, 5)), np.linspace(-2, 2, 20)
    evaluated = []

    def evaluate(x: np.ndarray) -> Quadratic:
        evaluated.append(x)
        terms = Quadratic.zero(5)
        terms.add_robust((matrix @ x - aim)[:, None], matrix[:, None], 0.5)
        return terms

    def cost(x: np.ndarray) -> float:
        return robust_cost((matrix @ x - aim)[:, None], 0.5)

    bound = np.array([np.inf, np.inf, np.inf, 0.1, 0.1])
    expected = minimise(evaluate, np.zeros(5), -bound, bound, iterations=6, tolerance=1e-9)
    often = len(evaluated)
    found = minimise(evaluate, np.zeros(5), -bound, bound, iterations=6, tolerance=1e-9, cost=cost)
    assert found[0] == pytest.approx(expected[0], abs=1e-9)
    assert found[1] == pytest.approx(expected[1])
    assert len(evaluated) - often < often


def test_a_start_outside_the_bounds_is_brought_in() -> None:
    def evaluate(x: np.ndarray) -> Quadratic:
        terms = Quadratic.zero(4)
        terms.add_diagonal(3, x[3:] - 5.0, 1.0)
        return terms

    x, _ = minimise(evaluate, np.array([0, 0, 0, -7.0]), np.append(-FREE, 0), np.append(FREE, 2), iterations=10)
    assert x[3] == 2.0


@pytest.mark.parametrize("turn", [[0.0, 0.0, 0.0], [1.2, -0.7, 0.4], [0.0, 3.0, 0.0]])
def test_rotation_and_translation_between_point_sets(turn: list[float]) -> None:
    points = np.random.default_rng(1).normal(size=(20, 3))
    rotation, translation = rotation_matrices(np.array(turn)), np.array([0.3, -1.0, 2.0])
    aim = points @ rotation.T + translation

    def evaluate(x: np.ndarray) -> Quadratic:
        turned = points @ rotation_matrices(x[:3]).T
        jacobian = np.concatenate([-cross_matrices(turned), np.tile(np.eye(3), (20, 1, 1))], axis=2)
        terms = Quadratic.zero(6)
        terms.add((turned + x[3:] - aim).ravel(), jacobian.reshape(-1, 6))
        return terms

    bound = np.full(6, np.inf)
    x, cost = minimise(evaluate, np.zeros(6), -bound, bound, iterations=60, tolerance=1e-12)
    assert cost < 1e-12
    assert rotation_matrices(x[:3]) == pytest.approx(rotation, abs=1e-6)
    assert x[3:] == pytest.approx(translation, abs=1e-6)


def test_steps_stay_within_the_largest() -> None:
    visited: list[np.ndarray] = []

    def evaluate(x: np.ndarray) -> Quadratic:
        visited.append(x.copy())
        terms = Quadratic.zero(4)
        terms.add_diagonal(3, x[3:] - 1.0, 10.0)
        return terms

    bound = np.full(4, np.inf)
    minimise(evaluate, np.zeros(4), -bound, bound, iterations=3, largest_step=0.1)
    assert [x[3] for x in visited] == pytest.approx([0.0, 0.1, 0.2, 0.3])


def test_terms_have_the_gradient_of_their_cost() -> None:
    random = np.random.default_rng(5)
    matrix, aim = random.normal(size=(8, 3, 5)), random.normal(size=(8, 3)) * 2
    precision = matrix[0].T @ matrix[0]

    def evaluate(x: np.ndarray) -> Quadratic:
        terms = Quadratic.zero(5)
        terms.add_robust(matrix @ x - aim, matrix, 0.7)
        terms.add_diagonal(1, x[1:3] - 0.3, np.array([2.0, 3.0]))
        terms.add_precision(0, x - 0.1, precision)
        return terms

    x = random.normal(size=5)
    step = 1e-6 * np.eye(5)
    numeric = [(evaluate(x + row).cost - evaluate(x - row).cost) / 2e-6 for row in step]
    # The solver's gradient is half of the cost's, as the matrix is half of its curvature.
    assert 2 * evaluate(x).gradient == pytest.approx(numeric, rel=1e-5, abs=1e-6)


def test_robust_terms_grow_linearly_for_outliers() -> None:
    def cost(size: float) -> float:
        terms = Quadratic.zero(1)
        terms.add_robust(np.array([[size, 0.0]]), np.zeros((1, 2, 1)), 0.5)
        return terms.cost

    assert cost(0.01) == pytest.approx(0.0001, rel=1e-3)
    assert cost(200.0) - cost(100.0) == pytest.approx(cost(300.0) - cost(200.0), rel=1e-3)
