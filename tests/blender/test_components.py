"""Low-rank animation and rotations, against motions with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from dice_blender.scene.keys.components import rigid_alignment
from dice_blender.scene.keys.decomposition import Offsets, decompose
from dice_blender.scene.rotations import continuous_quaternions
from dice_core.geometry.rotations import rotation_matrices

RNG = np.random.default_rng(3)


def _two_shapes(frames: int = 40) -> np.ndarray:
    shapes = RNG.normal(size=(2, 200, 3)) * 0.01
    phase = np.linspace(0, 2 * np.pi, frames)
    weights = np.stack([np.sin(phase), np.cos(2 * phase)], axis=1)
    return np.einsum("tk,kvi->tvi", weights, shapes).astype(np.float32)


def test_two_shapes_of_both_signs_need_three_keys() -> None:
    offsets = _two_shapes()
    parts = decompose(Offsets.of(offsets), tolerance=1e-5, limit=24)
    assert len(parts.shapes) == 3
    rebuilt = np.einsum("tk,kvi->tvi", parts.weights, parts.shapes)
    assert np.abs(rebuilt - offsets).max() < 2e-6


def test_weights_lie_between_zero_and_one_and_use_the_range() -> None:
    parts = decompose(Offsets.of(_two_shapes()), tolerance=1e-5, limit=24)
    assert parts.weights.min() >= 0
    assert np.allclose(parts.weights.max(axis=0), 1)


def test_nothing_to_do_needs_no_key() -> None:
    parts = decompose(Offsets.of(np.zeros((5, 10, 3), np.float32)), tolerance=1e-5, limit=24)
    assert parts.shapes.shape == (0, 10, 3)
    assert parts.weights.shape == (5, 0)
    assert parts.error == 0


def test_a_frame_at_rest_has_no_weight() -> None:
    offsets = _two_shapes()
    offsets[7] = 0
    parts = decompose(Offsets.of(offsets), tolerance=1e-5, limit=24)
    assert np.abs(parts.weights[7]).max() < 1e-4


@pytest.mark.parametrize("limit", [2, 5, 12])
def test_the_limit_holds_and_the_error_is_what_is_left(limit: int) -> None:
    offsets = (RNG.normal(size=(30, 100, 3)) * 0.01).astype(np.float32)
    parts = decompose(Offsets.of(offsets), tolerance=1e-5, limit=limit)
    assert len(parts.shapes) == limit
    rebuilt = np.einsum("tk,kvi->tvi", parts.weights, parts.shapes)
    assert parts.error == pytest.approx(np.linalg.norm(rebuilt - offsets, axis=2).max(), rel=1e-3)


def test_alignment_finds_the_motion_that_was_applied() -> None:
    reference = RNG.normal(size=(300, 3)) * 0.1
    rotation = rotation_matrices(RNG.normal(size=(6, 3)))
    translation = RNG.normal(size=(6, 3))
    moved = reference @ rotation.transpose(0, 2, 1) + translation[:, None]
    found_rotation, found_translation = rigid_alignment(moved.astype(np.float32), reference)
    assert np.abs(found_rotation - rotation).max() < 1e-5
    assert np.abs(found_translation - translation).max() < 1e-5


def test_quaternions_of_a_full_turn_do_not_jump() -> None:
    angles = np.linspace(0, 2 * np.pi, 50)
    wrapped = np.where(angles > np.pi, angles - 2 * np.pi, angles)
    quaternions = continuous_quaternions(np.outer(wrapped, [0, 0, 1]))
    assert np.linalg.norm(np.diff(quaternions, axis=0), axis=1).max() < 0.07
    assert np.allclose(quaternions[-1], [-1, 0, 0, 0], atol=1e-9)


def test_where_components_run_out_the_error_is_evened_out() -> None:
    """Two vertices far off in one frame: least squares gives them up, the largest distance must not."""
    sizes = 0.01 * 0.5 ** np.arange(8)
    shapes = RNG.normal(size=(8, 200, 3)) * sizes[:, None, None]
    offsets = np.einsum("tk,kvi->tvi", RNG.normal(size=(60, 8)), shapes).astype(np.float32)
    offsets[30, :2, 0] += 0.004
    limit = 9
    parts = decompose(Offsets.of(offsets), tolerance=1e-5, limit=limit)
    left, singular, right = np.linalg.svd(offsets.reshape(60, -1), full_matrices=False)
    kept = slice(limit - 1)
    plain = (left[:, kept] * singular[kept]) @ right[kept] - offsets.reshape(60, -1)
    assert parts.error < 0.5 * np.linalg.norm(plain.reshape(60, -1, 3), axis=2).max()


def test_an_aim_betters_the_error_without_more_shapes() -> None:
    """A hand's touches: dents here and there, each in a few frames, more of them than there are shapes."""
    centres = RNG.uniform(-0.1, 0.1, (20, 3))
    points = RNG.uniform(-0.1, 0.1, (400, 3))
    dents = 0.01 * np.exp(-(((points - centres[:, None]) / 0.03) ** 2).sum(axis=2))
    times = np.exp(-(((np.arange(80) - RNG.uniform(0, 80, (20, 1))) / 3) ** 2))
    offsets = np.zeros((80, 400, 3), np.float32)
    offsets[..., 0] = times.T @ dents
    plain = decompose(Offsets.of(offsets), tolerance=1e-3, limit=24)
    bettered = decompose(Offsets.of(offsets), tolerance=1e-3, limit=24, aim=1e-4)
    assert len(bettered.shapes) == len(plain.shapes) < 24
    assert bettered.error < 0.6 * plain.error
    rebuilt = np.einsum("tk,kvi->tvi", bettered.weights, bettered.shapes)
    assert bettered.error == pytest.approx(np.linalg.norm(rebuilt - offsets, axis=2).max(), rel=1e-3)
    assert bettered.weights.min() >= 0


def test_fewer_frames_than_shapes_are_exact() -> None:
    offsets = (RNG.normal(size=(6, 50, 3)) * 0.01).astype(np.float32)
    assert decompose(Offsets.of(offsets), tolerance=1e-6, limit=24, aim=1e-7).error < 1e-6
