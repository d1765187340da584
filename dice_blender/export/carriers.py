"""What moves the vertices of an exported mesh: its object, or bones; and the shape keys for what these leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..scene.keys.decomposition import Offsets
from ..scene.keys.decomposition import decompose as components_of
from .shapes import Shapes

__all__ = ["Carrier", "ObjectCarrier", "SkinCarrier", "add_remainder"]

# Metres, set by hand. Below the first nothing is to be seen of what is missing; otherwise it gets keys, to the second.
_UNSEEN, _TOLERANCE = 0.25e-3, 0.05e-3
# Keys that a mesh gets at most for what its own keys and bones do not show. Set by hand.
_MOST_KEYS = 24
_PREFIX = "sampled"


class Carrier(Protocol):
    """Moves vertices from the mesh's own space, in the file, into the world."""

    def forward(self, t: int, points: np.ndarray) -> np.ndarray:
        """(V, 3) points of the mesh -> (V, 3) in the world, in frame t."""
        ...

    def back(self, t: int, offsets: np.ndarray) -> np.ndarray:
        """(V, 3) offsets in the world -> (V, 3) offsets of the mesh's points, in frame t."""
        ...


@dataclass(frozen=True)
class ObjectCarrier:
    """All vertices move alike. matrices : (T, 4, 4)."""

    matrices: np.ndarray

    def forward(self, t: int, points: np.ndarray) -> np.ndarray:
        return points @ self.matrices[t, :3, :3].T + self.matrices[t, :3, 3]

    def back(self, t: int, offsets: np.ndarray) -> np.ndarray:
        return offsets @ np.linalg.inv(self.matrices[t, :3, :3]).T


@dataclass(frozen=True)
class SkinCarrier:
    """Bones move the vertices. deltas : (B, T, 4, 4) from the rest pose; weights : (V, B), rows sum to one."""

    deltas: np.ndarray
    weights: np.ndarray

    def forward(self, t: int, points: np.ndarray) -> np.ndarray:
        blended = self._blended(t)
        return np.einsum("vij,vj->vi", blended[:, :3, :3], points) + blended[:, :3, 3]

    def back(self, t: int, offsets: np.ndarray) -> np.ndarray:
        solved: np.ndarray = np.linalg.solve(self._blended(t)[:, :3, :3], offsets[:, :, None])[:, :, 0]
        return solved

    def _blended(self, t: int) -> np.ndarray:
        return (self.weights @ self.deltas[:, t].reshape(len(self.deltas), 16)).reshape(-1, 4, 4)


def add_remainder(shapes: Shapes, carrier: Carrier, surface: np.ndarray, source: np.ndarray) -> tuple[Shapes, float]:
    """Add the shape keys that it takes for the file to show what Blender shows.

    surface : (T, V, 3) in the world, as evaluated; source : (T,) the frame, one that is seen, whose motion each frame
    has. Returns the shapes, and the largest distance of a vertex from `surface`, metres.
    """
    visible: list[int] = np.unique(source).tolist()
    error = max(_distance(shapes, carrier, surface, t) for t in visible)
    if error <= _UNSEEN:
        return shapes, error
    remainder = np.zeros(surface.shape, np.float32)
    for t in visible:
        remainder[t] = carrier.back(t, surface[t] - carrier.forward(t, shapes.at(t)))
    parts = components_of(Offsets.of(remainder[visible]), _TOLERANCE, _MOST_KEYS)
    weights = parts.weights[np.searchsorted(visible, source)]
    shapes = shapes.extended(_PREFIX, parts.shapes, weights)
    return shapes, max(_distance(shapes, carrier, surface, t) for t in visible)


def _distance(shapes: Shapes, carrier: Carrier, surface: np.ndarray, t: int) -> float:
    return float(np.linalg.norm(carrier.forward(t, shapes.at(t)) - surface[t], axis=1).max(initial=0.0))
