"""Which points lie inside a surface, by the winding number: right also for surfaces that intersect themselves.

Lips pressed together overlap, and next to such a fold the nearest piece of surface may face the wrong way. The winding
number, counted along a ray as exits minus entries, does not depend on what is nearest.
"""

from __future__ import annotations

import numpy as np

from dice_core.geometry.mesh import triangle_neighbours

__all__ = ["WindingNumberIndex"]

CELLS = 96
"""Cells along each side of the grid that triangles are sorted into: about 3 mm on a head, half an edge. Set by hand;
it decides speed, not the result."""

MOST_ENTRIES = 2_000_000
"""Entries of the grid, and pairs of a point and a triangle that are worked on at once: ten times what a hand at a head
has. Damaged surfaces, whose triangles reach across them, get a coarser grid and are worked on in parts."""

SLANT = np.array([0.0137, -0.0219])
"""Slope of the ray in x and y against the view axis. Arbitrary, so that no ray runs along a row of vertices of a
regular mesh."""


class WindingNumberIndex:
    """A surface of one frame, prepared for inside tests.

    vertices : (V, 3) float, metres, camera space; triangles : (T, 3) int, outward normals by the right-hand rule.
    An open boundary, such as the neck's, is closed by a triangle fan around its centroid.
    """

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray) -> None:
        corners = _closed(np.asarray(vertices, np.float64), triangles)
        flat = corners[:, :, :2] + corners[:, :, 2:] * SLANT
        self._low = flat.min(axis=(0, 1))
        extent = max(float((flat.max(axis=(0, 1)) - self._low).max()), 1e-9)
        edge, other = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
        area = edge[:, 0] * other[:, 1] - edge[:, 1] * other[:, 0]
        kept = np.flatnonzero(area != 0)
        self._start, self._edge, self._other, self._area = flat[kept, 0], edge[kept], other[kept], area[kept]
        self._depth = corners[kept, :, 2]
        for cells in (CELLS, CELLS // 8, 1):
            self._cells, self._cell = cells, extent / cells
            if self._sort(flat[kept]):
                break

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Whether the winding number is positive: a ray from the point to the camera leaves more often than it enters.

        points : (n, 3) float, metres. Returns (n,) bool.
        """
        points = np.asarray(points, np.float64)
        flat = points[:, :2] + points[:, 2:] * SLANT
        cell = np.floor((flat - self._low) / self._cell).astype(np.int64)
        rows = np.flatnonzero(((cell >= 0) & (cell <= self._cells)).all(axis=1))
        at = cell[rows, 1] * (self._cells + 1) + cell[rows, 0]
        count = self._first[at + 1] - self._first[at]
        if count.sum() > MOST_ENTRIES and len(points) > 1:
            return np.concatenate([self.contains(half) for half in np.array_split(points, 2)])
        point = np.repeat(rows, count)
        within = np.arange(len(point)) - np.repeat(np.cumsum(count) - count, count)
        triangle = self._sorted[np.repeat(self._first[at], count) + within]
        offset, edge, other = flat[point] - self._start[triangle], self._edge[triangle], self._other[triangle]
        area = self._area[triangle]
        v = (offset[:, 0] * other[:, 1] - offset[:, 1] * other[:, 0]) / area
        w = (edge[:, 0] * offset[:, 1] - edge[:, 1] * offset[:, 0]) / area
        depth = self._depth[triangle]
        at_depth = depth[:, 0] + v * (depth[:, 1] - depth[:, 0]) + w * (depth[:, 2] - depth[:, 0])
        crossed = (v >= 0) & (w >= 0) & (v + w < 1) & (at_depth < points[point, 2])
        # With x right and y down, a triangle that faces the camera has a negative area: there the ray leaves.
        leaving = np.where(area < 0, 1, -1)[crossed]
        return np.bincount(point[crossed], leaving, minlength=len(points)) > 0

    def _sort(self, flat: np.ndarray) -> bool:
        """List each triangle in all grid cells that its bounding box touches; False where these are too many."""
        low = np.floor((flat.min(axis=1) - self._low) / self._cell).astype(np.int64)
        size = np.floor((flat.max(axis=1) - self._low) / self._cell).astype(np.int64) - low + 1
        count = size[:, 0] * size[:, 1]
        if count.sum() > MOST_ENTRIES and self._cells > 1:
            return False
        triangle = np.repeat(np.arange(len(flat)), count)
        within = np.arange(len(triangle)) - np.repeat(np.cumsum(count) - count, count)
        row, column = np.divmod(within, size[triangle, 0])
        cell = (low[triangle, 1] + row) * (self._cells + 1) + low[triangle, 0] + column
        self._sorted = triangle[np.argsort(cell, kind="stable")]
        entries = np.bincount(cell, minlength=(self._cells + 1) ** 2)
        self._first = np.concatenate([[0], np.cumsum(entries)])
        return True


def _closed(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(T, 3, 3) corners of the triangles, and of further ones that close the boundary."""
    row, edge = np.nonzero(triangle_neighbours(triangles) < 0)
    corners = vertices[triangles]
    if not len(row):
        return corners
    start, end = triangles[row, edge], triangles[row, (edge + 1) % 3]
    middle = np.broadcast_to(vertices[start].mean(axis=0), (len(start), 3))
    return np.concatenate([corners, np.stack([vertices[end], vertices[start], middle], axis=1)])
