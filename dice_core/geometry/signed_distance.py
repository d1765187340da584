"""Signed distance of a body made of several closed parts that may overlap, such as a head with its eyeballs."""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np

from dice_core.geometry.closest_point import Closest, SurfaceIndex
from dice_core.geometry.winding_number import CrossingIndex

__all__ = ["PartsIndex", "connected_parts"]


class PartsIndex:
    """The union of the connected parts of a mesh, prepared for several queries.

    A point is inside if it is inside any part; a single `SurfaceIndex` would call a point in an eyeball outside where
    the wall of the eye socket, which faces it, is nearer than the eyeball's own surface. The sign comes from the
    winding number, so that parts may also cut themselves, as lips do that are pressed together; open boundaries are
    closed.
    vertices : (V, 3) float, metres; triangles : (T, 3) int, outward normals by the right-hand rule.
    """

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray) -> None:
        self._members = connected_parts(triangles)
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
    def _crossings(self) -> list[CrossingIndex]:
        return [CrossingIndex(self._vertices, part.triangles) for part in self._parts]

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """(3,) lowest and (3,) highest coordinates, metres."""
        lows, highs = zip(*(part.bounds for part in self._parts), strict=True)
        return np.min(lows, axis=0), np.max(highs, axis=0)

    def is_near(self, points: np.ndarray, distance: float) -> bool:
        """Whether any of the points, (n, 3) metres, is within a distance of any part's surface."""
        return any((part.query(points, distance).triangle >= 0).any() for part in self._parts)

    def query(self, points: np.ndarray, max_distance: float = np.inf) -> Closest:
        """Closest point of the part that a point is deepest in, or of the nearest part outside.

        points : (n, 3) float, metres; max_distance : metres, the surface is not looked for any further away.
        Returns Closest; next to a fold its normal may face the other way. Inside overlapping parts the distance is the
        largest of theirs, less than the union's depth.
        """
        count = len(points)
        best = Closest(np.full(count, -float(max_distance)), np.full(count, -1), *np.zeros((2, count, 3)))
        for part, crossing, member in zip(self._parts, self._crossings, self._members, strict=True):
            low, high = part.bounds
            to_box = np.linalg.norm(np.maximum(np.maximum(low - points, points - high), 0), axis=1)
            rows = np.flatnonzero(to_box <= np.maximum(-best.distance, 0))
            found = part.query(points[rows], max_distance)
            length = np.abs(found.distance)
            distance = np.where((found.triangle >= 0) & crossing.inside(points[rows]), length, -length)
            better = np.flatnonzero((found.triangle >= 0) & (distance > best.distance[rows]))
            rows = rows[better]
            best.distance[rows], best.triangle[rows] = distance[better], member[found.triangle[better]]
            best.barycentric[rows], best.normal[rows] = found.barycentric[better], found.normal[better]
        return best


def connected_parts(triangles: np.ndarray) -> list[np.ndarray]:
    """Triangles that hang together by their vertices.

    triangles : (T, 3) int. Returns (n,) int64 triangle indices of each part, the largest part first.
    """
    return list(_connected_parts(np.ascontiguousarray(triangles, np.int64).tobytes()))


@lru_cache(maxsize=4)
def _connected_parts(data: bytes) -> tuple[np.ndarray, ...]:
    """`connected_parts` by content, as a take has one head and thousands of frames."""
    triangles = np.frombuffer(data, np.int64).reshape(-1, 3)
    label = np.arange(int(triangles.max()) + 1 if triangles.size else 0)
    while True:
        # Every vertex takes the lowest label of its triangles, then the label of that label, until nothing changes.
        lowest = label[triangles].min(axis=1)
        previous = label.copy()
        for corner in triangles.T:
            np.minimum.at(label, corner, lowest)
        label = label[label]
        if np.array_equal(label, previous):
            break
    of_triangle = label[triangles[:, 0]]
    parts = [np.flatnonzero(of_triangle == part) for part in np.unique(of_triangle)]
    return tuple(sorted(parts, key=len, reverse=True))
