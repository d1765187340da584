"""Whether a surface that a reader found is the one that Blender showed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

__all__ = ["Reference", "compare", "plain"]

# Metres: what is out of sight is no larger.
_OUT_OF_SIGHT = 1e-3


@dataclass
class Reference:
    """A body as Blender evaluates it at F times.

    surface : (F, V, 3) metres, y up; visible : (F,) bool; volumes : (F,) six times what the triangles enclose.
    """

    surface: np.ndarray
    visible: np.ndarray
    volumes: np.ndarray


def plain(name: str) -> str:
    """A name without what three.js leaves out of it."""
    return "".join(c for c in name.replace(" ", "_") if c not in "[].:/")


def compare(found: np.ndarray, reference: Reference) -> tuple[float, list[str]]:
    """Millimetres between two surfaces at most, and sentences about what is wrong.

    found : (F, N, 3) metres; readers split vertices at seams, so that N is V or more. A vertex is compared with the one
    that is the closest over all times together.
    """
    faults = []
    shown = reference.visible
    for frame in np.flatnonzero(~shown):
        size = np.ptp(found[frame], axis=0).max()
        if size > _OUT_OF_SIGHT:
            faults.append(f"is {size * 1000:.1f} mm large at time {frame}, where it is out of sight")
    ours = reference.surface[shown].transpose(1, 0, 2)
    theirs = found[shown].transpose(1, 0, 2)
    worst = 0.0
    for points, targets in ((theirs, ours), (ours, theirs)):
        _, nearest = cKDTree(targets.reshape(len(targets), -1)).query(points.reshape(len(points), -1))
        worst = max(worst, float(np.linalg.norm(points - targets[nearest], axis=2).max()))
    return worst * 1000, faults
