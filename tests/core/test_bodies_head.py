"""The packaged head: topology, posing, expressions, regions and landmarks against known answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from dice_core.bodies import Head, load_head
from dice_core.bodies.names import EXPRESSION_NAMES, HEAD_REGIONS
from dice_core.geometry.mesh import triangles, vertex_normals
from dice_core.geometry.rotations import rotation_matrices

NECK_BOUNDARY_EDGES = 42
EYEBALL_VERTICES = 72
APPLE_EXPRESSIONS = """
    eyeBlinkLeft eyeLookDownLeft eyeLookInLeft eyeLookOutLeft eyeLookUpLeft eyeSquintLeft eyeWideLeft
    eyeBlinkRight eyeLookDownRight eyeLookInRight eyeLookOutRight eyeLookUpRight eyeSquintRight eyeWideRight
    jawForward jawLeft jawRight jawOpen
    mouthClose mouthFunnel mouthPucker mouthLeft mouthRight mouthSmileLeft mouthSmileRight mouthFrownLeft
    mouthFrownRight mouthDimpleLeft mouthDimpleRight mouthStretchLeft mouthStretchRight mouthRollLower
    mouthRollUpper mouthShrugLower mouthShrugUpper mouthPressLeft mouthPressRight mouthLowerDownLeft
    mouthLowerDownRight mouthUpperUpLeft mouthUpperUpRight
    browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight
    cheekPuff cheekSquintLeft cheekSquintRight noseSneerLeft noseSneerRight tongueOut
"""


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


def expressed(head: Head, *names: str) -> np.ndarray:
    weights = np.zeros(52)
    weights[[head.expression_names.index(name) for name in names]] = 1
    return head.deform(head.rest(np.zeros(30)), weights)


def landmark_move(head: Head, expression: str, *landmarks: int) -> np.ndarray:
    moved = head.landmarks(expressed(head, expression)) - head.landmarks(head.mesh.rest_vertices)
    return moved[list(landmarks)].mean(0)


def directed_edges(head: Head) -> np.ndarray:
    quads = head.mesh.face_corners.reshape(-1, 4)
    return np.concatenate([quads[:, [k, (k + 1) % 4]] for k in range(4)])


def test_surface_is_closed_but_for_the_neck_and_consistently_wound(head: Head) -> None:
    edges = directed_edges(head)
    assert len(np.unique(edges, axis=0)) == len(edges)
    undirected, counts = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    boundary = undirected[counts == 1]
    assert counts.max() == 2
    assert len(boundary) == NECK_BOUNDARY_EDGES
    assert head.mesh.region_vertices("neck")[boundary].all()
    vertices, ends = np.unique(boundary, return_counts=True)
    assert (ends == 2).all()
    index = np.searchsorted(vertices, boundary)
    graph = coo_matrix((np.ones(len(index)), index.T), (len(vertices), len(vertices)))
    assert connected_components(graph, directed=False)[0] == 1


def test_normals_point_outward(head: Head) -> None:
    vertices, faces = head.mesh.rest_vertices, triangles(head.mesh)
    normals = vertex_normals(vertices, faces)
    nose = head.landmark_triangles[1]
    assert (normals[nose][:, 2] < 0).all()
    crown = vertices[:, 1].argmin()
    assert normals[crown, 1] < -0.8
    for name in ("eyeball.L", "eyeball.R"):
        ball = head.mesh.region_vertices(name)
        outward = vertices[ball] - vertices[ball].mean(0)
        assert ((normals[ball] * outward).sum(1) > 0).all()


def test_both_eyeballs_are_whole_and_mirror_images(head: Head) -> None:
    vertices = head.mesh.rest_vertices
    left, right = (vertices[head.mesh.region_vertices(name)] for name in ("eyeball.L", "eyeball.R"))
    assert len(left) == len(right) == EYEBALL_VERTICES
    assert left[:, 0].min() > 0 > right[:, 0].max()
    gap = np.linalg.norm(left[:, None] * [-1, 1, 1] - right[None], axis=2).min(1)
    assert gap.max() < 5e-4
    edges = np.sort(directed_edges(head), axis=1)
    for name in ("eyeball.L", "eyeball.R"):
        inside = head.mesh.region_vertices(name)[edges].all(1)
        assert (np.unique(edges[inside], axis=0, return_counts=True)[1] == 2).all()


def test_no_triangle_is_degenerate_or_folded_over(head: Head) -> None:
    corners = head.mesh.rest_vertices[triangles(head.mesh)].astype(float)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normal, axis=1)
    assert area.min() > 1e-9
    unit = (normal / area[:, None]).reshape(-1, 2, 3)
    # The two triangles of a quad never look away from each other.
    assert (unit[:, 0] * unit[:, 1]).sum(1).min() > 0


def test_identity_pose_is_the_rest_pose(head: Head) -> None:
    shape = np.random.default_rng(0).normal(size=30)
    posed = head.pose(shape, np.zeros(52), np.zeros(3), np.zeros(3))
    np.testing.assert_array_equal(posed, head.rest(shape))
    assert not np.allclose(head.rest(shape), head.mesh.rest_vertices, atol=1e-4)


def test_pose_turns_about_the_origin_and_moves(head: Head) -> None:
    rng = np.random.default_rng(1)
    shape, expression = rng.normal(size=30), rng.uniform(size=52)
    rotation, translation = rng.normal(size=3), rng.normal(size=3)
    expected = head.mesh.rest_vertices.astype(float)
    expected = expected + sum(w * b for w, b in zip(shape, head.shape_basis.astype(float), strict=True))
    expected = expected + sum(w * b for w, b in zip(expression, head.expressions.astype(float), strict=True))
    expected = expected @ rotation_matrices(rotation).T + translation
    np.testing.assert_allclose(head.pose(shape, expression, rotation, translation), expected, atol=2e-6)
    np.testing.assert_array_equal(head.mesh.joints[0], 0)
    np.testing.assert_array_equal(head.person_mesh(shape).joints[0], 0)


def test_rest_pose_looks_at_the_camera_upright(head: Head) -> None:
    points = head.landmarks(head.mesh.rest_vertices)
    nose_tip, chin, brow = points[1], points[152], points[9]
    right_eye, left_eye = points[[33, 133]].mean(0), points[[263, 362]].mean(0)
    assert nose_tip[2] < points[234][2]
    assert nose_tip[2] < points[454][2]
    assert chin[1] > nose_tip[1] > brow[1]
    assert left_eye[0] > 0.02 > -0.02 > right_eye[0]
    assert 0.055 < left_eye[0] - right_eye[0] < 0.072


def test_expression_names_are_apples(head: Head) -> None:
    assert set(head.expression_names) == set(APPLE_EXPRESSIONS.split())
    assert head.expression_names == EXPRESSION_NAMES
    assert head.expressions.shape == (52, len(head.mesh.rest_vertices), 3)
    assert head.mesh.shape_key_deltas.dtype == np.float16


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_expressions_move_the_subjects_own_side(head: Head, side: str) -> None:
    own = np.sign(head.mesh.rest_vertices[:, 0]) == (1 if side == "Left" else -1)
    for name in ("eyeBlink", "eyeWide", "browDown", "browOuterUp", "cheekSquint", "noseSneer", "mouthSmile"):
        moved = np.linalg.norm(head.expressions[head.expression_names.index(name + side)], axis=1)
        assert moved[own].sum() > 4 * moved[~own].sum(), name


def test_expressions_go_where_their_names_say(head: Head) -> None:
    up, down, left, right = (0, -1, 0), (0, 1, 0), (1, 0, 0), (-1, 0, 0)
    cases = [
        ("jawOpen", (152,), down, 0.015),
        ("jawLeft", (152,), left, 0.002),
        ("jawRight", (152,), right, 0.002),
        ("mouthLeft", (13, 14), left, 0.003),
        ("mouthSmileLeft", (291,), up, 0.003),
        ("mouthSmileRight", (61,), up, 0.003),
        ("mouthFrownLeft", (291,), down, 0.001),
        ("mouthUpperUpLeft", (269, 270), up, 0.001),
        ("browInnerUp", (55, 285), up, 0.001),
        ("browDownLeft", (285, 295), down, 0.001),
        ("eyeBlinkLeft", (386,), down, 0.003),
        ("eyeBlinkRight", (159,), down, 0.003),
    ]
    for name, landmarks, direction, least in cases:
        assert landmark_move(head, name, *landmarks) @ direction > least, name
    corners = [291, 61]
    narrowed = head.landmarks(expressed(head, "mouthPucker"))[corners, 0]
    assert np.ptp(narrowed) < 0.9 * np.ptp(head.landmarks(head.mesh.rest_vertices)[corners, 0])


def test_eyes_look_where_their_names_say(head: Head) -> None:
    rest = head.irises(head.mesh.rest_vertices)
    for side, centre, nose in (("Right", 0, 1), ("Left", 5, -1)):
        for name, axis, sign in (("In", 0, nose), ("Out", 0, -nose), ("Up", 1, -1), ("Down", 1, 1)):
            moved = head.irises(expressed(head, f"eyeLook{name}{side}"))[centre] - rest[centre]
            assert sign * moved[axis] > 0.0015, (name, side)


def test_regions_cover_everything_evenly(head: Head) -> None:
    assert head.mesh.region_names == HEAD_REGIONS
    counts = dict(zip(HEAD_REGIONS, np.bincount(head.mesh.region, minlength=len(HEAD_REGIONS)), strict=True))
    assert min(counts.values()) >= 10
    for name in HEAD_REGIONS:
        if name.endswith(".L"):
            assert counts[name] == counts[name[:-1] + "R"], name
    middle = {name: head.mesh.rest_vertices[head.mesh.region_vertices(name)].mean(0) for name in HEAD_REGIONS}
    assert middle["forehead"][1] < middle["brow.L"][1] < middle["eye.L"][1] < middle["cheek.L"][1]
    assert middle["nose"][1] < middle["lips"][1] < middle["chin"][1] < middle["neck"][1]
    assert middle["jaw.L"][0] > 0.03
    assert middle["ear.R"][0] < -0.06


def test_landmarks_lie_in_the_regions_they_are_named_after(head: Head) -> None:
    nearest = head.landmark_triangles[np.arange(468), head.landmark_barycentric.argmax(1)]
    region = np.array(HEAD_REGIONS)[head.mesh.region[nearest]]
    for landmark, name in ((13, "lips"), (14, "lips"), (4, "nose"), (199, "chin"), (50, "cheek.R"), (280, "cheek.L")):
        assert region[landmark] == name
    assert {region[k] for k in (105, 66)} == {"brow.R"}
    assert {region[k] for k in (159, 145, 133)} == {"eye.R"}
    assert region[151] == "forehead"


def test_landmarks_lie_on_outer_skin_and_irises_on_the_eyeballs(head: Head) -> None:
    for weights in (head.landmark_barycentric, head.iris_barycentric):
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
        assert weights.min() > -1e-5
    faces = {tuple(sorted(face)) for face in triangles(head.mesh).tolist()}
    for owners in (head.landmark_triangles, head.iris_triangles):
        assert all(tuple(sorted(face)) in faces for face in owners.tolist())
    hidden = head.mesh.region_vertices("mouth_inner", "tongue") | head.rigid_vertices
    assert not hidden[head.landmark_triangles].all(1).any()
    assert head.rigid_vertices[head.iris_triangles].all()


def test_landmarks_are_symmetric(head: Head) -> None:
    mirror = head.landmark_mirror
    np.testing.assert_array_equal(mirror[mirror], np.arange(468))
    for one, other in ((33, 263), (133, 362), (61, 291), (1, 1), (152, 152), (234, 454), (105, 334)):
        assert mirror[one] == other
    points = head.landmarks(head.mesh.rest_vertices)
    assert np.linalg.norm(points[mirror] * [-1, 1, 1] - points, axis=1).max() < 2e-3


def test_landmark_weights_trust_lips_more_than_the_outline(head: Head) -> None:
    assert np.median(head.landmark_weights) == pytest.approx(1, abs=0.05)
    lips = [61, 0, 291, 17, 13, 14, 37, 267]
    outline = [234, 127, 162, 21, 54, 454, 356, 389, 251, 284]
    assert head.landmark_weights[lips].min() > head.landmark_weights[outline].max()


def test_landmarks_of_many_heads_at_once(head: Head) -> None:
    rng = np.random.default_rng(2)
    several = np.stack([head.rest(rng.normal(size=30)) for _ in range(3)])
    together = head.landmarks(several)
    assert together.shape == (3, 468, 3)
    np.testing.assert_array_equal(together[1], head.landmarks(several[1]))


def test_shape_changes_form_and_not_size(head: Head) -> None:
    skin = ~head.mesh.region_vertices("neck")
    rest = head.mesh.rest_vertices[skin].astype(float)

    def size(vertices: np.ndarray) -> float:
        return float(np.sqrt(((vertices - vertices.mean(0)) ** 2).sum(1).mean()))

    for component in head.shape_basis[:10]:
        assert abs(size(rest + 2 * component[skin]) / size(rest) - 1) < 0.02
        assert np.linalg.norm(component, axis=1).max() > 5e-4
