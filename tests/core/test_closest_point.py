"""Signed distance against spheres, boxes, brute force and trimesh."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from dice_core.errors import ShapeError
from dice_core.geometry import closest_point, winding_number
from dice_core.geometry.closest_point import SurfaceIndex, closest_on_triangles, closest_points
from dice_core.geometry.signed_distance import PartsIndex

trimesh = pytest.importorskip("trimesh")


def bumpy_body(seed: int = 0) -> trimesh.Trimesh:
    """A closed surface with dents and sharp bumps."""
    body = trimesh.creation.icosphere(subdivisions=4, radius=0.1)
    direction = body.vertices / 0.1
    wave = 0.015 * np.sin(9 * direction[:, 0]) * np.cos(7 * direction[:, 1])
    wave += 0.01 * np.abs(np.sin(5 * direction[:, 2]))
    return trimesh.Trimesh(body.vertices + direction * wave[:, None] + [0.05, -0.02, 0.6], body.faces, process=False)


def brute_force(points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unsigned distance to the nearest triangle, every pair, by trimesh's own closest point."""
    nearest = np.full(len(points), np.inf)
    for triangle in vertices[triangles]:
        foot = trimesh.triangles.closest_point(np.broadcast_to(triangle, (len(points), 3, 3)), points)
        nearest = np.minimum(nearest, np.linalg.norm(points - foot, axis=1))
    return nearest


def test_sphere_distance_is_known() -> None:
    body = trimesh.creation.icosphere(subdivisions=5, radius=0.1)
    random = np.random.default_rng(2)
    points = random.normal(size=(400, 3))
    radius = random.uniform(0.02, 0.2, 400)
    points *= (radius / np.linalg.norm(points, axis=1))[:, None]
    found = closest_points(points, body.vertices, body.faces)
    np.testing.assert_allclose(found.distance, 0.1 - radius, atol=2e-4)
    np.testing.assert_allclose(found.normal, points / radius[:, None], atol=0.04)


@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_box_faces_edges_and_corners(offset: float) -> None:
    """Points off a face, an edge and a corner of a box, outside and inside, at known distances and normals."""
    body = trimesh.creation.box(extents=[0.2, 0.2, 0.2])
    points = [[0.13, 0.02, 0.03], [0.13, 0.14, 0.0], [0.13, 0.14, -0.22], [0.09, 0.03, 0.02], [0.1, 0.05, 0.0]]
    expected = [-0.03, -0.05, -0.13, 0.01, 0.0]
    normals = np.array([[1, 0, 0], [1, 1, 0], [1, 1, -1], [1, 0, 0], [1, 0, 0]])
    found = closest_points(np.array(points) + offset, body.vertices + offset, body.faces)
    np.testing.assert_allclose(found.distance, expected, atol=1e-12)
    np.testing.assert_allclose(found.normal, normals / np.linalg.norm(normals, axis=1)[:, None], atol=1e-9)


def test_agrees_with_brute_force_and_ray_parity() -> None:
    body = bumpy_body()
    random = np.random.default_rng(3)
    points = random.uniform(body.bounds[0] - 0.03, body.bounds[1] + 0.03, (300, 3))
    found = closest_points(points, body.vertices, body.faces)
    np.testing.assert_allclose(np.abs(found.distance), brute_force(points, body.vertices, body.faces), atol=1e-9)
    assert np.array_equal(found.distance > 0, body.contains(points))
    foot = found.points(body.vertices, body.faces)
    np.testing.assert_allclose(np.linalg.norm(points - foot, axis=1), np.abs(found.distance), atol=1e-12)
    np.testing.assert_allclose(found.barycentric.sum(axis=1), 1)
    assert (found.barycentric >= -1e-12).all()


def test_agrees_with_trimesh_signed_distance() -> None:
    body = bumpy_body()
    points = np.random.default_rng(4).uniform(body.bounds[0], body.bounds[1], (200, 3))
    expected = trimesh.proximity.signed_distance(body, points)
    found = closest_points(points, body.vertices, body.faces).distance
    np.testing.assert_allclose(found, expected, atol=2e-6)  # trimesh merges what is nearer than that


def test_further_than_the_limit() -> None:
    body = bumpy_body()
    points = np.random.default_rng(5).uniform(body.bounds[0] - 0.1, body.bounds[1] + 0.1, (500, 3))
    index = SurfaceIndex(body.vertices, body.faces)
    everything, near = index.query(points), index.query(points, 0.03)
    inside_limit = np.abs(everything.distance) <= 0.03
    assert 20 < inside_limit.sum() < 480
    np.testing.assert_allclose(near.distance[inside_limit], everything.distance[inside_limit])
    assert (near.distance[~inside_limit] == -0.03).all()
    assert (near.triangle[~inside_limit] == -1).all()
    assert (near.triangle[inside_limit] >= 0).all()


def test_moved_surface_is_the_new_surface() -> None:
    body = bumpy_body()
    points = np.random.default_rng(6).uniform(body.bounds[0], body.bounds[1], (200, 3))
    vertices = body.vertices * [1.1, 0.9, 1.0] + [0.01, 0.0, 0.02]
    moved = SurfaceIndex(body.vertices, body.faces).moved(vertices).query(points)
    anew = SurfaceIndex(vertices, body.faces).query(points)
    np.testing.assert_allclose(moved.distance, anew.distance, atol=1e-12)


def test_few_triangles() -> None:
    """Fewer triangles than a leaf holds."""
    body = trimesh.creation.box(extents=[1, 1, 1])
    for count in (1, 2, 5, 12):
        found = closest_points(np.array([[2.0, 0.3, 0.2], [-3.0, 0.1, 0.0]]), body.vertices, body.faces[:count])
        expected = brute_force(np.array([[2.0, 0.3, 0.2], [-3.0, 0.1, 0.0]]), body.vertices, body.faces[:count])
        np.testing.assert_allclose(np.abs(found.distance), expected, atol=1e-12)


def test_points_on_vertices_and_no_points() -> None:
    body = bumpy_body()
    np.testing.assert_allclose(closest_points(body.vertices[::7], body.vertices, body.faces).distance, 0, atol=1e-12)
    assert closest_points(np.zeros((0, 3)), body.vertices, body.faces).distance.shape == (0,)


def test_open_boundary_continues_the_surface() -> None:
    """An open tube like a neck: beyond its end, points beside it are outside and points along its axis inside."""
    body = trimesh.creation.cylinder(radius=0.05, height=0.2, sections=48)
    side = np.abs(body.face_normals[:, 2]) < 0.5
    triangles = body.faces[side]
    points = np.array([[0.06, 0.0, 0.11], [0.0, -0.07, -0.12], [0.04, 0.0, 0.105]])
    assert np.array_equal(closest_points(points, body.vertices, triangles).distance > 0, [False, False, True])


def test_closest_points_of_face_edges_and_corners() -> None:
    corners = np.broadcast_to(np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]), (5, 3, 3))
    points = np.array([[0.25, 0.25, 2], [0.5, -1, 0], [1, 1, 0], [-1, -1, 0], [3, -1, 0]])
    weights, square = closest_on_triangles(points, corners)
    assert weights[0] == pytest.approx([0.5, 0.25, 0.25])
    assert weights[1] == pytest.approx([0.5, 0.5, 0])
    assert weights[2] == pytest.approx([0, 0.5, 0.5])
    assert weights[3] == pytest.approx([1, 0, 0])
    assert weights[4] == pytest.approx([0, 1, 0])
    assert square == pytest.approx([4, 1, 0.5, 2, 5])


def test_closest_points_on_random_triangles_are_trimeshs() -> None:
    random = np.random.default_rng(7)
    points, corners = random.normal(size=(2000, 3)), random.normal(size=(2000, 3, 3))
    weights, square = closest_on_triangles(points, corners)
    expected = trimesh.triangles.closest_point(corners, points)
    np.testing.assert_allclose(np.einsum("nk,nkx->nx", weights, corners), expected, atol=1e-9)
    np.testing.assert_allclose(square, ((points - expected) ** 2).sum(axis=1), atol=1e-9)


@pytest.mark.parametrize(
    "corners", [[[0, 0, 0]] * 3, [[0, 0, 0], [1, 0, 0], [1, 0, 0]], [[0, 0, 0], [2, 0, 0], [1, 0, 0]]]
)
def test_triangles_without_area_are_points_or_lines(corners: list[list[float]]) -> None:
    weights, square = closest_on_triangles(np.array([[0.5, 2.0, 0.0]]), np.array([corners], float))
    expected = 4.25 if corners[1] == corners[0] else 4.0
    assert square == pytest.approx([expected])
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()


def test_wrong_shapes_are_named() -> None:
    body = bumpy_body()
    with pytest.raises(ShapeError, match="points"):
        closest_points(np.zeros(3), body.vertices, body.faces)
    with pytest.raises(ShapeError, match="triangle"):
        SurfaceIndex(np.zeros((3, 3)), np.zeros((0, 3), int))


def test_a_surface_with_a_spike_costs_no_gigabytes() -> None:
    """A vertex that a damaged take has hundreds of metres away: all triangles lie in one cell of the grid."""
    body = bumpy_body()
    points = np.random.default_rng(8).uniform(body.bounds[0], body.bounds[1], (1600, 3))
    vertices = np.array(body.vertices)
    spike = int(np.argmax(vertices[:, 0]))
    expected = PartsIndex(vertices, body.faces).query(points, 0.05).distance
    away = np.linalg.norm(points - vertices[spike], axis=1) > 0.06
    vertices[spike] += [255.0, 0.0, 0.0]
    tracemalloc.start()
    found = PartsIndex(vertices, body.faces).query(points, 0.05).distance
    assert tracemalloc.get_traced_memory()[1] < 400_000_000
    tracemalloc.stop()
    assert (np.sign(found) == np.sign(expected))[away].mean() > 0.97, "the spike is inside, too"
    np.testing.assert_allclose(found[away & (expected < 0)], expected[away & (expected < 0)], atol=1e-9)


def test_points_that_are_worked_on_in_parts_are_as_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    body = bumpy_body()
    points = np.random.default_rng(9).uniform(body.bounds[0], body.bounds[1], (500, 3))
    whole = PartsIndex(body.vertices, body.faces).query(points)
    monkeypatch.setattr(closest_point, "MOST_PAIRS", 3000)
    monkeypatch.setattr(winding_number, "MOST_ENTRIES", 2000)
    parts = PartsIndex(body.vertices, body.faces).query(points)
    for name in ("distance", "triangle", "barycentric", "normal"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
