from __future__ import annotations

import numpy as np
import pytest

from dice_core.contact.contact_pairs import (
    CELL,
    PosedSurface,
    Topology,
    near_each_other,
    pair_surfaces,
)
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import vertex_normals
from tests.core.contact_shapes import ball, sheet


def posed(vertices: np.ndarray, triangles: np.ndarray) -> PosedSurface:
    normals = vertex_normals(vertices, triangles)
    return PosedSurface(vertices, normals, normals, Topology(triangles, len(vertices)))


def test_no_near_point_is_missed() -> None:
    random = np.random.default_rng(0)
    first, second = random.uniform(0, 0.2, (300, 3)), random.uniform(0.15, 0.3, (200, 3))
    distance = np.linalg.norm(first[:, None] - second, axis=2)
    near_first, near_second = near_each_other(first, second)
    assert near_first[(distance < CELL).any(axis=1)].all()
    assert near_second[(distance < CELL).any(axis=0)].all()
    assert not near_first.all()
    assert not near_each_other(first, second + 1)[0].any()
    assert near_each_other(first, np.zeros((0, 3)))[1].shape == (0,)


def test_depths_agree_with_the_exact_distance() -> None:
    plate, plate_triangles = sheet(25, 0.08)
    vertices, triangles = ball(0.015, (0.003, -0.002, -0.011))
    hand, head = posed(vertices, triangles), posed(plate, plate_triangles)
    pairs, _ = pair_surfaces(hand, head, np.arange(len(vertices)), np.arange(len(plate)))
    exact = SurfaceIndex(plate, plate_triangles).query(vertices[pairs.vertex]).distance
    facing = pairs.weight > 0
    assert facing.sum() > 100
    assert pairs.depth[facing] == pytest.approx(exact[facing], abs=2e-4)
    assert pairs.depth.max() == pytest.approx(0.004, abs=1e-3)


def test_only_facing_surfaces_count() -> None:
    plate, triangles = sheet(15, 0.04)
    head = posed(plate, triangles)
    same_way = posed(plate + np.array([0, 0, 0.001]), triangles)
    facing = posed(plate + np.array([0, 0, 0.001]), triangles[:, ::-1])
    every = np.arange(len(plate))
    assert (pair_surfaces(same_way, head, every, every)[0].weight == 0).all()
    inner = (np.abs(plate[:, :2]) < 0.015).all(axis=1)
    assert (pair_surfaces(facing, head, every, every)[0].weight[inner] > 0.99).all()


def test_a_point_beside_the_rim_is_not_inside() -> None:
    plate, triangles = sheet(15, 0.04)
    vertices, ball_triangles = ball(0.002, (0.022, 0, 0.005))
    pairs, _ = pair_surfaces(
        posed(vertices, ball_triangles), posed(plate, triangles), np.arange(len(vertices)), np.arange(len(plate))
    )
    assert (pairs.within[vertices[:, 0] > 0.0205] == 0).all()
