"""Distance of overlapping closed parts, and of the real head, against the winding number."""

from __future__ import annotations

import numpy as np
import pytest

from dice_core.bodies import load_head
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import connected_components, triangle_neighbours, triangles
from dice_core.geometry.signed_distance import PartsIndex
from tests.core.synthetic_bodies import sphere

trimesh = pytest.importorskip("trimesh")


def winding_number(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """How often a closed surface runs around each point: solid angles after van Oosterom and Strackee (1983)."""
    total = np.zeros(len(points))
    for corners in vertices[faces]:
        a, b, c = corners[:, None] - points
        la, lb, lc = (np.linalg.norm(x, axis=1) for x in (a, b, c))
        dot = [(x * y).sum(axis=1) for x, y in ((a, b), (b, c), (c, a))]
        total += np.arctan2((a * np.cross(b, c)).sum(axis=1), la * lb * lc + dot[0] * lc + dot[1] * la + dot[2] * lb)
    return total / (2 * np.pi)


@pytest.fixture(scope="module")
def head_points() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points within 30 mm of the face and ears, and the head's vertices and triangles."""
    mesh = load_head().mesh
    vertices, faces = mesh.rest_vertices.astype(np.float64), triangles(mesh)
    names = ("forehead", "brow.L", "eye.L", "eye.R", "nose", "cheek.L", "lips", "chin", "jaw.R", "ear.R")
    face = faces[mesh.region_vertices(*names)[faces].all(axis=1)]
    random = np.random.default_rng(0)
    corners = vertices[face[random.integers(0, len(face), 250)]]
    on_surface = np.einsum("nk,nkx->nx", random.dirichlet([1, 1, 1], 250), corners)
    return on_surface + random.uniform(-0.02, 0.03, (250, 3)), vertices, faces


def test_union_of_overlapping_spheres() -> None:
    one, faces = sphere(40, 60, 0.1, (0.0, 0.0, 0.0))
    two, _ = sphere(40, 60, 0.1, (0.12, 0.0, 0.0))
    index = PartsIndex(np.concatenate([one, two]), np.concatenate([faces, faces + len(one)]))
    points = np.array([[0.0, 0.0, 0.03], [0.12, 0.0, 0.03], [0.06, 0.01, 0.0], [0.06, 0.12, 0.0], [0.3, 0.0, 0.0]])
    expected = np.maximum(0.1 - np.linalg.norm(points, axis=1), 0.1 - np.linalg.norm(points - [0.12, 0, 0], axis=1))
    found = index.query(points)
    np.testing.assert_allclose(found.distance, expected, atol=6e-4)
    assert found.triangle[0] < len(faces) <= found.triangle[1]
    moved = index.moved(np.concatenate([one, two]) + 0.01).query(points + 0.01)
    np.testing.assert_allclose(moved.distance, found.distance, atol=1e-12)
    low, high = index.bounds
    np.testing.assert_allclose([low[0], high[0]], [-0.1, 0.22], atol=1e-9)
    assert (index.query(points, 0.02).distance[-1:] == -0.02).all()


def test_surface_that_cuts_itself() -> None:
    """Two overlapping spheres in one part: the walls within the overlap do not count as an outside."""
    one, faces = sphere(24, 36, 0.1, (0.0, 0.0, 0.0))
    two, _ = sphere(24, 36, 0.1, (0.12, 0.0, 0.0))
    vertices = np.concatenate([one, two])
    joined = np.concatenate([faces, faces + len(one), [[40, 40 + len(one), 40]]])  # of no area
    assert len(connected_components(joined)) == 1
    points = np.random.default_rng(0).uniform([-0.12, -0.12, -0.12], [0.24, 0.12, 0.12], (400, 3))
    radius = np.minimum(np.linalg.norm(points, axis=1), np.linalg.norm(points - [0.12, 0, 0], axis=1))
    clear = np.abs(radius - 0.1) > 0.002
    assert np.array_equal(PartsIndex(vertices, joined).query(points).distance[clear] > 0, radius[clear] < 0.1)


def test_fold_that_sticks_out_inside_out() -> None:
    """The far wall of a sphere pushed out through the near one: before it, the nearest surface faces the other way."""
    vertices, faces = sphere(24, 36, 0.1, (0.0, 0.0, 0.5))
    vertices[vertices[:, 2] > 0.57, 2] -= 0.23
    points = np.array([[0.0, 0.0, 0.36], [0.01, 0.01, 0.36], [0.01, 0.01, 0.3], [-0.09, 0.0, 0.5]])
    assert (SurfaceIndex(vertices, faces).query(points).distance > 0).all()
    assert np.array_equal(PartsIndex(vertices, faces).query(points).distance > 0, [False, False, False, True])
    around = np.random.default_rng(1).uniform([-0.12, -0.12, 0.3], [0.12, 0.12, 0.62], (300, 3))
    inside = winding_number(around, vertices, faces) > 0.5
    assert np.array_equal(PartsIndex(vertices, faces).query(around).distance > 0, inside)


def test_distance_of_the_real_head_is_trimeshs(head_points: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    points, vertices, faces = head_points
    found = SurfaceIndex(vertices, faces).query(points)
    body = trimesh.Trimesh(vertices, faces, process=False)
    expected = trimesh.proximity.signed_distance(body, points)
    np.testing.assert_allclose(np.abs(found.distance), np.abs(expected), atol=1e-4)
    # trimesh casts rays where the closest point is on an edge, which goes wrong in the eye sockets.
    assert (np.sign(found.distance) == np.sign(expected)).mean() > 0.9


def test_inside_of_the_real_head(head_points: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Inside is where the winding number of head, tongue and eyeballs, with the neck closed, is one or more."""
    points, vertices, faces = head_points
    neck = [(faces[row, k], faces[row, (k + 1) % 3]) for row, k in np.argwhere(triangle_neighbours(faces) < 0)]
    lid = np.array([(b, a, len(vertices)) for a, b in neck])
    closed = np.concatenate([vertices, vertices[[a for a, _ in neck]].mean(axis=0)[None]])
    inside = winding_number(points, closed, np.concatenate([faces, lid])) > 0.5
    assert 30 < inside.sum() < 220
    assert np.array_equal(PartsIndex(vertices, faces).query(points).distance > 0, inside)
