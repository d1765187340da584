"""Transforms as files key them: location, rotation and scale along the axes, without shear or mirroring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.geometry.rotations import axis_angle

from ..scene.rotations import continuous_quaternions

__all__ = ["Channels", "constant_part", "decompose", "is_mirrored"]

# Less than this share of a transform's largest scale is nothing to be seen, and could not be inverted.
_LEAST_SCALE = 1e-4


@dataclass(frozen=True)
class Channels:
    """Keyed transform over T frames. location : (T, 3) metres; rotation : (T, 3, 3) proper; scale : (T, 3)."""

    location: np.ndarray
    rotation: np.ndarray
    scale: np.ndarray

    @property
    def matrices(self) -> np.ndarray:
        """(T, 4, 4)."""
        matrices = np.tile(np.eye(4), (len(self.location), 1, 1))
        matrices[:, :3, :3] = self.rotation * self.scale[:, None, :]
        matrices[:, :3, 3] = self.location
        return matrices

    def uniform(self) -> Channels:
        """The same with one scale for all axes."""
        scale = np.exp(np.log(self.scale).mean(axis=1, keepdims=True))
        return Channels(self.location, self.rotation, np.repeat(scale, 3, axis=1))

    @property
    def quaternions(self) -> np.ndarray:
        """(T, 4) unit, scalar first, continuous."""
        return continuous_quaternions(axis_angle(self.rotation))


def decompose(matrices: np.ndarray) -> Channels:
    """The closest keyed transforms to (T, 4, 4) matrices: the rotation is that of the polar decomposition."""
    left, singular, right = np.linalg.svd(matrices[:, :3, :3])
    proper = np.linalg.det(left @ right)
    left[:, :, 2] *= proper[:, None]
    rotation = left @ right
    stretch = np.swapaxes(rotation, 1, 2) @ matrices[:, :3, :3]
    scale = np.diagonal(stretch, axis1=1, axis2=2).copy()
    least = _LEAST_SCALE * np.maximum(singular.max(axis=1), _LEAST_SCALE)
    return Channels(matrices[:, :3, 3].copy(), rotation, np.maximum(scale, least[:, None]))


def constant_part(matrices: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """(3, 3) scale, shear and mirroring that go into the vertices, so that only the rest is keyed.

    matrices : (T, 4, 4); usable : (T,) bool, the frames to take it from. It is that of the first of them whose scale
    is no less than half of the largest; mirroring is along x, between left and right.
    """
    determinants = np.where(usable, np.abs(np.linalg.det(matrices[:, :3, :3])), 0.0)
    first = int(np.argmax(determinants >= determinants.max() / 8))
    linear = matrices[first, :3, :3]
    _, singular, right = np.linalg.svd(linear)
    stretch = right.T @ (singular[:, None] * right)
    if np.allclose(stretch, np.eye(3), atol=1e-5):
        stretch = np.eye(3)
    mirror = np.diag([-1.0, 1.0, 1.0]) if is_mirrored(linear) else np.eye(3)
    return mirror @ stretch


def is_mirrored(linear: np.ndarray) -> bool:
    """Whether a (3, 3) matrix turns left into right."""
    return bool(np.linalg.det(linear) < 0)
