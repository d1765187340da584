from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.transform import Rotation

from dice_core.bodies import load_hand
from dice_core.errors import ShapeError
from dice_core.geometry.mesh import (
    Mesh,
    boundary_vertices,
    connected_components,
    skin,
    triangle_edges,
    triangle_neighbours,
    triangles,
    vertex_areas,
    vertex_neighbours,
    vertex_normals,
    vertex_triangles,
)
from dice_core.geometry.rotations import axis_angle, rotation_matrices
from dice_core.geometry.surface_normals import SurfaceNormals
from tests.core.contact_shapes import ball, sheet

VECTORS = hnp.arrays(np.float64, (3,), elements=st.floats(-10, 10, allow_nan=False))


def flat_mesh(sizes: list[int], corners: list[int], vertices: np.ndarray) -> Mesh:
    return Mesh(
        name="head",
        rest_vertices=vertices.astype(np.float32),
        face_corners=np.array(corners, np.int32),
        face_sizes=np.array(sizes, np.int32),
        uv=np.zeros((len(corners), 2), np.float32),
        region=(np.arange(len(vertices)) % 2).astype(np.uint8),
        region_names=("even", "odd"),
    )


@given(VECTORS)
def test_rotation_matrices_are_those_of_scipy(vector: np.ndarray) -> None:
    assert rotation_matrices(vector) == pytest.approx(Rotation.from_rotvec(vector).as_matrix(), abs=1e-12)


@given(VECTORS)
def test_axis_angle_is_the_inverse(vector: np.ndarray) -> None:
    found = axis_angle(rotation_matrices(vector))
    assert np.linalg.norm(found) <= np.pi + 1e-9
    assert rotation_matrices(found) == pytest.approx(rotation_matrices(vector), abs=1e-9)


@pytest.mark.parametrize("axis", [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0, -0.8], [1, 1, 1]])
@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-5, 1e-3, np.pi - 1e-6, np.pi])
def test_axis_angle_of_tiny_and_half_turns(axis: list[float], angle: float) -> None:
    unit = np.array(axis, np.float64) / np.linalg.norm(axis)
    found = axis_angle(rotation_matrices(unit * angle))
    # A half turn has two names.
    assert min(np.abs(found - unit * angle).max(), np.abs(found + unit * angle).max()) < 1e-7 or angle < np.pi
    assert rotation_matrices(found) == pytest.approx(rotation_matrices(unit * angle), abs=1e-9)


def test_rotations_keep_leading_axes() -> None:
    vectors = np.random.default_rng(0).normal(size=(4, 5, 3))
    matrices = rotation_matrices(vectors)
    assert matrices.shape == (4, 5, 3, 3)
    assert matrices[2, 3] == pytest.approx(rotation_matrices(vectors[2, 3]))
    assert axis_angle(matrices)[2, 3] == pytest.approx(axis_angle(matrices[2, 3]))


def test_polygons_become_fans() -> None:
    mesh = flat_mesh([3, 4, 5], [0, 1, 2, 2, 1, 3, 4, 4, 3, 5, 6, 7], np.zeros((8, 3)))
    assert triangles(mesh).tolist() == [[0, 1, 2], [2, 1, 3], [2, 3, 4], [4, 3, 5], [4, 5, 6], [4, 6, 7]]


def test_normals_of_a_cube_corner_are_weighted_by_area() -> None:
    # Two triangles in the plane z = 0 with three times the area of the one in x = 0, and a vertex of no triangle.
    vertices = np.array([[0, 0, 0], [3, 0, 0], [0, 1, 0], [0, 0, 1], [9, 9, 9]], np.float64)
    normals = vertex_normals(vertices, np.array([[0, 1, 2], [0, 2, 3]]))
    assert normals[1] == pytest.approx([0, 0, 1])
    assert normals[3] == pytest.approx([1, 0, 0])
    assert normals[0] == pytest.approx(np.array([1, 0, 3]) / np.sqrt(10))
    assert normals[4] == pytest.approx([0, 0, 0])


def test_vertex_areas_add_up_to_the_surface() -> None:
    vertices = np.array([[0, 0, 0], [3, 0, 0], [0, 1, 0], [0, 0, 2], [9, 9, 9]], np.float64)
    areas = vertex_areas(vertices, np.array([[0, 1, 2], [0, 2, 3]]))
    assert areas == pytest.approx(np.array([2.5, 1.5, 2.5, 1.0, 0.0]) / 3)


def test_edges_of_two_triangles() -> None:
    edges = triangle_edges(np.array([[0, 1, 2], [2, 1, 3]]))
    assert edges.tolist() == [[0, 1], [2, 1], [1, 2], [1, 3], [2, 0], [3, 2]]


def test_triangle_neighbours_of_a_tetrahedron() -> None:
    tetrahedron = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
    assert triangle_neighbours(tetrahedron).tolist() == [[3, 2, 1], [0, 2, 3], [0, 3, 1], [0, 1, 2]]
    assert triangle_neighbours(tetrahedron[:1]).tolist() == [[-1, -1, -1]]


def test_vertex_triangles_hold_the_triangles_around_each_vertex() -> None:
    _, faces = sheet(4, 0.03)
    ring = vertex_triangles(faces, 17)
    for vertex in range(16):
        assert set(ring[vertex]) == set(np.flatnonzero((faces == vertex).any(axis=1)))
    assert (ring[16] == -1).all()


def test_vertex_neighbours_share_an_edge() -> None:
    table = vertex_neighbours(np.array([[0, 1, 2], [2, 1, 3]]), np.array([True, True, True, False]))
    assert [sorted(set(row.tolist())) for row in table] == [[0, 1, 2], [0, 1, 2], [0, 1, 2], [1, 2, 3]]
    assert table[:, 0].tolist() == [0, 1, 2, 3]


def test_boundary_of_a_sheet_is_its_rim() -> None:
    vertices, faces = sheet(5, 0.04)
    rim = np.abs(vertices[:, :2]).max(axis=1) > 0.0199
    assert np.array_equal(boundary_vertices(faces, len(vertices)), rim)
    assert not boundary_vertices(ball(1.0, (0, 0, 0))[1], 2000).any()


def test_connected_components_of_two_strips() -> None:
    strips = np.array([[5, 6, 7], [0, 1, 2], [1, 2, 3], [6, 7, 8], [2, 3, 4]])
    assert [part.tolist() for part in connected_components(strips)] == [[1, 2, 4], [0, 3]]


def test_skinning_is_the_textbook_sum() -> None:
    mesh = load_hand("right").mesh
    random = np.random.default_rng(1)
    rotation = random.normal(0, 0.4, (len(mesh.joints), 3))
    translation = np.array([0.1, -0.2, 0.7])
    chosen = random.choice(len(mesh.rest_vertices), 25, replace=False)

    world: list[np.ndarray] = []
    for j, parent in enumerate(mesh.parents):
        there, back = np.eye(4), np.eye(4)
        there[:3, 3], back[:3, 3] = mesh.joints[j], -mesh.joints[j]
        turn = np.eye(4)
        turn[:3, :3] = Rotation.from_rotvec(rotation[j]).as_matrix()
        shift = np.eye(4)
        shift[:3, 3] = translation
        world.append((shift if parent < 0 else world[parent]) @ there @ turn @ back)
    expected = []
    for v in chosen:
        point = np.append(mesh.rest_vertices[v], 1.0)
        pairs = zip(mesh.skin_joints[v], mesh.skin_weights[v], strict=True)
        expected.append(sum(weight * (world[joint] @ point)[:3] for joint, weight in pairs))
    posed = skin(mesh, mesh.rest_vertices, rotation, translation)
    assert posed.dtype == np.float32
    assert posed[chosen] == pytest.approx(np.array(expected), abs=1e-6)


def test_region_vertices() -> None:
    mesh = flat_mesh([3], [0, 1, 2], np.zeros((5, 3)))
    assert mesh.region_vertices("odd").tolist() == [False, True, False, True, False]
    assert mesh.region_vertices("odd", "even").all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"rest_vertices": np.zeros((4, 2), np.float32)},
        {"region": np.zeros(3, np.uint8)},
        {"face_sizes": np.array([4], np.int32)},
        {"uv": np.zeros((2, 2), np.float32)},
        {"joints": np.zeros((1, 3), np.float32), "skin_weights": np.zeros((3, 1), np.float32)},
    ],
)
def test_arrays_that_do_not_fit_are_refused(wrong: dict[str, np.ndarray]) -> None:
    right = {
        "rest_vertices": np.zeros((4, 3), np.float32),
        "face_corners": np.array([0, 1, 2], np.int32),
        "face_sizes": np.array([3], np.int32),
        "uv": np.zeros((3, 2), np.float32),
        "region": np.zeros(4, np.uint8),
    }
    with pytest.raises(ShapeError):
        Mesh(name="head", region_names=("all",), **(right | wrong))


@pytest.mark.parametrize("size", [0.0, 1e-9, 1e-5, 0.3, 3.1, 7.0])
def test_one_rotation_is_that_of_many(size: float) -> None:
    turn = size * np.array([0.6, -0.48, 0.64])
    np.testing.assert_allclose(rotation_matrices(turn), rotation_matrices(turn[None])[0], atol=1e-14)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_prepared_normals_are_the_same_as_others(kind: type) -> None:
    """Also those of vertices that no triangle has, first, last and between."""
    triangles = np.array([[1, 2, 4], [1, 4, 5], [5, 4, 2]])
    prepared = SurfaceNormals(triangles, 7)
    for seed in range(3):
        vertices = np.random.default_rng(seed).normal(size=(7, 3)).astype(kind)
        normals = prepared(vertices)
        assert normals.dtype == kind
        assert normals == pytest.approx(vertex_normals(vertices, triangles), abs=1e-6)
        assert (normals[[0, 3, 6]] == 0).all()
