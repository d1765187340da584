"""Metrics against takes whose geometry, and so whose errors, are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from dice_core.bodies import load_hand, load_head
from dice_core.errors import ShapeError
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import triangles
from dice_core.geometry.signed_distance import PartsIndex
from dice_core.metrics import format_metrics, format_table, measure, measure_tracking, summarise
from dice_core.metrics.accuracy import ContactScore, mean_distance, procrustes
from dice_core.metrics.keypoints import Keypoints, landmark_error
from dice_core.metrics.plausibility import hand_distances, harmonic_mean
from dice_core.take.frames import Body, FrameReader
from tests.core.synthetic_bodies import HAND_RADIUS, HEAD_CENTRE, HEAD_RADIUS, sphere_mesh, sphere_take

FACET_DEPTH_MM = 0.31
"""How far the middles of the head's facets lie inside its sphere: 100 mm (1 - cos(180 degrees / 40 sectors))."""


def beside(gap: float) -> np.ndarray:
    """Centre of a hand whose sphere is `gap` metres from the head's."""
    return HEAD_CENTRE + np.array([HEAD_RADIUS + HAND_RADIUS + gap, 0, 0])


@pytest.fixture
def positions() -> np.ndarray:
    """Far, touching, 10 mm deep, 3 mm deep."""
    return np.stack([beside(0.03), beside(0.002), beside(-0.01), beside(-0.003)])


def test_plausibility_of_known_gaps(tmp_path: Path, positions: np.ndarray) -> None:
    result = measure(sphere_take(tmp_path / "a", positions))
    assert result["frames"] == result["hand_frames"] == 4
    assert result["tracked"] == {"head": 1.0, "hand_right": 1.0}
    assert result["non_col_percent"] == 75.0
    assert result["touch_frames"] == 3
    assert result["max_penetration_mm"] == pytest.approx(10, abs=FACET_DEPTH_MM)
    head, hand = sphere_mesh("head", 30, 40, HEAD_RADIUS), sphere_mesh("hand_right", 16, 20, HAND_RADIUS).rest_vertices
    surface = trimesh.Trimesh(head.rest_vertices, triangles(head), process=False)
    points = (hand + positions[:, None] - HEAD_CENTRE).reshape(-1, 3)
    depth = np.maximum(trimesh.proximity.signed_distance(surface, points), 0).reshape(len(positions), -1)
    assert result["max_penetration_mm"] == pytest.approx(1000 * depth.max(), rel=1e-4)
    assert result["col_dist_mm"] == pytest.approx(1000 * depth.sum(axis=1).mean() / len(hand), rel=1e-4)
    assert result["landmark_error_percent"] == {"head": None, "hand_right": None}
    assert result["touches"][0]["region"] == "cheek.R"
    json.dumps(result)


def test_tracking_metrics_are_those_of_the_full_measurement_and_cost_no_distances(
    tmp_path: Path, positions: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = sphere_take(tmp_path / "a", positions, tracked=np.array([1, 1, 1, 0]))
    full = measure(take)
    monkeypatch.setattr(PartsIndex, "__init__", None)
    steps: list[tuple[int, int]] = []
    cheap = measure_tracking(take, lambda done, total: steps.append((done, total)))
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert full.keys() - cheap.keys() == {"non_col_percent", "col_dist_mm", "max_penetration_mm", "touch_frames"}
    assert cheap == {key: full[key] for key in cheap}
    assert cheap["hand_frames"] == 3
    assert cheap["tracked"] == {"head": 1.0, "hand_right": 0.75}
    text = format_metrics(cheap)
    assert "frames with a hand      3" in text
    assert "collision" not in text
    assert format_metrics(summarise([cheap, cheap])).startswith("takes                   2\nframes                  8")


def test_depths_beyond_the_leak_limit_count_as_zero() -> None:
    """Decaf takes 50 mm and more for a leak: the vertex then neither collides nor is it away from the surface."""
    mesh = sphere_mesh("head", 60, 80, HEAD_RADIUS)
    index = PartsIndex(mesh.rest_vertices, triangles(mesh))
    points = np.array([[0.04, 0, 0], [0.06, 0, 0], [0.13, 0, 0], [0.3, 0, 0], [0.1, 0.1, 0.1]])
    found = hand_distances(index, points)
    np.testing.assert_allclose(found, [0, 0.04, -0.03, -0.05, -0.05], atol=3e-4)
    assert found[0] == 0


def test_against_itself_all_errors_are_zero(tmp_path: Path, positions: np.ndarray) -> None:
    take = sphere_take(tmp_path / "a", positions)
    result = measure(take, take)
    assert result["compared_frames"] == 4
    assert result["pve_mm"] == 0
    assert result["missed_percent"] == 0
    assert result["touchness_percent"] == 100
    assert result["f_percent"] == pytest.approx(harmonic_mean(100, 75))
    assert result["contact"]["hand"] == {"f": 1, "precision": 1, "recall": 1, "accuracy": 1}
    assert result["contact"]["head"]["accuracy"] == 1
    assert result["contact"]["head"]["f"] == 0
    assert result["mpjpe_mm"] is None


def test_pve_is_taken_about_the_heads_centre(tmp_path: Path, positions: np.ndarray) -> None:
    """Head and hand moved together cost nothing; the hand alone costs its own vertices."""
    truth = sphere_take(tmp_path / "truth", positions)
    shift = np.array([[0.02, -0.01, 0.2]] * 4)
    together = sphere_take(tmp_path / "together", positions + shift, head_shift=shift)
    assert measure(together, truth)["pve_mm"] == pytest.approx(0, abs=1e-3)  # sums of float32 vertices
    alone = sphere_take(tmp_path / "alone", positions + np.array([0.0, 0.008, 0.0]))
    head, hand = (len(truth.meshes[name].rest_vertices) for name in ("head", "hand_right"))
    assert measure(alone, truth)["pve_mm"] == pytest.approx(8 * hand / (head + hand), rel=1e-4)


def test_missing_hand_costs_touchness_recall_and_is_reported(tmp_path: Path, positions: np.ndarray) -> None:
    truth = sphere_take(tmp_path / "truth", positions)
    take = sphere_take(tmp_path / "take", positions, tracked=np.array([1, 1, 0, 0]))
    result = measure(take, truth)
    assert result["tracked"]["hand_right"] == 0.5
    assert result["missed_percent"] == 25.0
    assert result["truth_touch_frames"] == 3
    assert result["touchness_percent"] == pytest.approx(100 / 3)
    assert result["non_col_percent"] == 100.0
    assert result["contact"]["hand"]["precision"] == 1
    contact = truth.array("hand_right.contact") > 0.5
    assert result["contact"]["hand"]["recall"] == pytest.approx(contact[:2].sum() / contact.sum())


def test_frames_are_matched_by_their_index(tmp_path: Path, positions: np.ndarray) -> None:
    truth = sphere_take(tmp_path / "truth", positions)
    later = sphere_take(tmp_path / "later", positions[2:], first_frame=2)
    result = measure(later, truth)
    assert result["compared_frames"] == 2
    assert result["pve_mm"] == 0


def test_jitter_is_the_second_difference(tmp_path: Path) -> None:
    """Even motion has none, a zigzag of 1 mm second differences of 2 mm on the hand; interpolated frames are out."""
    even = beside(0.05) + np.arange(6)[:, None] * np.array([0.01, 0, 0])
    assert measure(sphere_take(tmp_path / "even", even))["jitter_mm"] == pytest.approx(0, abs=5e-4)  # float32
    zigzag = even + np.array([[0, 0.001 * (k % 2), 0] for k in range(6)])
    take = sphere_take(tmp_path / "zigzag", zigzag)
    head, hand = (len(take.meshes[name].rest_vertices) for name in ("head", "hand_right"))
    assert measure(take)["jitter_mm"] == pytest.approx(2 * hand / (head + hand), rel=1e-3)
    interpolated = sphere_take(tmp_path / "interpolated", zigzag, tracked=np.full(6, 2))
    assert measure(interpolated)["jitter_mm"] == 0


def test_frame_reader_goes_back_and_forth(tmp_path: Path, positions: np.ndarray) -> None:
    take = sphere_take(tmp_path / "a", positions, first_frame=7, tracked=np.array([1, 0, 2, 1]))
    reader = FrameReader(take)
    assert [frame.index for frame in reader] == [7, 8, 9, 10]
    for index in (10, 7, 9):
        centre = reader.read(index).bodies["hand_right"].surface.mean(axis=0)
        np.testing.assert_allclose(centre, positions[index - 7], atol=2e-3)
    assert list(reader.read(8).bodies) == ["head"]
    assert not reader.read(9).bodies["hand_right"].measured
    assert 11 not in reader


def test_procrustes_undoes_a_similarity() -> None:
    random = np.random.default_rng(0)
    points = random.normal(size=(21, 3))
    turn, _ = np.linalg.qr(random.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    moved = 1.7 * points @ turn.T + [1, 2, 3]
    np.testing.assert_allclose(procrustes(moved, points), points, atol=1e-12)
    mirrored = points * [-1, 1, 1]
    assert mean_distance(procrustes(mirrored, points), points) > 0.3


def test_points_must_correspond() -> None:
    with pytest.raises(ShapeError):
        mean_distance(np.zeros((3, 3)), np.zeros((4, 3)))


def test_contact_score_of_known_counts() -> None:
    score = ContactScore()
    score.add(np.array([0.9, 0.9, 0.9, 0.1, 0.5, 0.0]), np.array([1.0, 1.0, 0.0, 1.0, 0.0, 0.0]))
    result = score.result()
    assert result is not None
    assert result["precision"] == pytest.approx(2 / 3)
    assert result["recall"] == pytest.approx(2 / 3)
    assert result["f"] == pytest.approx(2 / 3)
    assert result["accuracy"] == pytest.approx(4 / 6)
    assert ContactScore().result() is None


@pytest.mark.parametrize("side", ["left", "right"])
def test_key_points_of_a_take_are_those_of_the_fitted_hand(side: str) -> None:
    """Size and shape are found again from the rest vertices that the take stores."""
    hand = load_hand(side)
    random = np.random.default_rng(1)
    shape = random.normal(size=len(hand.shape_basis)) * 0.7
    angles = random.uniform(hand.dof_lower, hand.dof_upper)
    rotation, translation = np.array([0.3, -0.5, 0.2]), np.array([0.05, 0.02, 0.6])
    mesh = hand.person_mesh(shape, 1.08)
    body = Body(
        vertices=hand.pose(shape, 1.08, rotation, angles, translation),
        deformation=np.zeros_like(mesh.rest_vertices),
        contact=np.zeros(len(mesh.rest_vertices)),
        rotation=hand.rotation_vectors(rotation, angles),
        translation=translation,
        landmarks=None,
        measured=True,
    )
    found = Keypoints(mesh).landmarks(body)
    assert found is not None
    np.testing.assert_allclose(found, hand.keypoints(shape, 1.08, rotation, angles, translation), atol=1e-5)


def test_head_landmark_error_is_in_percent_of_the_eyes_distance() -> None:
    head = load_head()
    camera = Camera(1000.0, 1000.0, 250.0, 250.0, 500, 500)
    points = head.landmarks(head.mesh.rest_vertices + np.array([0, 0, 0.7], np.float32))
    points = points.astype(np.float64)
    detected = camera.project(points)
    assert landmark_error(detected, points, camera) == pytest.approx(0, abs=1e-9)
    eyes = np.linalg.norm(detected[[33, 133]].mean(axis=0) - detected[[362, 263]].mean(axis=0))
    assert landmark_error(detected + np.array([3.0, 4.0]), points, camera) == pytest.approx(100 * 5 / eyes, rel=1e-5)
    with_irises = np.concatenate([detected, np.zeros((10, 2))])
    assert landmark_error(with_irises, points, camera) == pytest.approx(0, abs=1e-9)


def test_hand_landmark_error_is_in_percent_of_the_box() -> None:
    random = np.random.default_rng(3)
    points = random.normal(size=(21, 3)) * 0.05 + [0, 0, 0.6]
    camera = Camera(1000.0, 1000.0, 250.0, 250.0, 500, 500)
    detected = camera.project(points)
    longer = np.ptp(detected, axis=0).max()
    assert landmark_error(detected + np.array([0.0, 2.0]), points, camera) == pytest.approx(200 / longer)
    assert landmark_error(np.zeros((21, 2)), points, camera) is None


def test_summary_and_text(tmp_path: Path, positions: np.ndarray) -> None:
    one = measure(sphere_take(tmp_path / "one", positions))
    two = measure(sphere_take(tmp_path / "two", positions[:2]))
    summary = summarise([one, two])
    assert summary["takes"] == 2
    assert summary["frames"] == 6
    assert summary["touch_frames"] == 4
    assert summary["non_col_percent"] == pytest.approx(87.5)
    assert summary["max_penetration_mm"] == one["max_penetration_mm"]
    assert summary["tracked"] == {"head": 1.0, "hand_right": 1.0}
    text = format_metrics(one | {"landmark_error_percent": {"head": {"median": 2.5, "p95": 3.25}, "hand_right": None}})
    assert "75.0 %" in text
    assert "median 2.50 %, 95th percentile 3.25 %" in text
    assert "right hand on cheek.R, frames 0 to 3" in text
    assert "free of collision" in format_metrics(summary)
    table = format_table([("one", one), ("two", two)]).splitlines()
    assert len(table) == 3
    assert table[1].split()[:2] == ["one", "4"]


def test_text_of_a_comparison(tmp_path: Path, positions: np.ndarray) -> None:
    take = sphere_take(tmp_path / "one", positions)
    text = format_metrics(measure(take, take))
    for label in ("PVE", "MPJPE", "PA-MPJPE", "Touchness", "contact, hand"):
        assert label in text
