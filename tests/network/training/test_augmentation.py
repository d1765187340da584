"""Augmentation: the truth follows the picture."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dice_core.network.training.augmentation import Augmentation, augmented, turned  # noqa: E402
from dice_core.network.training.bodies import TrainingBodies  # noqa: E402
from dice_core.network.training.losses.total import project  # noqa: E402
from dice_core.network.training.samples import Sample, collate  # noqa: E402

NOTHING = Augmentation(scale=(1.0, 1.0), shift=0.0, turn=0.0, colour=0.0, blur=0.0, occlusion=0.0)


def test_parameters_pose_the_turned_meshes(scenes: list[Sample], bodies: TrainingBodies) -> None:
    for angle in (-0.7, 0.4, 2.0):
        batch = collate([turned(scene, angle, 1.1, np.array([0.03, -0.02])) for scene in scenes[16:20]], bodies.counts)
        assert (bodies.posed_hand(batch) - batch["hand_vs"]).abs().max() < 2e-5
        assert (bodies.posed_head(batch) - batch["head_vs"]).abs().max() < 2e-5


def test_the_picture_turns_with_the_key_points(scenes: list[Sample]) -> None:
    scene = dict(scenes[0])
    scene["pixels"] = np.zeros((224, 224, 3), np.uint8)
    scene["pixels"][58:63, 148:153] = 255  # a dot with its middle at (150.5, 60.5) pixels from the corner
    scene["keypoints"] = np.tile(np.array([150.5, 60.5], np.float32) / 224, (89, 1))
    for angle, scale in ((0.5, 1.0), (-1.2, 0.8), (0.0, 1.25)):
        moved = turned(scene, angle, scale, np.array([0.02, 0.05]))
        rows, columns = np.nonzero(moved["pixels"][..., 0] > 100)
        middle = np.array([columns.mean(), rows.mean()]) + 0.5
        assert np.abs(middle - moved["keypoints"][0] * 224).max() < 0.4


def test_turned_meshes_project_to_the_turned_key_points(scenes: list[Sample], bodies: TrainingBodies) -> None:
    """With a flat camera: what it shows of the turned meshes is what it shows of the meshes, turned."""
    scene = dict(scenes[18])
    camera = torch.tensor([[38.0, 112.0, 112.0]])
    points = torch.cat(bodies.keypoints(*(torch.tensor(scene[name])[None] for name in ("hand_vs", "head_vs"))), 1)
    scene["keypoints"] = project(points, camera)[0].numpy()
    moved = turned(scene, 0.6, 1.0, np.zeros(2))
    after = torch.cat(bodies.keypoints(*(torch.tensor(moved[name])[None] for name in ("hand_vs", "head_vs"))), 1)
    assert np.abs(project(after, camera)[0].numpy() - moved["keypoints"]).max() < 1e-4


def test_the_same_numbers_make_the_same_sample_and_nothing_makes_none(scenes: list[Sample]) -> None:
    scene = scenes[3]
    same = augmented(scene, NOTHING, np.random.default_rng(1))
    for name, value in scene.items():
        assert np.allclose(same[name], value, atol=1e-6), name
    one, two = (augmented(scene, Augmentation(), np.random.default_rng(4)) for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    other = augmented(scene, Augmentation(), np.random.default_rng(5))
    assert not np.array_equal(one["pixels"], other["pixels"])
    assert one["pixels"].dtype == np.uint8
    before = scene["pixels"].copy()
    assert np.array_equal(scenes[3]["pixels"], before)


def test_key_points_that_leave_the_picture_are_not_trusted(scenes: list[Sample]) -> None:
    moved = turned(scenes[0], 0.0, 1.0, np.array([0.6, 0.0]))
    out = moved["keypoints"][:, 0] > 1
    assert out.any()
    assert not moved["keypoint_confidence"][out].any()


def test_samples_that_know_little_are_turned_too(scenes: list[Sample]) -> None:
    little = {name: scenes[0][name] for name in ("pixels", "keypoints", "keypoint_confidence")}
    assert set(augmented(little, Augmentation(), np.random.default_rng(0))) == set(little)
