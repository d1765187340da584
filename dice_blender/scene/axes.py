"""From the take's camera space (x right, y down, z forward) to Blender's (x right, y forward, z up)."""

from __future__ import annotations

import numpy as np

__all__ = ["CAMERA_TO_BLENDER", "to_blender"]

CAMERA_TO_BLENDER = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""(3, 3) rotation: Blender coordinates = CAMERA_TO_BLENDER @ camera coordinates."""


def to_blender(points: np.ndarray) -> np.ndarray:
    """Points, directions or axis-angle vectors in Blender's axes.

    points : (..., 3) float in camera axes.
    Returns (..., 3) float32; exact, since coordinates only change places and signs.
    """
    points = np.asarray(points)
    turned = np.empty(points.shape, np.float32)
    turned[..., 0] = points[..., 0]
    turned[..., 1] = points[..., 2]
    turned[..., 2] = -points[..., 1]
    return turned
