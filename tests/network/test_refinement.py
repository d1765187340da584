"""`--contact solver`: a hand that the network puts into the head, or beside it, comes to lie on the skin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dice_core.engines.dice.contact_refinement import lifting_shift, resting_shift, spread_over_time
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import triangles
from dice_core.sample import sample_truth
from dice_core.take import open_take

# The finger comes down on the cheek and presses it.
ROWS = slice(17, 37)

pytest.importorskip("torch")

from dice_core.engines.dice.postprocess import Postprocessor  # noqa: E402
from tests.network.perturbed import SampleBodies, depth_errors, network_frames, refined  # noqa: E402


def test_hands_inside_the_head_are_brought_onto_the_skin(tmp_path: Path) -> None:
    result = refined(tmp_path, "+10 mm", ROWS)
    before, after = result["network"], result["solver"]
    assert before["non_col_percent"] < 50
    assert before["max_penetration_mm"] > 8
    assert after["non_col_percent"] == 100
    assert after["max_penetration_mm"] < 1
    assert after["touchness_percent"] >= before["touchness_percent"]
    assert after["pve_mm"] < 0.7 * before["pve_mm"]
    assert after["contact"]["head"]["f"] > before["contact"]["head"]["f"] - 0.1
    assert after["contact"]["hand"]["f"] > 0.8
    assert after["jitter_mm"] < 1.1 * before["jitter_mm"]


def test_touches_that_miss_are_brought_to_the_skin(tmp_path: Path) -> None:
    result = refined(tmp_path, "-8 mm", ROWS)
    before, after = result["network"], result["solver"]
    assert before["touchness_percent"] < 20
    assert after["touchness_percent"] > 90
    assert after["non_col_percent"] == 100
    assert after["pve_mm"] < 0.8 * before["pve_mm"]


def test_penetration_falls_where_the_network_sees_no_touch(tmp_path: Path) -> None:
    result = refined(tmp_path, "+10 mm, unseen", ROWS)
    before, after = result["network"], result["solver"]
    assert before["non_col_percent"] < 50
    assert after["non_col_percent"] == 100
    assert after["max_penetration_mm"] < 3
    assert after["touchness_percent"] >= before["touchness_percent"]


def test_chunks_do_not_show() -> None:
    truth = open_take(sample_truth())
    frames = network_frames(truth, depth_errors(len(truth.frames))["+-10 mm"])
    postprocessor = Postprocessor(SampleBodies(dict(truth.meshes)), truth.fps, solve_contact=True)  # type: ignore[arg-type]
    whole = postprocessor.chunk(frames, 24, 40).meshes
    part = postprocessor.chunk(frames.rows(slice(8, 56)), 16, 32).meshes
    for name, values in whole.items():
        expected = part[name].take_arrays(name)
        for key, array in values.take_arrays(name).items():
            assert np.array_equal(array, expected[key]), key


@pytest.fixture(scope="module")
def skin() -> SurfaceIndex:
    mesh = open_take(sample_truth()).meshes["head"]
    return SurfaceIndex(mesh.rest_vertices, triangles(mesh))


def _pad(skin: SurfaceIndex, depth: float) -> tuple[np.ndarray, np.ndarray]:
    """Points that lie `depth` inside the forehead's skin (negative: before it), and which way is out."""
    mesh = open_take(sample_truth()).meshes["head"]
    forehead = mesh.rest_vertices[mesh.region_vertices("forehead")]
    top = forehead[np.argsort(np.linalg.norm(forehead - forehead.mean(0), axis=1))[:12]].astype(np.float64)
    outward = skin.query(top - [0, 0, 1e-3], 0.05).normal.mean(0)
    outward /= np.linalg.norm(outward)
    return top - depth * outward, outward


@pytest.mark.parametrize("depth", [0.012, -0.009])
def test_shift_is_what_the_depth_is_off_by(skin: SurfaceIndex, depth: float) -> None:
    points, outward = _pad(skin, depth)
    shift = resting_shift(skin, points, np.ones(len(points)))
    # What is left is within what the skin's give and the contact stage settle.
    assert shift @ outward == pytest.approx(depth - np.sign(depth) * 0.003, abs=0.001)
    assert np.linalg.norm(shift - (shift @ outward) * outward) < 0.001


def test_hands_without_contact_or_far_away_stay(skin: SurfaceIndex) -> None:
    points, _ = _pad(skin, 0.012)
    assert not resting_shift(skin, points, np.full(len(points), 0.4)).any()
    far, _ = _pad(skin, -0.04)
    assert not resting_shift(skin, far, np.ones(len(far))).any()
    settled, _ = _pad(skin, 0.001)
    assert not resting_shift(skin, settled, np.ones(len(settled))).any()


def test_hands_deep_inside_are_lifted_to_where_skin_may_give_way(skin: SurfaceIndex) -> None:
    points, outward = _pad(skin, 0.02)
    shift = lifting_shift(skin, points)
    assert shift @ outward == pytest.approx(0.01, abs=0.0015)
    assert not lifting_shift(skin, points + 0.011 * outward).any()
    assert not lifting_shift(skin, points + 0.04 * outward).any()


def test_shifts_fade_away_from_the_touch() -> None:
    shifts = np.zeros((40, 3))
    shifts[15:25] = [0, 0, 0.01]
    known = np.zeros(40, bool)
    known[15:25] = True
    spread = spread_over_time(shifts, known, 24.0)[:, 2]
    assert spread[18:22] == pytest.approx(0.01, rel=0.03)
    assert np.all(np.diff(spread[:16]) >= 0)
    assert np.abs(np.diff(spread)).max() < 0.004
    assert not spread[:7].any()
    assert not spread_over_time(shifts, np.zeros(40, bool), 24.0).any()
