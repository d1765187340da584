"""From a take's camera space in metres to the axes and units that other programs expect."""

from __future__ import annotations

import numpy as np

__all__ = ["AXES", "UNITS", "transform"]

AXES: dict[str, np.ndarray] = {
    "y-up": np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]]),
    "z-up": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
    "camera": np.eye(3),
}
"""(3, 3) rotation of each choice: exported = AXES[name] @ camera space. The camera stays in the origin and x points to
the right of the picture. y-up, as in Maya, Houdini, Unity and glTF: the camera looks along -z. z-up, as in Blender: it
looks along +y. camera: the take's own x right, y down, z forward, as in OpenCV."""

UNITS: dict[str, float] = {"m": 1.0, "cm": 100.0, "mm": 1000.0}
"""Exported units in a metre."""


def transform(points: np.ndarray, axes: str, unit: str) -> np.ndarray:
    """Points of the take in other axes and units.

    points : (..., 3) metres, camera space; axes : a name of `AXES`; unit : a name of `UNITS`.
    Returns (..., 3) float64.
    """
    return np.asarray(points, np.float64) @ (UNITS[unit] * AXES[axes]).T
