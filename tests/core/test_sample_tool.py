"""The parts of the sample's tool that need no Blender."""

from __future__ import annotations

import shutil
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from dice_core.bodies import load_hand
from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.geometry.mesh import triangles
from dice_core.sample import sample_clip, sample_truth
from dice_core.take import open_take

TOOLS = str(Path(__file__).parents[2] / "tools")
sys.path.append(TOOLS)

from sample.clothes import boundary_ring, ring_quads  # noqa: E402
from sample.performance import AWAY, DEPTH_MM, DURATION, EXPRESSIONS, curve, moment  # noqa: E402
from sample.truth import rewrite_truth  # noqa: E402


@pytest.mark.parametrize("keys", [AWAY, DEPTH_MM, *EXPRESSIONS.values()])
def test_curves_pass_their_keys_without_overshooting(keys: tuple[tuple[float, float], ...]) -> None:
    for second, value in keys:
        assert curve(keys, second) == pytest.approx(value, abs=1e-9)
    for (start, before), (end, after) in pairwise(keys):
        values = np.array([curve(keys, second) for second in np.linspace(start, end, 21)])
        assert values.min() >= min(before, after) - 1e-9
        assert values.max() <= max(before, after) + 1e-9


def test_motion_has_no_jumps() -> None:
    """Twice as many moments halve the largest step and the largest change of it: no jumps, no corners."""
    steps = []
    for count in (361, 721):
        moments = [moment(second) for second in np.linspace(0, DURATION, count)]
        values = np.array([[m.away, m.slide, m.depth, *m.rotation, *m.translation[:2]] for m in moments])
        steps.append([np.abs(np.diff(values, order, axis=0)).max(axis=0) for order in (1, 2)])
    assert (np.array(steps[1]) < 0.6 * np.array(steps[0])).all()


def test_expressions_are_named_on_both_sides() -> None:
    blink = moment(0.67).expression
    assert blink[EXPRESSION_NAMES.index("eyeBlinkLeft")] > 0.9
    assert blink[EXPRESSION_NAMES.index("eyeBlinkRight")] > 0.9
    for name in EXPRESSIONS:
        assert {name, name + "Left"} & set(EXPRESSION_NAMES)


def test_boundary_ring_is_the_cut_of_the_wrist() -> None:
    mesh = load_hand("right").mesh
    ring = boundary_ring(mesh.face_corners.reshape(-1, 4), mesh.rest_vertices, np.array([0.0, 1.0, 0.0]))
    edges = {tuple(sorted(edge)) for edge in zip(ring, np.roll(ring, -1), strict=True)}
    faces = triangles(mesh)
    count = dict.fromkeys(edges, 0)
    for triangle in faces:
        for k in range(3):
            edge = tuple(sorted((int(triangle[k]), int(triangle[(k + 1) % 3]))))
            if edge in count:
                count[edge] += 1
    assert len(ring) == 20
    assert set(count.values()) == {1}


def test_ring_quads_make_a_tube() -> None:
    quads = ring_quads(3, 4)
    assert len(quads) == 8
    assert quads.min() == 0
    assert quads.max() == 11
    inner = np.bincount(quads.ravel(), minlength=12)
    np.testing.assert_array_equal(inner, [2] * 4 + [4] * 4 + [2] * 4)


def test_rewriting_the_truth_keeps_what_the_clip_shows(tmp_path: Path) -> None:
    path = tmp_path / sample_truth().name
    shutil.copytree(sample_truth(), path)
    rewrite_truth(path, sample_clip())
    before, after = open_take(sample_truth()), open_take(path)
    assert after.info["source"] == {"orientation": 1, **before.info["source"]}
    assert after.events == before.events
    assert after.camera == before.camera
    for name, mesh in before.meshes.items():
        np.testing.assert_array_equal(after.meshes[name].rest_vertices, mesh.rest_vertices)
        for key in ("vertices", "deformation", "contact", "rotation", "translation"):
            np.testing.assert_array_equal(after.array(f"{name}.{key}"), before.array(f"{name}.{key}"))
        # The truth on disk has the landmarks of the packaged bodies: after a new bake, rewrite it.
        landmarks = (one.array(f"landmarks_{name}") for one in (after, before))
        np.testing.assert_allclose(*landmarks, atol=1e-3)
