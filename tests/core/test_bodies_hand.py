"""The packaged hands: topology, posing, degrees of freedom, key points and mirroring against known answers."""

from __future__ import annotations

import numpy as np
import pytest

from dice_core.bodies import Hand, load_hand
from dice_core.bodies.names import DOF_NAMES, HAND_KEYPOINT_NAMES, HAND_REGIONS
from dice_core.errors import InputError, ShapeError
from dice_core.geometry.mesh import skin, triangles, vertex_normals
from dice_core.geometry.rotations import rotation_matrices

WRIST_BOUNDARY_EDGES = 20
MIRROR = np.array([-1.0, 1.0, 1.0])
FINGERS = ("thumb", "index", "middle", "ring", "little")


@pytest.fixture(params=["left", "right"])
def hand(request: pytest.FixtureRequest) -> Hand:
    return load_hand(request.param)


def random_pose(hand: Hand, seed: int) -> tuple[np.ndarray, float, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    angles = rng.uniform(hand.dof_lower, hand.dof_upper)
    return rng.normal(size=10), 1.07, rng.normal(size=3), angles, rng.normal(size=3)


def only(name: str, degrees: float) -> np.ndarray:
    angles = np.zeros(22)
    angles[DOF_NAMES.index(name)] = np.radians(degrees)
    return angles


def tip(hand: Hand, finger: str, angles: np.ndarray) -> np.ndarray:
    points = hand.keypoints(np.zeros(10), 1.0, np.zeros(3), angles, np.zeros(3))
    return points[HAND_KEYPOINT_NAMES.index(f"{finger}_tip")]


def test_surface_is_closed_but_for_the_wrist_and_faces_outward(hand: Hand) -> None:
    quads = hand.mesh.face_corners.reshape(-1, 4)
    edges = np.concatenate([quads[:, [k, (k + 1) % 4]] for k in range(4)])
    assert len(np.unique(edges, axis=0)) == len(edges)
    undirected, counts = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    boundary = undirected[counts == 1]
    assert counts.max() == 2
    assert len(boundary) == WRIST_BOUNDARY_EDGES
    assert hand.mesh.region_vertices("wrist")[boundary].all()
    assert (np.unique(boundary, return_counts=True)[1] == 2).all()
    vertices = hand.mesh.rest_vertices.astype(float)
    corners = vertices[triangles(hand.mesh)]
    # The wrist's opening is flat and far from the middle: the signed volume's sign tells the winding.
    volume = np.einsum("ti,ti->", corners[:, 0] - vertices.mean(0), np.cross(corners[:, 1], corners[:, 2])) / 6
    assert volume > 1e-4
    normals = vertex_normals(vertices, triangles(hand.mesh))
    assert normals[hand.mesh.region_vertices("palm"), 2].mean() < -0.3
    assert normals[hand.mesh.region_vertices("back"), 2].mean() > 0.5


def test_rest_pose_shows_the_palm_with_the_fingers_up(hand: Hand) -> None:
    side = 1 if hand.mesh.name == "hand_right" else -1
    points = hand.keypoint_rest
    np.testing.assert_array_equal(hand.mesh.joints[0], 0)
    assert (points[[8, 12, 16, 20], 1] < -0.1).all()
    # The subject's right hand, palm to the camera, has its thumb toward the subject's left, the camera's right.
    assert side * points[4, 0] > 0.04 > -0.04 > side * points[20, 0]
    assert points[[8, 12, 16, 20], 2].max() < points[0, 2]


def test_identity_pose_is_the_rest_pose(hand: Hand) -> None:
    shape = np.random.default_rng(0).normal(size=10)
    posed = hand.pose(shape, 0.93, np.zeros(3), np.zeros(22), np.zeros(3))
    np.testing.assert_allclose(posed, hand.rest(shape, 0.93), atol=1e-7)
    keypoints = hand.keypoints(shape, 0.93, np.zeros(3), np.zeros(22), np.zeros(3))
    np.testing.assert_allclose(keypoints, hand.keypoints_rest(shape, 0.93), atol=1e-7)


def test_pose_agrees_with_skinning_one_vertex_at_a_time(hand: Hand) -> None:
    shape, scale, rotation, angles, translation = random_pose(hand, 1)
    joints = hand.joint_positions(shape, scale).astype(float)
    local = {joint: np.eye(3) for joint in range(len(joints))}
    for joint, axis, angle in zip(hand.dof_joint, hand.dof_axis.astype(float), angles, strict=True):
        x, y, z = axis
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
        local[int(joint)] = local[int(joint)] @ turn
    local[0] = rotation_matrices(rotation)

    def world(joint: int) -> np.ndarray:
        matrix = np.eye(4)
        matrix[:3, :3] = local[joint]
        matrix[:3, 3] = joints[joint] - local[joint] @ joints[joint]
        parent = int(hand.mesh.parents[joint])
        if parent < 0:
            matrix[:3, 3] += translation
            return matrix
        return world(parent) @ matrix

    worlds = [world(joint) for joint in range(len(joints))]
    rest = hand.rest(shape, scale)
    posed = hand.pose(shape, scale, rotation, angles, translation)
    for vertex in range(0, len(rest), 13):
        expected = sum(
            weight * (worlds[joint] @ np.append(rest[vertex], 1))[:3]
            for joint, weight in zip(hand.mesh.skin_joints[vertex], hand.mesh.skin_weights[vertex], strict=True)
        )
        np.testing.assert_allclose(posed[vertex], expected, atol=2e-6)
    keypoints = hand.keypoints(shape, scale, rotation, angles, translation)
    for k, joint in enumerate(hand.keypoint_joint):
        expected = worlds[joint] @ np.append(hand.keypoints_rest(shape, scale)[k], 1)
        np.testing.assert_allclose(keypoints[k], expected[:3], atol=2e-6)


def test_pose_is_what_a_take_reproduces(hand: Hand) -> None:
    shape, scale, rotation, angles, translation = random_pose(hand, 2)
    mesh = hand.person_mesh(shape, scale)
    again = skin(mesh, mesh.rest_vertices, hand.rotation_vectors(rotation, angles), translation)
    np.testing.assert_allclose(again, hand.pose(shape, scale, rotation, angles, translation), atol=2e-6)


def test_left_hand_is_the_mirror_image_of_the_right() -> None:
    left, right = load_hand("left"), load_hand("right")
    shape, scale, rotation, angles, translation = random_pose(right, 3)
    # Mirrored: a rotation vector is a pseudovector, its components in the mirror plane change sign.
    mirrored = (shape, scale, rotation * [1, -1, -1], angles, translation * MIRROR)
    original = (shape, scale, rotation, angles, translation)
    np.testing.assert_allclose(left.pose(*mirrored) * MIRROR, right.pose(*original), atol=1e-6)
    np.testing.assert_allclose(left.keypoints(*mirrored) * MIRROR, right.keypoints(*original), atol=1e-6)
    np.testing.assert_array_equal(left.mesh.region, right.mesh.region)
    corner_uv = {}
    for mesh in (left.mesh, right.mesh):
        faces = zip(mesh.face_corners.reshape(-1, 4), mesh.uv.reshape(-1, 4, 2), strict=True)
        for face, uv in faces:
            for vertex, place in zip(face, uv, strict=True):
                corner_uv.setdefault((tuple(sorted(face)), vertex), []).append(tuple(place))
    assert all(len(places) == 2 and places[0] == places[1] for places in corner_uv.values())


def test_size_scales_everything(hand: Hand) -> None:
    shape = np.random.default_rng(4).normal(size=10)
    for part in (hand.rest, hand.joint_positions, hand.keypoints_rest):
        np.testing.assert_allclose(part(shape, 1.2), 1.2 * part(shape, 1.0), atol=1e-7)
    length = np.linalg.norm(hand.keypoint_rest[12] - hand.keypoint_rest[0])
    assert 0.16 < length < 0.20


@pytest.mark.parametrize("finger", FINGERS)
def test_flexion_moves_the_tip_toward_the_palm(hand: Hand, finger: str) -> None:
    palm = hand.mesh.rest_vertices[hand.mesh.region_vertices("palm")].mean(0)
    rest = tip(hand, finger, np.zeros(22))
    joints = ("cmc", "mcp", "ip") if finger == "thumb" else ("mcp", "pip", "dip")
    for joint in joints:
        bent = tip(hand, finger, only(f"{finger}_{joint}_flexion", 25))
        assert np.linalg.norm(bent - palm) < np.linalg.norm(rest - palm) - 1e-3, joint
        if finger != "thumb":
            assert bent[2] < rest[2] - 1e-3


def test_abduction_and_twist_go_the_documented_way(hand: Hand) -> None:
    radial = 1 if hand.mesh.name == "hand_right" else -1
    for finger in FINGERS[1:]:
        moved = tip(hand, finger, only(f"{finger}_mcp_abduction", 10)) - tip(hand, finger, np.zeros(22))
        assert radial * moved[0] > 0.008
        assert abs(moved[2]) < abs(moved[0])
    lifted = tip(hand, "thumb", only("thumb_cmc_abduction", 20)) - tip(hand, "thumb", np.zeros(22))
    assert lifted[2] < -0.01
    # Pronation: after it, bending the tip joint moves the tip farther back toward the fingers than before.
    bend = only("thumb_ip_flexion", 40)
    plain = tip(hand, "thumb", bend) - tip(hand, "thumb", np.zeros(22))
    twist = only("thumb_cmc_twist", 25)
    turned = tip(hand, "thumb", bend + twist) - tip(hand, "thumb", twist)
    assert turned[2] > plain[2]


def test_a_degree_of_freedom_moves_its_own_finger_only(hand: Hand) -> None:
    rest = hand.pose(np.zeros(10), 1.0, np.zeros(3), np.zeros(22), np.zeros(3))
    for name in DOF_NAMES:
        posed = hand.pose(np.zeros(10), 1.0, np.zeros(3), only(name, 15), np.zeros(3))
        moved = np.linalg.norm(posed - rest, axis=1) > 1e-3
        others = [finger for finger in FINGERS if finger != name.split("_")[0]]
        assert moved.any()
        assert moved[hand.mesh.region_vertices(*others)].mean() < 0.03, name


def test_rotations_compose_in_order_of_listing() -> None:
    hand = load_hand("right")
    angles = only("index_mcp_flexion", 40) + only("index_mcp_abduction", 15)
    flexion, abduction = (hand.dof_names.index(f"index_mcp_{motion}") for motion in ("flexion", "abduction"))
    expected = rotation_matrices(hand.dof_axis[flexion] * angles[flexion]) @ rotation_matrices(
        hand.dof_axis[abduction] * angles[abduction]
    )
    joint = hand.mesh.joint_names.index("index_mcp")
    np.testing.assert_allclose(hand.joint_rotations(angles)[joint], expected, atol=1e-12)


def test_limits_and_prior_are_consistent(hand: Hand) -> None:
    assert hand.dof_names == DOF_NAMES
    assert (hand.dof_lower < 0).all()
    assert (hand.dof_lower < hand.dof_mean).all()
    assert (hand.dof_mean < hand.dof_upper).all()
    np.testing.assert_allclose(np.linalg.norm(hand.dof_axis, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(hand.dof_precision, hand.dof_precision.T, rtol=1e-4, atol=1e-3)
    covariance = np.linalg.inv(hand.dof_precision.astype(float))
    sigma = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(sigma, hand.dof_sigma, rtol=1e-3)
    correlation = covariance / np.outer(sigma, sigma)

    def between(one: str, other: str) -> float:
        return float(correlation[DOF_NAMES.index(one), DOF_NAMES.index(other)])

    assert between("index_mcp_flexion", "middle_mcp_flexion") > 0.5
    assert between("index_mcp_flexion", "middle_mcp_flexion") > between("index_mcp_flexion", "little_mcp_flexion") > 0
    assert between("ring_pip_flexion", "ring_dip_flexion") > 0.4
    assert abs(between("thumb_ip_flexion", "index_pip_flexion")) < 1e-6


def test_keypoints_lie_inside_or_near_their_part_of_the_hand(hand: Hand) -> None:
    vertices = hand.mesh.rest_vertices
    for k, name in enumerate(HAND_KEYPOINT_NAMES):
        gap = np.linalg.norm(vertices - hand.keypoint_rest[k], axis=1)
        assert gap.min() < 0.022, name  # half the thickness of the wrist
        if name.endswith(("_tip", "_dip")):
            assert HAND_REGIONS[hand.mesh.region[gap.argmin()]] == name.split("_")[0]


def test_regions_cover_everything(hand: Hand) -> None:
    assert hand.mesh.region_names == HAND_REGIONS
    counts = np.bincount(hand.mesh.region, minlength=len(HAND_REGIONS))
    assert counts.sum() == len(hand.mesh.rest_vertices)
    assert counts.min() > 20


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="middle"):
        load_hand("middle")
    with pytest.raises(ShapeError, match="22"):
        load_hand("right").joint_rotations(np.zeros(21))
