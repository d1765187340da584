"""The rasteriser against a slow per-pixel ray caster and against surfaces whose depth is known."""

from __future__ import annotations

import numpy as np
import pytest

from dice_core.errors import ShapeError
from dice_core.geometry.camera import Camera
from dice_core.geometry.rasterizer import depth_map, interpolate, rasterize, scaled_camera
from tests.core.synthetic_bodies import sphere


def cast_rays(vertices: np.ndarray, triangles: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reference: intersect the ray of every pixel with every triangle (Moeller-Trumbore), float64."""
    x, y = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    rays = camera.rays(np.stack([x, y], -1)).reshape(-1, 3)
    depth = np.full(len(rays), np.inf)
    owner = np.full(len(rays), -1)
    weights = np.zeros((len(rays), 3))
    for index, (a, b, c) in enumerate(vertices[triangles].astype(np.float64)):
        p = np.cross(rays, c - a)
        det = p @ (b - a)
        with np.errstate(divide="ignore", invalid="ignore"):
            u = p @ -a / det
            q = np.cross(-a, b - a)
            v = rays @ q / det
            t = (c - a) @ q / det
        hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0) & (t < depth)
        depth[hit], owner[hit] = t[hit], index
        weights[hit] = np.stack([1 - u - v, u, v], -1)[hit]
    shape = (camera.height, camera.width)
    return owner.reshape(shape), depth.reshape(shape), weights.reshape(*shape, 3)


@pytest.fixture
def camera() -> Camera:
    return Camera(90.0, 95.0, 33.3, 25.8, 64, 48)


def test_agrees_with_ray_caster_on_random_triangles(camera: Camera) -> None:
    random = np.random.default_rng(1)
    vertices = random.uniform([-0.4, -0.3, 0.5], [0.4, 0.3, 1.5], (120, 3))
    triangles = random.integers(0, 120, (60, 3))
    triangles = triangles[[len(set(t)) == 3 for t in triangles]]
    owner, depth, weights = cast_rays(vertices, triangles, camera)
    raster = rasterize(vertices, triangles, camera)
    assert (owner >= 0).mean() > 0.5
    assert np.array_equal(raster.triangle, owner)
    seen = owner >= 0
    np.testing.assert_allclose(raster.depth[seen], depth[seen], rtol=1e-6)
    np.testing.assert_allclose(raster.barycentric[seen], weights[seen], atol=1e-5)
    assert np.isinf(raster.depth[~seen]).all()
    assert np.array_equal(raster.covered, seen)


def test_batches_give_the_same_picture(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    vertices, triangles = sphere(12, 20, 0.2, (0.0, 0.0, 0.7))
    whole = rasterize(vertices, triangles, camera)
    monkeypatch.setattr("dice_core.geometry.rasterizer.PIXELS_AT_ONCE", 97)
    parts = rasterize(vertices, triangles, camera)
    assert np.array_equal(whole.depth, parts.depth)
    assert np.array_equal(whole.covered, parts.covered)


def test_closed_surface_has_no_holes_and_culling_changes_nothing(camera: Camera) -> None:
    vertices, triangles = sphere(60, 90, 0.15, (0.02, -0.01, 0.8))
    raster = rasterize(vertices, triangles, camera)
    x, y = np.meshgrid(np.arange(64), np.arange(48))
    rays = camera.rays(np.stack([x, y], -1))
    centre = np.array([0.02, -0.01, 0.8])
    along = rays @ centre / (rays**2).sum(-1)
    distance = np.linalg.norm(rays * along[..., None] - centre, axis=-1)
    assert raster.covered[distance < 0.149].all()
    assert not raster.covered[distance > 0.151].any()
    near = distance < 0.12
    length = np.linalg.norm(rays, axis=-1)
    expected = along - np.sqrt(np.maximum(0.15**2 - distance**2, 0)) / length
    np.testing.assert_allclose(raster.depth[near], expected[near], atol=5e-4)
    culled = rasterize(vertices, triangles, camera, cull_back=True)
    assert np.array_equal(culled.depth, raster.depth)


def test_slanted_plane_has_its_exact_depth(camera: Camera) -> None:
    """z = 1 + x / 2 on a plane that covers the whole picture."""
    x = np.array([-1.0, 1.0, 1.0, -1.0])
    vertices = np.stack([x, [-1, -1, 1, 1], 1 + x / 2], axis=1)
    raster = rasterize(vertices, np.array([[0, 1, 2], [0, 2, 3]]), camera)
    column = (np.arange(64) - camera.cx) / camera.fx
    np.testing.assert_allclose(raster.depth, np.broadcast_to(1 / (1 - column / 2), (48, 64)), rtol=1e-6)
    found = interpolate(raster, np.array([[0, 1, 2], [0, 2, 3]]), vertices)
    np.testing.assert_allclose(found[:, 2].reshape(48, 64), raster.depth, rtol=1e-5)
    np.testing.assert_allclose(found[:, 0], np.tile(column, 48) * found[:, 2], atol=1e-6)


def test_front_of_two_overlapping_squares_wins(camera: Camera) -> None:
    square = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    vertices = np.concatenate([square + np.array([0, 0, 2]), square * 0.1 + np.array([0, 0, 1])])
    triangles = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    raster = rasterize(vertices, triangles, camera)
    assert raster.triangle[26, 33] in (2, 3)
    assert raster.triangle[2, 2] in (0, 1)
    assert raster.depth[26, 33] == pytest.approx(1.0)


def test_behind_and_outside_the_picture_draws_nothing(camera: Camera) -> None:
    triangle = np.array([[0, 1, 2]])
    behind = np.array([[0.0, 0, -1], [1, 0, -1], [0, 1, 1]])
    aside = np.array([[5.0, 0, 1], [6, 0, 1], [5, 1, 1]])
    for vertices in (behind, aside):
        assert not rasterize(vertices, triangle, camera).covered.any()
    assert not rasterize(np.zeros((0, 3)), np.zeros((0, 3), int), camera).covered.any()


def test_depth_map_is_a_smaller_raster(camera: Camera) -> None:
    vertices, triangles = sphere(40, 60, 0.2, (0.0, 0.0, 0.7))
    small = depth_map(vertices, triangles, camera, 0.5)
    assert small.shape == (24, 32)
    assert np.array_equal(small, rasterize(vertices, triangles, scaled_camera(camera, 0.5)).depth)


def test_scaled_camera_keeps_the_pixels_corners() -> None:
    """The picture's outer edges (half a pixel outside the first and last centre) stay where they are."""
    camera = Camera(500.0, 500.0, 319.5, 199.5, 640, 400)
    small = scaled_camera(camera, 0.2)
    corner = camera.rays(np.array([[-0.5, -0.5], [639.5, 399.5]]))
    np.testing.assert_allclose(small.project(corner), [[-0.5, -0.5], [127.5, 79.5]], atol=1e-9)


def test_wrong_shapes_are_named(camera: Camera) -> None:
    with pytest.raises(ShapeError, match="vertices"):
        rasterize(np.zeros((4, 2)), np.zeros((1, 3), int), camera)
