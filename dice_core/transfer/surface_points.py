"""Points that stick to a surface: a triangle and barycentric weights each, carried along however the surface moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.geometry.closest_point import SurfaceIndex

__all__ = ["PLACE_FACING", "SurfacePoints", "closest_facing"]

PLACE_FACING = 0.2
"""Least cosine between our normal and the skin's at the place of a vertex."""


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


def closest_facing(
    points: np.ndarray, normals: np.ndarray, vertices: np.ndarray, triangles: np.ndarray, number: np.ndarray
) -> SurfacePoints:
    """The nearest points of a surface that face the same way, else the nearest at all.

    points, normals : (n, 3); vertices, triangles : of the surface; number : (m,) what the triangles are called.
    """
    index = SurfaceIndex(vertices, triangles)
    found = index.query(points)
    triangle, weights = found.triangle.copy(), found.barycentric.copy()
    wrong = np.flatnonzero(np.einsum("nx,nx->n", found.normal, normals) < PLACE_FACING)
    if len(wrong):
        # Looked for again a little outside and inside: across a lip or a lid the right side is nearer from there.
        for step in (0.002, -0.002, 0.004):
            again = index.query(points[wrong] + step * normals[wrong])
            right = np.einsum("nx,nx->n", again.normal, normals[wrong]) >= PLACE_FACING
            rows = wrong[right]
            triangle[rows], weights[rows] = again.triangle[right], again.barycentric[right]
            wrong = wrong[~right]
            if not len(wrong):
                break
    return SurfacePoints(triangles[triangle], weights, number[triangle])
