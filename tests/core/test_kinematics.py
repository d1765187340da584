from __future__ import annotations

import numpy as np
import pytest

from dice_core.bodies import Hand, load_hand
from dice_core.fitting.hand_samples import HandSamples
from dice_core.fitting.kinematics import POSE_SIZE, ArticulatedPoints, HandSkeleton, bone_weights
from dice_core.fitting.levenberg_marquardt import retract

SHAPE, SCALE = np.array([1.0, -0.5, 0.3]), 1.05


def skeleton_of(hand: Hand) -> HandSkeleton:
    return HandSkeleton(hand, hand.joint_positions(SHAPE, SCALE))


def key_points(hand: Hand) -> ArticulatedPoints:
    rest = hand.keypoints_rest(SHAPE, SCALE).astype(np.float64)
    return ArticulatedPoints(rest, bone_weights(hand.keypoint_joint, len(hand.mesh.joints)))


def random_pose(hand: Hand, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    angles = random.uniform(hand.dof_lower, hand.dof_upper)
    return np.concatenate([random.normal(0, 1.0, 3), [0.05, -0.1, 0.5], angles])


@pytest.mark.parametrize("side", ["left", "right"])
def test_positions_are_those_of_the_body(side: str) -> None:
    hand = load_hand(side)
    pose = random_pose(hand, 0)
    found = skeleton_of(hand).positions(pose, key_points(hand))
    assert found == pytest.approx(hand.keypoints(SHAPE, SCALE, pose[:3], pose[6:], pose[3:6]), abs=1e-6)


@pytest.mark.parametrize("side", ["left", "right"])
def test_samples_lie_on_the_posed_skin(side: str) -> None:
    hand = load_hand(side)
    pose = random_pose(hand, 1)
    samples = HandSamples.of(hand.person_mesh(SHAPE, SCALE))
    skin = hand.pose(SHAPE, SCALE, pose[:3], pose[6:], pose[3:6])
    assert samples.positions(skeleton_of(hand), pose) == pytest.approx(skin[samples.vertex], abs=1e-5)


def test_samples_cover_the_skin_evenly() -> None:
    mesh = load_hand("right").mesh
    samples = HandSamples.of(mesh)
    skin = mesh.rest_vertices[~mesh.region_vertices("wrist")]
    gaps = np.linalg.norm(skin[:, None] - samples.points.rest[None], axis=2).min(axis=1)
    assert gaps.max() < 0.009
    assert not mesh.region_vertices("wrist")[samples.vertex].any()


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("kind", ["key points", "skin"])
def test_jacobian_is_that_of_finite_differences(side: str, kind: str) -> None:
    hand = load_hand(side)
    points = key_points(hand) if kind == "key points" else HandSamples.of(hand.person_mesh(SHAPE, SCALE)).points
    skeleton = skeleton_of(hand)
    for seed in range(3):
        pose = random_pose(hand, seed)
        position, jacobian = skeleton.jacobian(pose, points)
        assert position == pytest.approx(skeleton.positions(pose, points), abs=1e-12)
        step = 1e-6
        for k in range(POSE_SIZE):
            change = np.zeros(POSE_SIZE)
            change[k] = step
            ahead = skeleton.positions(retract(pose, change), points)
            behind = skeleton.positions(retract(pose, -change), points)
            assert jacobian[:, :, k] == pytest.approx((ahead - behind) / (2 * step), abs=1e-7)


def test_normals_turn_with_the_hand() -> None:
    hand = load_hand("right")
    samples = HandSamples.of(hand.mesh)
    skeleton = HandSkeleton(hand, hand.mesh.joints)
    pose = np.zeros(POSE_SIZE)
    pose[3:6] = 0.0, 0.0, 0.5
    _, flat = samples.positions_and_normals(skeleton, pose)
    pose[:3] = 0.0, np.pi / 2, 0.0
    _, turned = samples.positions_and_normals(skeleton, pose)
    assert turned == pytest.approx(np.stack([flat[:, 2], flat[:, 1], -flat[:, 0]], axis=1), abs=1e-9)
