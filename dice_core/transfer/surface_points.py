"""Points that stick to a surface: a triangle and barycentric weights each, carried along however the surface moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["SurfacePoints"]


@dataclass(frozen=True)
class SurfacePoints:
    """corners : (n, 3) int, vertices of the triangle that holds each point; weights : (n, 3); triangle : (n,) int."""

    corners: np.ndarray
    weights: np.ndarray
    triangle: np.ndarray

    def of(self, values: np.ndarray) -> np.ndarray:
        """Values given at vertices, (V, ...), at the points: (n, ...)."""
        return np.einsum("nk,nk...->n...", self.weights, values[self.corners])

    def of_each(self, values: np.ndarray) -> np.ndarray:
        """The same for a stack of values (m, V, 3): (m, n, 3)."""
        return np.stack([self.of(one) for one in values]) if len(values) else np.zeros((0, len(self.corners), 3))

    def chosen(self, rows: np.ndarray) -> SurfacePoints:
        """Some of the points; rows : (m,) int or (n,) bool."""
        return SurfacePoints(self.corners[rows], self.weights[rows], self.triangle[rows])
