"""The head's surface in each frame of a take, for the distances of the hands from it."""

from __future__ import annotations

import numpy as np

from dice_core.geometry.mesh import Mesh, triangles
from dice_core.geometry.signed_distance import PartsIndex
from dice_core.metrics.plausibility import TOUCH_DISTANCE, hand_distances, is_touching
from dice_core.take.frames import Frame

__all__ = ["HeadSurface"]


class HeadSurface:
    """The head's distance field, refitted to every frame."""

    def __init__(self, mesh: Mesh | None) -> None:
        self._triangles = None if mesh is None else triangles(mesh)
        self._index: PartsIndex | None = None

    def distances(self, frame: Frame) -> np.ndarray | None:
        """(n,) of all vertices of all hands as the metrics want it; None without a head or a hand."""
        index = self._refitted(frame)
        if index is None:
            return None
        return np.concatenate([hand_distances(index, body.surface) for body in frame.hands.values()])

    def touched(self, frame: Frame) -> bool:
        """Whether a hand touches the head: `is_touching` of the distances, mostly without computing them all."""
        index = self._refitted(frame)
        if index is None:
            return False
        hands = [body.surface for body in frame.hands.values()]
        # Depths beyond the leak limit count as zero, so a hand that is not near may still touch.
        return any(index.is_near(hand, TOUCH_DISTANCE) or is_touching(hand_distances(index, hand)) for hand in hands)

    def _refitted(self, frame: Frame) -> PartsIndex | None:
        if self._triangles is None or "head" not in frame.bodies or not frame.hands:
            return None
        surface = frame.bodies["head"].surface
        self._index = PartsIndex(surface, self._triangles) if self._index is None else self._index.moved(surface)
        return self._index
