"""The real hand's index finger against the real head."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from dice_core.bodies import load_hand, load_head
from dice_core.contact.settling import CLEARANCE, clearing_shift, settling_shift
from dice_core.contact.soft_tissue import SoftTissue
from dice_core.contact.tissue.stiffness import head_tissue
from dice_core.contact.tissue_response import TissueResponse
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import triangles, vertex_normals
from dice_core.geometry.rotations import axis_angle
from dice_core.geometry.signed_distance import PartsIndex

CHEEK_LEFT, CHEEK_RIGHT, FOREHEAD, UPPER_LIP, LOWER_LID, NOSE_TIP, CHIN = 425, 205, 151, 0, 374, 4, 199
MIRROR = np.array([-1.0, 1, 1])
TIP_REACH = 0.022  # metres around the tip's key point: the last segment of the finger

HEAD = load_head()
REST = HEAD.mesh.rest_vertices.astype(np.float64)
TRIANGLES = triangles(HEAD.mesh)
NORMALS = vertex_normals(REST, TRIANGLES)
OUTER = head_tissue(HEAD).touchable & ~HEAD.rigid_vertices


@pytest.fixture(scope="module")
def skin() -> SoftTissue:
    return SoftTissue.for_head(HEAD, HEAD.mesh.rest_vertices)


@lru_cache
def pointing(side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A hand that points at the head with its index finger, tip at the origin: vertices, triangles, the tip's vertices.

    The finger leads up and 60 degrees into the head, which looks toward -z.
    """
    hand = load_hand(side)
    angles = hand.dof_mean.astype(np.float64)
    for index, name in enumerate(hand.dof_names):
        if "flexion" in name:
            angles[index] = 0.1 if "index" in name else min(1.3, hand.dof_upper[index])
    key = hand.keypoints(np.zeros(0), 1.0, np.zeros(3), angles, np.zeros(3)).astype(np.float64)
    finger = (key[8] - key[6]) / np.linalg.norm(key[8] - key[6])
    pad = np.array([0, 0, -1.0]) + finger[2] * finger
    own = np.stack([finger, pad / np.linalg.norm(pad), np.cross(finger, pad / np.linalg.norm(pad))], axis=1)
    half, three = 0.5, np.sqrt(0.75)
    goal_finger, goal_pad = np.array([0, -half, three]), np.array([0, three, half])
    goal = np.stack([goal_finger, goal_pad, np.cross(goal_finger, goal_pad)], axis=1)
    turn = axis_angle(goal @ own.T)
    vertices = hand.pose(np.zeros(0), 1.0, turn, angles, np.zeros(3)).astype(np.float64)
    tip = hand.keypoints(np.zeros(0), 1.0, turn, angles, np.zeros(3))[8]
    return vertices - tip, triangles(hand.mesh), np.linalg.norm(vertices - tip, axis=1) < TIP_REACH


def aimed(landmark: int, depth: float, side: str = "right") -> tuple[np.ndarray, np.ndarray]:
    """Hand whose fingertip lies `depth` behind the skin's tangent plane at a landmark."""
    vertices, faces, tip = pointing(side)
    target = HEAD.landmarks(REST)[landmark]
    normal = HEAD.landmark_barycentric[landmark] @ NORMALS[HEAD.landmark_triangles[landmark]]
    normal /= np.linalg.norm(normal)
    height = (vertices[tip] @ normal).min()
    return vertices + target - normal * (height + depth), faces


def inside(response: TissueResponse, vertices: np.ndarray) -> float:
    """Metres of the deepest hand vertex in the deformed head, exact."""
    return float(
        SurfaceIndex(REST + response.deformation, TRIANGLES).query(vertices + response.hand_shift).distance.max()
    )


def test_a_finger_dents_the_cheek_it_presses_and_no_other(skin: SoftTissue) -> None:
    vertices, faces = aimed(CHEEK_LEFT, 0.008)
    response = skin.solve(REST, vertices, faces)
    assert 0.005 < response.largest_indentation < 0.0095
    assert inside(response, vertices) < 0.003
    assert response.penetration_left < 0.003
    assert np.linalg.norm(response.hand_shift) < 0.002
    other = HEAD.mesh.region_vertices("cheek.R", "eye.R", "ear.R", "scalp")
    assert np.abs(response.deformation[other]).max() < 2e-4
    rise = (response.deformation * NORMALS).sum(axis=1)[OUTER].max()
    assert 1e-4 < rise < 0.004
    touched = response.head_contact > 0.5
    assert set(HEAD.mesh.region[touched]) == {HEAD.mesh.region_names.index("cheek.L")}
    assert (np.linalg.norm(REST[touched] - HEAD.landmarks(REST)[CHEEK_LEFT], axis=1) < 0.025).all()


def test_the_forehead_hardly_gives_way_and_stops_the_hand(skin: SoftTissue) -> None:
    vertices, faces = aimed(FOREHEAD, 0.008)
    response = skin.solve(REST, vertices, faces)
    assert 0.001 < response.largest_indentation < 0.002
    assert 0.004 < -response.hand_shift[2] < 0.009
    assert inside(response, vertices) < 0.003


@pytest.mark.parametrize("landmark", [UPPER_LIP, LOWER_LID, NOSE_TIP, CHIN, CHEEK_RIGHT])
@pytest.mark.parametrize("depth", [0.002, 0.006, 0.012])
def test_nowhere_is_a_hand_left_inside(skin: SoftTissue, landmark: int, depth: float) -> None:
    vertices, faces = aimed(landmark, depth)
    response = skin.solve(REST, vertices, faces)
    assert inside(response, vertices) < 0.003
    assert response.largest_indentation < 0.018


def test_a_lid_stays_in_front_of_the_eyeball(skin: SoftTissue) -> None:
    vertices, faces = aimed(LOWER_LID, 0.006)
    response = skin.solve(REST, vertices, faces)
    ball = REST[HEAD.mesh.region_vertices("eyeball.L")]
    centre = (ball.min(axis=0) + ball.max(axis=0)) / 2
    lid = np.flatnonzero(OUTER & HEAD.mesh.region_vertices("eye.L"))
    before = np.linalg.norm(REST[lid] - centre, axis=1)
    after = np.linalg.norm(REST[lid] + response.deformation[lid] - centre, axis=1)
    assert (after > np.minimum(before, 0.0165) - 5e-4).all()
    assert (response.deformation[HEAD.rigid_vertices] == 0).all()


def test_pressed_lips_do_not_tear(skin: SoftTissue) -> None:
    vertices, faces = aimed(UPPER_LIP, 0.006)
    response = skin.solve(REST, vertices, faces)
    edges = np.concatenate([TRIANGLES[:, [0, 1]], TRIANGLES[:, [1, 2]]])
    lips = HEAD.mesh.region_vertices("lips")
    edges = edges[lips[edges].any(axis=1)]
    steps = np.linalg.norm(response.deformation[edges[:, 0]] - response.deformation[edges[:, 1]], axis=1)
    assert response.largest_indentation > 0.004
    assert steps.max() < 0.006
    lower = response.deformation[HEAD.landmark_triangles[17]].mean(axis=0)
    assert lower[2] > 0


def test_nearly_the_same_hand_gives_nearly_the_same_skin(skin: SoftTissue) -> None:
    vertices, faces = aimed(CHEEK_LEFT, 0.005)
    first = skin.solve(REST, vertices, faces)
    for offset in np.eye(3) * 1e-4:
        second = skin.solve(REST, vertices + offset, faces)
        assert np.abs(first.deformation - second.deformation).max() < 7e-4
        assert np.abs(first.hand_shift - second.hand_shift).max() < 5e-4


def test_the_left_hand_on_the_left_cheek_mirrors_the_right_hand_on_the_right(skin: SoftTissue) -> None:
    right, right_faces = aimed(CHEEK_RIGHT, 0.006)
    left, left_faces = pointing("left")[0] + (right - pointing("right")[0])[0] * MIRROR, pointing("left")[1]
    on_right, on_left = skin.solve(REST, right, right_faces), skin.solve(REST, left, left_faces)
    assert on_left.largest_indentation == pytest.approx(on_right.largest_indentation, abs=7e-4)
    assert on_left.hand_shift == pytest.approx(on_right.hand_shift * MIRROR, abs=5e-4)


def test_a_hand_far_off_leaves_the_head_at_rest(skin: SoftTissue) -> None:
    vertices, faces = aimed(CHEEK_LEFT, -0.02)
    response = skin.solve(REST, vertices, faces)
    assert (response.deformation == 0).all()
    assert response.head_contact.max() == 0 == response.hand_contact.max()


def test_soft_and_hard_places_of_the_head() -> None:
    tissue = head_tissue(HEAD)
    at = {
        name: tissue.softness[HEAD.landmark_triangles[landmark]].mean()
        for name, landmark in (
            ("cheek", CHEEK_LEFT),
            ("lip", 17),
            ("tip", NOSE_TIP),
            ("forehead", FOREHEAD),
            ("bridge", 6),
        )
    }
    assert at["cheek"] > 0.8
    assert at["lip"] > 0.8
    assert 0.3 < at["tip"] < 0.7
    assert at["forehead"] < 0.05
    assert at["bridge"] < 0.25
    assert (tissue.dent_limit[HEAD.rigid_vertices] == 0).all()
    assert not tissue.touchable[HEAD.mesh.region_vertices("mouth_inner", "tongue")].any()


def deepest(hand: np.ndarray) -> float:
    """Metres of the hand's deepest vertex below the skin at rest, by an independent measure."""
    return float(PartsIndex(REST, TRIANGLES).query(hand, 0.05).distance.max())


@pytest.mark.parametrize("landmark", [CHEEK_LEFT, FOREHEAD, CHIN])
@pytest.mark.parametrize("start", [-0.03, -0.012, 0.0, 0.008])
def test_a_hand_that_touches_settles_as_deep_as_it_is_known_to(skin: SoftTissue, landmark: int, start: float) -> None:
    hand, faces = aimed(landmark, start)
    away = np.array([0, 0, 0.6])  # the camera is in the origin
    shift = settling_shift(skin, REST + away, hand + away, faces, 0.002)
    assert shift is not None
    assert deepest(hand + shift) == pytest.approx(0.002, abs=0.0008)
    assert np.linalg.norm(shift) < 1.5 * abs(start - 0.002) + 0.004


def test_a_hand_that_is_far_away_touches_nothing(skin: SoftTissue) -> None:
    hand, faces = aimed(CHEEK_LEFT, -0.07)
    away = np.array([0, 0, 0.6])
    assert settling_shift(skin, REST + away, hand + away, faces, 0.002) is None


@pytest.mark.parametrize("landmark", [CHEEK_LEFT, FOREHEAD, CHIN])
@pytest.mark.parametrize("start", [-0.004, 0.002, 0.006])
def test_a_hand_that_does_not_touch_keeps_off(skin: SoftTissue, landmark: int, start: float) -> None:
    hand, faces = aimed(landmark, start)
    shift = clearing_shift(skin, REST, hand, faces)
    assert deepest(hand + shift) == pytest.approx(-CLEARANCE, abs=0.0012)
    assert not (skin.solve(REST, hand + shift, faces).hand_contact >= 0.5).any()


def test_a_hand_that_is_away_stays_where_it_is(skin: SoftTissue) -> None:
    hand, faces = aimed(CHEEK_LEFT, -0.02)
    assert clearing_shift(skin, REST, hand, faces).tolist() == [0, 0, 0]
