from __future__ import annotations

import numpy as np
import pytest

from dice_core.bodies import load_head
from dice_core.contact.tissue.stiffness import head_tissue
from dice_core.geometry.nearest_vertex import NearestVertexIndex


@pytest.fixture(scope="module")
def neutral() -> NearestVertexIndex:
    head = load_head()
    return NearestVertexIndex(head.mesh, head_tissue(head).touchable)


@pytest.fixture
def proximity(neutral: NearestVertexIndex) -> NearestVertexIndex:
    neutral.set_vertices(load_head().mesh.rest_vertices)
    return neutral


def around_the_face(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points up to 3 cm off the front of the head, and the vertices that can be touched."""
    head = load_head()
    touchable = np.flatnonzero(head_tissue(head).touchable)
    random = np.random.default_rng(seed)
    vertices = head.mesh.rest_vertices[touchable]
    start = vertices[random.choice(len(touchable), count)]
    return start + random.uniform(-0.017, 0.017, (count, 3)), touchable


@pytest.mark.parametrize("moved", [False, True])
def test_nearest_vertex_is_that_of_brute_force(proximity: NearestVertexIndex, moved: bool) -> None:
    head = load_head()
    vertices = head.mesh.rest_vertices
    if moved:
        action = np.zeros(52)
        action[head.expression_names.index("jawOpen")] = 0.7
        action[head.expression_names.index("mouthSmileLeft")] = 0.6
        vertices = head.deform(vertices, action)
    proximity.set_vertices(vertices)
    points, touchable = around_the_face(1500, 0)
    found = proximity.query(points)
    exact = np.linalg.norm(points[:, None] - vertices[touchable][None], axis=2).min(axis=1)
    excess = found.distance - exact
    assert excess.min() > -1e-6
    # A walk over the mesh may end at a neighbour; the distance is what counts.
    assert np.quantile(excess, 0.9) < (1e-3 if moved else 1e-4)
    assert np.quantile(excess, 0.99) < (1e-2 if moved else 4e-3)


def test_depth_is_positive_below_the_skin(proximity: NearestVertexIndex) -> None:
    head = load_head()
    normals = proximity.normals
    regions = head.mesh.region_vertices("forehead", "cheek.L", "cheek.R", "chin")
    skin = np.flatnonzero(regions & head_tissue(head).touchable)[::10]
    for depth in (-0.004, 0.003):
        found = proximity.query(head.mesh.rest_vertices[skin] - depth * normals[skin])
        assert np.median(found.depth) == pytest.approx(depth, abs=3e-4)
        assert (np.sign(found.depth) == np.sign(depth)).mean() > 0.97


def test_points_far_off_get_an_answer(proximity: NearestVertexIndex) -> None:
    far = np.array([[0.0, 0.0, -5.0], [3.0, 3.0, 3.0]])
    found = proximity.query(far)
    assert (found.distance > 2.0).all()
    assert np.isfinite(found.depth).all()


def test_an_answer_does_not_depend_on_what_was_asked_for_before(neutral: NearestVertexIndex) -> None:
    """The grid is filled where points fall, and the last answer is kept."""
    head = load_head()
    points, touchable = around_the_face(300, 1)
    neutral.query(around_the_face(200, 2)[0])
    for vertices in (head.mesh.rest_vertices, head.mesh.rest_vertices * np.float32(1.02)):
        fresh = NearestVertexIndex(head.mesh, np.isin(np.arange(len(vertices)), touchable))
        for index in (fresh, neutral):
            index.set_vertices(vertices)
        assert np.array_equal(fresh.query(points).vertex, neutral.query(points).vertex)
        assert np.array_equal(fresh.query(points).depth, neutral.query(points).depth)
