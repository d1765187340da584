"""How a body moves in a file: what is keyed of its motion, how it hides, and where the whole take stands."""

from __future__ import annotations

import numpy as np

from ..scene.importer import MESH_PROPERTY
from .sampling import BodySample, Samples
from .transforms import Channels, decompose

__all__ = ["keyed_motion", "shrinking", "standing_point"]

# Neither format has visibility: absent bodies shrink to a point. Not to nothing, which could not be inverted.
_ABSENT_SCALE = 1e-3


def keyed_motion(item: BodySample, linear: np.ndarray) -> Channels:
    """What is left of a body's motion to be keyed, without its constant part. linear : (3, 3) that part, invertible."""
    inverse = np.eye(4)
    inverse[:3, :3] = np.linalg.inv(linear)
    return decompose(item.world @ inverse)


def shrinking(items: list[BodySample]) -> np.ndarray | None:
    """(T,) scale that hides bodies where none is visible, or None where one always is."""
    visible = np.any([item.visible for item in items], axis=0)
    return None if visible.all() else np.where(visible, 1.0, _ABSENT_SCALE)


def standing_point(samples: Samples) -> np.ndarray:
    """(3,) metres, the world point that goes to the origin: below the middle of the head, at its lowest vertex."""
    heads = [item for item in samples.bodies if item.body.mesh.get(MESH_PROPERTY) == "head"]
    head = (heads or samples.bodies)[0]
    points = head.surface[int(np.argmax(head.visible))]
    low, high = points.min(axis=0), points.max(axis=0)
    return np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]], float)
