from __future__ import annotations

import numpy as np
import pytest

from dice_core.contact.lcp import minimum_translation, solve_lcp
from dice_core.contact.sheet_compliance import SheetCompliance
from dice_core.contact.soft_tissue import SoftTissue
from dice_core.contact.tissue.stiffness import HARDEST_DENT, SOFTEST_DENT, Tissue
from dice_core.contact.tissue_response import TissueResponse, contact_probability
from dice_core.errors import ShapeError
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import vertex_normals
from dice_core.geometry.rotations import rotation_matrices
from tests.core.contact_shapes import ball, sheet

RADIUS = 0.01
SHEET, SHEET_TRIANGLES = sheet()


@pytest.fixture(scope="module")
def soft() -> SoftTissue:
    return SoftTissue(Tissue.uniform(len(SHEET), 1.0), SHEET, SHEET_TRIANGLES)


def press(tissue: SoftTissue, depth: float, x: float = 0.0) -> tuple[TissueResponse, np.ndarray, np.ndarray]:
    vertices, triangles = ball(RADIUS, (x, 0, depth - RADIUS))
    return tissue.solve(SHEET, vertices, triangles), vertices, triangles


def test_normals_of_the_shapes_point_outwards() -> None:
    assert (vertex_normals(SHEET, SHEET_TRIANGLES)[:, 2] < -0.99).all()
    vertices, triangles = ball(1.0, (0, 0, 0))
    assert ((vertex_normals(vertices, triangles) * vertices).sum(axis=1) > 0.99).all()


@pytest.mark.parametrize("depth", [0.001, 0.004, 0.008])
def test_the_dent_is_as_deep_as_the_ball_is_in_the_sheet(soft: SoftTissue, depth: float) -> None:
    response, vertices, _ = press(soft, depth)
    middle = np.argmin(np.linalg.norm(SHEET, axis=1))
    assert response.deformation[middle, 2] == pytest.approx(depth, abs=5e-4)
    assert response.largest_indentation == pytest.approx(depth, abs=5e-4)
    assert np.abs(response.hand_shift).max() == 0
    inside = SurfaceIndex(SHEET + response.deformation, SHEET_TRIANGLES).query(vertices).distance.max()
    assert inside < 5e-4
    assert response.penetration_left == pytest.approx(max(inside, 0), abs=1e-4)


def test_the_dent_fades_and_is_exactly_zero_far_away(soft: SoftTissue) -> None:
    response, _, _ = press(soft, 0.006)
    depth, distance = response.deformation[:, 2], np.linalg.norm(SHEET[:, :2], axis=1)
    rings = [depth[(distance > r) & (distance < r + 0.003)].mean() for r in np.arange(0, 0.03, 0.003)]
    assert (np.diff(rings) < 0).all()
    slight, _, _ = press(soft, 0.0002)
    assert (slight.deformation[distance > 0.03] == 0).all()


def test_a_little_of_the_volume_rises_around_the_dent(soft: SoftTissue) -> None:
    response, _, _ = press(soft, 0.008)
    assert -0.004 < response.deformation[:, 2].min() < -1e-4


def test_the_dent_of_a_centred_ball_is_symmetric(soft: SoftTissue) -> None:
    field = press(soft, 0.006)[0].deformation.reshape(41, 41, 3)
    assert field[:, ::-1] * [-1, 1, 1] == pytest.approx(field, abs=1e-4)
    assert field[::-1] * [1, -1, 1] == pytest.approx(field, abs=1e-4)


def test_separated_surfaces_are_left_alone(soft: SoftTissue) -> None:
    for gap in (0.0005, 0.012, 0.5):
        response, _, _ = press(soft, -gap)
        assert (response.deformation == 0).all()
        assert (response.hand_shift == 0).all()
        assert response.largest_indentation == 0 == response.penetration_left
    assert response.head_contact.max() == 0 == response.hand_contact.max()


def test_contact_is_where_the_gap_is_small(soft: SoftTissue) -> None:
    response, vertices, _ = press(soft, 0.001)
    distance = np.linalg.norm(SHEET[:, :2], axis=1)
    assert (response.head_contact[distance < 0.002] > 0.95).all()
    assert (response.head_contact[distance > 0.025] == 0).all()
    assert response.hand_contact[np.argmax(vertices[:, 2])] > 0.95
    assert (response.hand_contact[vertices[:, 2] < -0.012] == 0).all()


def test_contact_probability_has_the_documented_values() -> None:
    depths = np.array([0.003, 0, -0.0035, -0.01, -0.02])
    assert contact_probability(depths) == pytest.approx([1, 1, 0.5, 0, 0], abs=0.01)
    assert (np.diff(contact_probability(np.linspace(-0.02, 0.01, 200))) >= 0).all()


def test_surfaces_that_face_the_same_way_do_not_touch(soft: SoftTissue) -> None:
    vertices, triangles = sheet(15, 0.03)
    response = soft.solve(SHEET, vertices + np.array([0, 0, 0.002]), triangles)
    assert (response.deformation == 0).all()
    assert response.head_contact.max() == 0


def test_bone_gives_way_little_and_pushes_the_hand_out() -> None:
    bone = SoftTissue(Tissue.uniform(len(SHEET), 0.0), SHEET, SHEET_TRIANGLES)
    response, vertices, _ = press(bone, 0.008)
    assert response.largest_indentation == pytest.approx(HARDEST_DENT, abs=4e-4)
    assert response.hand_shift == pytest.approx([0, 0, HARDEST_DENT - 0.008], abs=4e-4)
    skin = SurfaceIndex(SHEET + response.deformation, SHEET_TRIANGLES)
    assert skin.query(vertices + response.hand_shift).distance.max() < 0.003


def test_too_deep_in_soft_skin_pushes_the_hand_out_by_the_rest(soft: SoftTissue) -> None:
    response, _, _ = press(soft, 0.019)
    assert response.largest_indentation == pytest.approx(SOFTEST_DENT, abs=5e-4)
    assert response.hand_shift == pytest.approx([0, 0, SOFTEST_DENT - 0.019], abs=5e-4)


def test_nearly_the_same_input_gives_nearly_the_same_skin(soft: SoftTissue) -> None:
    for depth in np.arange(-0.0005, 0.009, 0.0007):
        first, _, _ = press(soft, depth)
        second, _, _ = press(soft, depth + 1e-4, x=1e-4)
        assert np.abs(first.deformation - second.deformation).max() < 3e-4
        assert np.abs(first.head_contact - second.head_contact).max() < 0.1


def test_the_answer_turns_with_the_head(soft: SoftTissue) -> None:
    response, vertices, triangles = press(soft, 0.005)
    rotation, translation = rotation_matrices(np.array([0.4, -1.1, 0.6])), np.array([0.1, -0.2, 0.7])
    turned = soft.solve(SHEET @ rotation.T + translation, vertices @ rotation.T + translation, triangles)
    assert turned.deformation == pytest.approx(response.deformation @ rotation.T, abs=2e-5)


def test_wrong_sizes_are_named(soft: SoftTissue) -> None:
    vertices, triangles = ball(RADIUS, (0, 0, 0))
    with pytest.raises(ShapeError, match="head_vertices"):
        soft.solve(SHEET[:-1], vertices, triangles)
    with pytest.raises(ShapeError, match="hand_vertices"):
        soft.solve(SHEET, vertices[:, :2], triangles)
    with pytest.raises(ShapeError, match="rest_vertices"):
        SoftTissue(Tissue.uniform(3), SHEET, SHEET_TRIANGLES)


def test_the_compliance_is_the_inverse_of_the_sheets_equation() -> None:
    """A uniform push over a uniform sheet moves it uniformly: only the bed resists, by area times stiffness."""
    every = np.arange(len(SHEET))
    response = SheetCompliance(SHEET, SHEET_TRIANGLES, np.full(len(SHEET), 3.0), every).responses(every)
    area = 0.12**2 / 40**2
    weights = np.outer([0.5, *[1] * 39, 0.5], [0.5, *[1] * 39, 0.5]).ravel()
    assert response @ (3.0 * area * weights) == pytest.approx(np.ones(len(SHEET)), abs=0.02)
    np.testing.assert_allclose(response, response.T, atol=1e-5 * response.max())
    assert response.diagonal().min() > 0


def test_a_response_does_not_depend_on_what_was_asked_for_before() -> None:
    stiffness, every = np.ones(len(SHEET)), np.arange(len(SHEET))
    pushed = np.array([840, 3, 1680, 841])
    fresh = SheetCompliance(SHEET, SHEET_TRIANGLES, stiffness, every)
    asked = SheetCompliance(SHEET, SHEET_TRIANGLES, stiffness, every)
    for vertex in (841, 10, 900):
        asked.responses(np.array([vertex]))
    assert np.array_equal(fresh.responses(pushed), asked.responses(pushed))
    assert np.array_equal(fresh.responses(pushed), fresh.responses(every)[pushed])


def test_coupled_sheets_move_together_and_uncoupled_ones_do_not() -> None:
    vertices, triangles = sheet(11, 0.03)
    count = len(vertices)
    both = np.concatenate([vertices, vertices + np.array([0, 0, 0.002])])
    faces = np.concatenate([triangles, triangles + count])
    pairs = np.stack([np.arange(count), np.arange(count) + count], axis=1)
    stiffness, active = np.ones(2 * count), np.arange(2 * count)
    middle = count // 2
    apart = SheetCompliance(both, faces, stiffness, active).responses(active)
    joined = SheetCompliance(both, faces, stiffness, active, (pairs, np.full(count, 10.0))).responses(active)
    assert apart[middle, middle + count] == 0
    assert joined[middle, middle + count] > 0.8 * joined[middle, middle]


def test_contact_forces_solve_the_complementarity_problem() -> None:
    random = np.random.default_rng(1)
    factor = random.normal(size=(40, 25))
    compliance, depth = factor @ factor.T, random.normal(size=40)
    force = solve_lcp(compliance, depth)
    softened = compliance + 0.02 * np.diag(np.diagonal(compliance))
    left = softened @ force - depth
    assert force.min() >= 0
    assert left.min() > -1e-6
    assert np.abs(force * left).max() < 1e-6
    assert (solve_lcp(compliance, -np.abs(depth)) == 0).all()


def test_the_minimum_translation_is_straight_for_one_wall_and_diagonal_for_two() -> None:
    wall, other = np.array([0.0, 0, -1]), np.array([1.0, 0, 0])
    assert minimum_translation(wall[None], np.array([-0.001])) == pytest.approx([0, 0, 0])
    assert minimum_translation(np.stack([wall] * 40), np.full(40, 0.004)) == pytest.approx([0, 0, -0.004], abs=1e-5)
    corner = minimum_translation(np.stack([wall, other] * 20), np.tile([0.004, 0.002], 20))
    assert corner == pytest.approx([0.002, 0, -0.004], abs=1e-5)
    assert minimum_translation(np.stack([wall, -wall]), np.array([0.004, 0.004])) == pytest.approx([0, 0, 0])
