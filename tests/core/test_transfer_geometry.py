"""Pieces of the transfer against known answers: solver, similarity, deformation transfer, arm, anatomy."""

from __future__ import annotations

import numpy as np
import pytest

from dice_core.bodies import load_hand, load_head
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.geometry.rotations import rotation_matrices
from dice_core.transfer.arm import SHOULDER_MOST, STRETCH, Arm
from dice_core.transfer.deformation_transfer import DeformationTransfer, deformation_gradients
from dice_core.transfer.expressions import apply_table
from dice_core.transfer.hand_anatomy import hand_anatomy
from dice_core.transfer.hand_carry import SpaceWarp
from dice_core.transfer.hand_rig import our_anatomy
from dice_core.transfer.layered_solver import LayeredSolver
from dice_core.transfer.registration import fit_similarity
from dice_core.transfer.turns import between, least_turn, mean_turn, share_of, twist_about


def test_the_layered_solver_agrees_with_a_dense_one() -> None:
    rng = np.random.default_rng(3)
    count = 700
    rows, columns = rng.integers(0, count, (2, 4 * count))
    rows, columns = np.concatenate([rows, columns]), np.concatenate([columns, rows])
    values = np.tile(rng.normal(size=4 * count), 2)
    keep = np.abs(rows - columns) < 30  # several parts, some alone
    dense = np.zeros((count, count))
    np.add.at(dense, (rows[keep], columns[keep]), values[keep])
    dense += np.diag(np.abs(dense).sum(axis=1) + 0.1)
    i, j = np.nonzero(dense)
    right = rng.normal(size=(count, 5))
    found = LayeredSolver(i, j, dense[i, j], count).solve(right)
    np.testing.assert_allclose(found, np.linalg.solve(dense, right), rtol=1e-8, atol=1e-10)


def test_a_similarity_is_found_again() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(40, 3))
    turn = rotation_matrices(np.array([0.4, -1.2, 2.0]))
    found = fit_similarity(points, 1.7 * points @ turn.T + [3, -2, 5], rng.uniform(0.1, 1, 40))
    assert found.scale == pytest.approx(1.7)
    np.testing.assert_allclose(found.rotation, turn, atol=1e-9)
    np.testing.assert_allclose(found.to_ours(found.to_target(points)), points, atol=1e-12)


@pytest.mark.parametrize("name", ["jawOpen", "mouthSmileLeft", "eyeBlinkRight"])
def test_deformation_transfer_onto_a_turned_and_larger_copy_gives_the_same_key(name: str) -> None:
    head = load_head()
    triangles = mesh_triangles(head.mesh)
    rest = head.mesh.rest_vertices.astype(np.float64)
    key = head.expressions[head.expression_names.index(name)].astype(np.float64)
    held = np.linalg.norm(head.expressions, axis=2).max(axis=0) < 1e-5
    solver = DeformationTransfer(2.5 * rest, triangles, held, np.zeros((0, 2), np.int64), np.zeros(0))
    gradients = deformation_gradients(rest, rest + key, triangles)
    found = solver.displacements(gradients[None], 2.5 * key[None], np.zeros((1, 0, 3)))[0]
    # Parts that nothing holds, such as the eyeballs, have no place of their own.
    skin = ~head.rigid_vertices & ~head.mesh.region_vertices("tongue")
    assert np.abs(found - 2.5 * key)[skin].max() < 0.02 * 2.5 * np.linalg.norm(key, axis=1).max()


def test_an_arm_reaches_what_is_within_reach_and_keeps_its_bones() -> None:
    arm = Arm(None, np.array([0.2, 0, 1.4]), np.array([0.5, 0.02, 1.4]), np.array([0.76, 0, 1.4]), np.eye(3))
    for wrist in ([0.1, -0.3, 1.55], [0.3, -0.2, 1.2], [0.5, -0.25, 1.6]):
        pose = arm.reach_for(np.array(wrist), np.eye(3))
        elbow = arm.shoulder + pose.upper @ (arm.elbow - arm.shoulder)
        np.testing.assert_allclose(elbow + pose.forearm @ (arm.wrist - arm.elbow), wrist, atol=1e-9)
        # The law of cosines gives the elbow's angle.
        upper, lower = arm.lengths
        distance = np.linalg.norm(np.array(wrist) - arm.shoulder)
        cosine = (upper**2 + lower**2 - distance**2) / (2 * upper * lower)
        bent = (arm.shoulder - elbow) @ (wrist - elbow) / (upper * lower)
        assert bent == pytest.approx(cosine, abs=1e-9)
        assert elbow[2] < (arm.shoulder[2] + wrist[2]) / 2  # it hangs
        for turn in (pose.upper, pose.forearm):
            np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)


def test_an_arm_that_is_too_short_stretches_towards_the_wrist_and_its_shoulder_helps_a_little() -> None:
    collar = np.array([0.03, 0, 1.42])
    arm = Arm(collar, np.array([0.2, 0, 1.4]), np.array([0.5, 0.02, 1.4]), np.array([0.76, 0, 1.4]), np.eye(3))
    far = np.array([0.2, -1.0, 1.4])
    pose = arm.reach_for(far, np.eye(3))
    shoulder = collar + pose.shoulder @ (arm.shoulder - collar)
    assert np.linalg.norm(pose.wrist - shoulder) == pytest.approx(STRETCH * sum(arm.lengths))
    assert pose.missing == pytest.approx(np.linalg.norm(pose.wrist - far))
    angle = np.arccos((np.trace(pose.shoulder) - 1) / 2)
    assert 0 < angle <= SHOULDER_MOST + 1e-9


def test_a_straight_arm_bends_alike_however_its_character_stands() -> None:
    joints = np.array([[0.03, 0, 1.42], [0.2, 0, 1.4], [0.5, 0, 1.4], [0.76, 0, 1.4]])
    wrist, turn = np.array([0.1, -0.3, 1.55]), rotation_matrices(np.array([0.4, -1.2, 2.0]))
    plain = Arm(*joints, np.eye(3)).reach_for(wrist, np.eye(3))
    turned = Arm(*(joints @ turn.T), turn.T).reach_for(turn @ wrist, np.eye(3))
    for part in ("shoulder", "upper"):
        np.testing.assert_allclose(getattr(turned, part), turn @ getattr(plain, part) @ turn.T, atol=1e-9)


def test_the_forearm_takes_half_of_the_hands_twist() -> None:
    arm = Arm(None, np.zeros(3), np.array([0.3, 0.05, 0]), np.array([0.5, 0, 0]), np.eye(3))
    still = arm.reach_for(arm.wrist, np.eye(3))
    axis = still.forearm @ (arm.wrist - arm.elbow)
    axis /= np.linalg.norm(axis)
    turned = arm.reach_for(arm.wrist, rotation_matrices(0.8 * axis) @ still.forearm)
    plain = arm.reach_for(arm.wrist, still.forearm)
    assert twist_about(turned.forearm @ plain.forearm.T, axis) == pytest.approx(0.4, abs=0.02)


def test_the_anatomy_of_a_hand_is_mirrored_and_does_not_depend_on_where_it_is() -> None:
    right, _ = our_anatomy(load_hand("right").mesh)
    left, _ = our_anatomy(load_hand("left").mesh)
    mirror = np.diag([-1.0, 1, 1])
    np.testing.assert_allclose(left.axes[:, :, 1], right.axes[:, :, 1] @ mirror, atol=1e-6)
    turn = rotation_matrices(np.array([0.3, 2.0, -0.7]))
    joints = {name: 3 * turn @ at + 1 for name, at in zip(right.names, right.joints, strict=True)}
    tips = {name: (3 * turn @ at + 1)[None] for name, at in zip(right.names, right.tips, strict=True)}
    moved = hand_anatomy(joints, tips)
    assert moved is not None
    np.testing.assert_allclose(moved.axes, turn @ right.axes, atol=1e-6)
    np.testing.assert_allclose(moved.lengths, 3 * right.lengths, rtol=1e-6)
    # Fingers point away from the wrist, and bend about axes across the palm.
    assert (right.axes[0, :, 1] @ right.axes[4, :, 1]) > 0.9


def test_a_hand_without_fingers_has_no_anatomy() -> None:
    assert hand_anatomy({"hand": np.zeros(3)}, {}) is None
    assert hand_anatomy({"index.1": np.zeros(3), "middle.1": np.ones(3)}, {}) is None


def test_turns_between_others() -> None:
    first, second = rotation_matrices(np.array([[0.2, 0.1, -0.3], [1.0, -0.5, 0.4]]))
    np.testing.assert_allclose(between(first, second, 0.0), first, atol=1e-12)
    np.testing.assert_allclose(between(first, second, 1.0), second, atol=1e-12)
    np.testing.assert_allclose(share_of(rotation_matrices(np.array([0, 0, 1.0])), 0.25),
                               rotation_matrices(np.array([0, 0, 0.25])), atol=1e-12)  # fmt: skip
    for start, end in (([1, 0, 0], [0, 2, 0]), ([1, 0, 0], [-1, 0, 0]), ([0, 1, 1], [0, 1, 1])):
        turned = least_turn(np.array(start, float), np.array(end, float)) @ np.array(start) / np.linalg.norm(start)
        np.testing.assert_allclose(turned, np.array(end) / np.linalg.norm(end), atol=1e-9)
    points = np.random.default_rng(0).normal(size=(9, 3))
    np.testing.assert_allclose(mean_turn(points, points @ first.T + 4), first, atol=1e-9)


def test_a_warp_carries_points_on_the_skin_along() -> None:
    rng = np.random.default_rng(2)
    source = rng.uniform(-0.1, 0.1, (80, 3))
    shift = np.array([0.01, 0, 0.02])
    warp = SpaceWarp(source, source + shift)
    np.testing.assert_allclose(warp(source[:5]), source[:5] + shift, atol=1e-12)


def test_the_table_scales_shifts_and_sums() -> None:
    expression = np.zeros((2, 52))
    names = load_head().expression_names
    expression[1, names.index("jawOpen")] = 0.5
    expression[1, names.index("mouthFunnel")] = 1.0
    rows = [
        {"source": "jawOpen", "target": "Mouth", "gain": 2.0, "offset": 0.1},
        {"source": "mouthFunnel", "target": "Mouth", "gain": -0.5, "offset": 0.0},
        {"source": "noSuch", "target": "Other", "gain": 1.0, "offset": 0.0},
    ]
    curves = apply_table(rows, expression)
    assert curves.names == ("Mouth", "Other")
    np.testing.assert_allclose(curves.weights, [[0.1, 0], [0.6, 0]], atol=1e-6)
    assert curves.unknown == ("noSuch",)


def test_a_mitten_has_the_axes_of_a_hand() -> None:
    mesh = load_hand("right").mesh
    whole, _ = our_anatomy(mesh)
    kept = {name: at for name, at in zip(whole.names, whole.joints, strict=True) if name in ("hand", "thumb.1")}
    palm = mesh.rest_vertices[mesh.region_vertices("palm", "back")].astype(np.float64)
    mitten = hand_anatomy(kept, {"hand": palm})
    assert mitten is not None
    assert np.degrees(np.arccos((np.trace(mitten.axes[0].T @ whole.axes[0]) - 1) / 2)) < 20
    assert hand_anatomy({"hand": np.zeros(3)}, {"hand": palm}) is None
