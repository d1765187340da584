"""Signed distance of a body made of several closed parts that may overlap, such as a head with its eyeballs."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from dice_core.geometry.closest_point import Closest, SurfaceIndex
from dice_core.geometry.mesh import connected_components
from dice_core.geometry.winding_number import WindingNumberIndex

__all__ = ["PartsIndex"]


class PartsIndex:
    """The union of the connected parts of a mesh, prepared for several queries.

    A point is inside if it is inside any part; a single `SurfaceIndex` would call a point in an eyeball outside where
    the wall of the eye socket, which faces it, is nearer than the eyeball's own surface. The sign comes from the
    winding number, so that parts may intersect themselves, as lips do that are pressed together. Open boundaries are
    closed.
    vertices : (V, 3) float, metres; triangles : (T, 3) int, outward normals by the right-hand rule.
    """

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray) -> None:
        self._members = connected_components(triangles)
        self._parts = [SurfaceIndex(vertices, triangles[member]) for member in self._members]
        self._vertices = vertices

    def moved(self, vertices: np.ndarray) -> PartsIndex:
        """The index of the same mesh with other vertices, (V, 3): faster than a new one."""
        other = object.__new__(PartsIndex)
        other._members = self._members
        other._parts = [part.moved(vertices) for part in self._parts]
        other._vertices = vertices
        return other

    @cached_property
    def _winding_numbers(self) -> list[WindingNumberIndex]:
        return [WindingNumberIndex(self._vertices, part.triangles) for part in self._parts]

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """(3,) lowest and (3,) highest coordinates, metres."""
        lows, highs = zip(*(part.bounds for part in self._parts), strict=True)
        return np.min(lows, axis=0), np.max(highs, axis=0)

    def is_near(self, points: np.ndarray, distance: float) -> bool:
        """Whether any of the points, (n, 3) metres, is within a distance of any part's surface."""
        return any((part.query(points, distance).triangle >= 0).any() for part in self._parts)

    def query(self, points: np.ndarray, max_distance: float = np.inf) -> Closest:
        """Closest point of the part in which a point is deepest or, for a point outside, of the nearest part.

        points : (n, 3) float, metres; max_distance : metres, the surface is not looked for any further away.
        Returns Closest; next to a fold its normal may face the other way. Where parts overlap, the distance is the
        largest of theirs, which is less than the depth in their union.
        """
        count = len(points)
        best = Closest(np.full(count, -float(max_distance)), np.full(count, -1), *np.zeros((2, count, 3)))
        for part, winding_number, member in zip(self._parts, self._winding_numbers, self._members, strict=True):
            low, high = part.bounds
            to_box = np.linalg.norm(np.maximum(np.maximum(low - points, points - high), 0), axis=1)
            rows = np.flatnonzero(to_box <= np.maximum(-best.distance, 0))
            found = part.query(points[rows], max_distance)
            length = np.abs(found.distance)
            distance = np.where((found.triangle >= 0) & winding_number.contains(points[rows]), length, -length)
            better = np.flatnonzero((found.triangle >= 0) & (distance > best.distance[rows]))
            rows = rows[better]
            best.distance[rows], best.triangle[rows] = distance[better], member[found.triangle[better]]
            best.barycentric[rows], best.normal[rows] = found.barycentric[better], found.normal[better]
        return best
