"""Closest points and signed distance of a triangle surface, exact, on numpy.

`closest_on_triangles` is the one point-triangle routine; `SurfaceIndex` finds which triangles to ask. It sorts them
into small leaves with bounding spheres; a query keeps the leaves, then the triangles, that can hold the closest point
(the broad phase), and computes the exact distance to those alone (the narrow phase). The sign comes from angle-weighted
pseudonormals: Baerentzen and Aanaes, "Signed distance computation using the angle weighted pseudonormal", IEEE TVCG
11(3), 2005, doi:10.1109/TVCG.2005.49.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import NamedTuple

import numpy as np

from dice_core.errors import ShapeError
from dice_core.geometry.mesh import triangle_neighbours

__all__ = ["Closest", "SurfaceIndex", "closest_on_triangles", "closest_points"]

LEAF_TRIANGLES = 16
"""About the number of triangles in a leaf: the fastest of 8, 16, 32 and 64 for a hand's points and a head of 9000."""

SLACK = 1e-7
"""Metres added to upper bounds: more than the rounding of distances computed from squares."""

MOST_PAIRS = 1_000_000
"""Points times triangles of the leaves near them, from which a query is worked on in halves: five times what a hand at
a head has, and 200 MB. A surface whose triangles reach across it, as damaged ones do, would take gigabytes."""

_TINY = 1e-30  # square metres, and metres: only keeps a division by the size of a degenerate triangle finite

# Features of a triangle: its face, its edges ab, bc, ca and its corners a, b, c.
_EDGES, _CORNERS = (1, 2, 3), (4, 5, 6)


@dataclass(frozen=True)
class Closest:
    """Closest points of a surface to n points.

    distance : (n,) float64, metres, **positive inside**; minus `max_distance` where the surface is further.
    triangle : (n,) int64, the triangle that holds the closest point, -1 where the surface is further.
    barycentric : (n, 3) float64, weights of that triangle's corners.
    normal : (n, 3) float64, unit pseudonormal of the face, edge or vertex that holds the closest point, outwards.
    """

    distance: np.ndarray
    triangle: np.ndarray
    barycentric: np.ndarray
    normal: np.ndarray

    def points(self, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
        """(n, 3) closest points on the surface; of no meaning where `triangle` is -1."""
        return np.einsum("nk,nkx->nx", self.barycentric, vertices[triangles[self.triangle]])


_PARTS = tuple(part.name for part in fields(Closest))


class _LeavesNear(NamedTuple):
    """Pairs of a point and a leaf that may hold its closest point; upper : (n,) that one's distance at most, metres."""

    point: np.ndarray
    leaf: np.ndarray
    upper: np.ndarray


class SurfaceIndex:
    """A surface of one frame, prepared for several queries.

    vertices : (V, 3) float, metres; triangles : (T, 3) int, T > 0, outward normals by the right-hand rule.
    The sign is exact where the surface is closed. Beyond an open boundary the surface is taken to continue in the
    plane of its last triangle. A part that lies inside another, such as the back of an eyeball, has an outside of its
    own: see `PartsIndex` for the union of parts.
    Raises ShapeError if an array is not (., 3) or there is no triangle.
    """

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray, leaves: np.ndarray | None = None) -> None:
        for name, array in (("vertices", vertices), ("triangles", triangles)):
            if array.ndim != 2 or array.shape[1] != 3:
                raise ShapeError(f"{name} must be (n, 3), not {array.shape}.")
        if not len(triangles):
            raise ShapeError("A surface needs at least one triangle.")
        self.triangles = triangles
        # Distances are computed from squares: coordinates about the middle lose the fewest digits.
        self._origin = vertices.mean(axis=0, dtype=np.float64)
        self._corners = (np.asarray(vertices, np.float64) - self._origin)[triangles]
        a = self._corners[:, 0]
        ab, ac = self._corners[:, 1] - a, self._corners[:, 2] - a
        self._ab, self._ac = ab, ac
        self._dots = np.stack([(ab * ab).sum(axis=1), (ab * ac).sum(axis=1), (ac * ac).sum(axis=1)])
        self._centre = (a + self._corners[:, 1] + self._corners[:, 2]) / 3
        offset = self._corners - self._centre[:, None]
        self._radius = np.sqrt(np.einsum("tkx,tkx->tk", offset, offset).max(axis=1))
        self._bound_leaves(_split(self._centre) if leaves is None else leaves)

    def moved(self, vertices: np.ndarray) -> SurfaceIndex:
        """The index of the same surface with other vertices, (V, 3): faster than a new one, as its leaves are kept."""
        return SurfaceIndex(vertices, self.triangles, self._leaves)

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """(3,) lowest and (3,) highest coordinates of the surface, metres."""
        corners = self._corners.reshape(-1, 3)
        return corners.min(axis=0) + self._origin, corners.max(axis=0) + self._origin

    def query(self, points: np.ndarray, max_distance: float = np.inf) -> Closest:
        """Closest point of the surface to each point.

        points : (n, 3) float, metres; max_distance : metres, the surface is not looked for any further away.
        Returns Closest. Raises ShapeError if `points` is not (n, 3).
        """
        if points.ndim != 2 or points.shape[1] != 3:
            raise ShapeError(f"points must be (n, 3), not {points.shape}.")
        local = np.asarray(points, np.float64) - self._origin
        leaves = self._leaves_near(local, max_distance)
        if len(leaves.point) * self._leaves.shape[1] > MOST_PAIRS and len(points) > 1:
            halves = [self.query(half, max_distance) for half in np.array_split(points, 2)]
            return Closest(*(np.concatenate([getattr(half, part) for half in halves]) for part in _PARTS))
        point, triangle = self._candidates(local, leaves)
        ap = local[point] - self._corners[triangle, 0]
        square, v, w, kind = _closest(ap, self._ab[triangle], self._ac[triangle], self._dots[:, triangle])
        best = np.full(len(local), np.inf)
        np.minimum.at(best, point, square)
        winner = np.flatnonzero(square == best[point])
        chosen = np.full(len(local), -1)
        chosen[point[winner]] = winner
        found = np.flatnonzero((chosen >= 0) & (best <= max_distance**2))
        pair = chosen[found]
        # Distances are taken anew from the points themselves: the squares have lost digits close to the surface.
        owner, weights = triangle[pair], np.stack([1 - v[pair] - w[pair], v[pair], w[pair]], axis=1)
        offset = local[found] - np.einsum("nk,nkx->nx", weights, self._corners[owner])
        pseudonormal = self._pseudonormals(owner, _feature(kind[pair], v[pair], w[pair]))
        outside = np.einsum("nx,nx->n", offset, pseudonormal) > 0
        length = np.linalg.norm(offset, axis=1)
        count = len(local)
        result = Closest(np.full(count, -float(max_distance)), np.full(count, -1), *np.zeros((2, count, 3)))
        result.distance[found], result.triangle[found] = np.where(outside, -length, length), owner
        result.barycentric[found], result.normal[found] = weights, pseudonormal
        return result

    def _bound_leaves(self, leaves: np.ndarray) -> None:
        """Put a sphere around each leaf. leaves : (n, k) triangles."""
        self._leaves = leaves
        self._members = self._centre[leaves]
        self._member_radius = self._radius[leaves]
        self._leaf_centre = self._members.mean(axis=1)
        offset = self._members - self._leaf_centre[:, None]
        self._leaf_radius = (np.sqrt(np.einsum("nkx,nkx->nk", offset, offset)) + self._member_radius).max(axis=1)

    def _leaves_near(self, points: np.ndarray, max_distance: float) -> _LeavesNear:
        """The leaves that hold every closest point nearer than `max_distance`."""
        square = (points**2).sum(axis=1)[:, None] + (self._leaf_centre**2).sum(axis=1)
        square -= 2 * points @ self._leaf_centre.T
        # A triangle's centre lies on the surface: its distance bounds the closest point's from above.
        nearest = self._members[np.argmin(square, axis=1)] - points[:, None]
        upper = np.sqrt(np.einsum("nkx,nkx->nk", nearest, nearest).min(axis=1))
        upper = np.minimum(upper, max_distance) + SLACK
        reach = upper[:, None] + self._leaf_radius
        return _LeavesNear(*np.divmod(np.flatnonzero(square <= reach * reach), len(self._leaves)), upper)

    def _candidates(self, points: np.ndarray, leaves: _LeavesNear) -> tuple[np.ndarray, np.ndarray]:
        """Pairs (point, triangle) that hold every closest point."""
        point, leaf, upper = leaves
        offset = self._members[leaf] - points[point][:, None]
        distance = np.sqrt(np.einsum("nkx,nkx->nk", offset, offset))
        np.minimum.at(upper, point, distance.min(axis=1) + SLACK)
        near = np.flatnonzero(distance <= upper[point][:, None] + self._member_radius[leaf])
        pair, member = np.divmod(near, self._leaves.shape[1])
        triangle, owner = self._leaves[leaf[pair], member], point[pair]
        # The closest point of a triangle is as high above its plane as the point, and no further from the centre than
        # the radius: most triangles that pass the sphere test fail this one.
        height = np.einsum("nx,nx->n", offset[pair, member], self._face_normals[triangle])
        beside = np.sqrt(np.maximum(distance[pair, member] ** 2 - height**2, 0)) - self._radius[triangle]
        kept = height**2 + np.maximum(beside, 0) ** 2 <= upper[owner] ** 2
        return owner[kept], triangle[kept]

    def _pseudonormals(self, triangle: np.ndarray, feature: np.ndarray) -> np.ndarray:
        """(n, 3) unit angle-weighted pseudonormal of a feature of each triangle."""
        normal = self._face_normals[triangle]
        neighbours = triangle_neighbours(self.triangles)
        for k, edge in enumerate(_EDGES):
            rows = np.flatnonzero(feature == edge)
            other = neighbours[triangle[rows], k]
            normal[rows] += np.where(other[:, None] < 0, 0.0, self._face_normals[other])
        for k, corner in enumerate(_CORNERS):
            rows = np.flatnonzero(feature == corner)
            if len(rows):
                normal[rows] = self._corner_normals[self.triangles[triangle[rows], k]]
        return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), _TINY)

    @cached_property
    def _face_normals(self) -> np.ndarray:
        normal = np.cross(self._ab, self._ac)
        return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), _TINY)

    @cached_property
    def _corner_normals(self) -> np.ndarray:
        """(V, 3) sum of the face normals around each vertex, each weighted by its angle there."""
        unit = np.roll(self._corners, -1, axis=1) - self._corners
        unit /= np.maximum(np.linalg.norm(unit, axis=2, keepdims=True), _TINY)
        cosine = -np.einsum("tkx,tkx->tk", unit, np.roll(unit, 1, axis=1))
        angle = np.arccos(np.clip(cosine, -1, 1))
        flat = self.triangles.ravel()
        weighted = (angle[:, :, None] * self._face_normals[:, None]).reshape(-1, 3)
        return np.stack([np.bincount(flat, weighted[:, axis]) for axis in range(3)], axis=1)


def closest_points(
    points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray, max_distance: float = np.inf
) -> Closest:
    """Closest point of a surface to each point, with a sign that is **positive inside**.

    points : (n, 3) float; vertices : (V, 3) float; triangles : (T, 3) int; all in metres.
    max_distance : the surface is not looked for any further away; such points get minus this distance.
    Returns Closest. For several queries of one surface use `SurfaceIndex`.
    """
    return SurfaceIndex(vertices, triangles).query(points, max_distance)


def closest_on_triangles(points: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Closest point of a triangle to a point, pair by pair.

    points : (n, 3) float, metres; corners : (n, 3, 3) float, metres, the second axis running over the corners.
    Returns the barycentric weights (n, 3) of the closest points and the squared distances (n,).
    """
    a = corners[:, 0]
    ab, ac = corners[:, 1] - a, corners[:, 2] - a
    dots = np.stack([np.einsum("nx,nx->n", p, q) for p, q in ((ab, ab), (ab, ac), (ac, ac))])
    square, v, w, _ = _closest(points - a, ab, ac, dots)
    return np.stack([1 - v - w, v, w], axis=1), square


def _closest(
    ap: np.ndarray, ab: np.ndarray, ac: np.ndarray, dots: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The closest point of each triangle to its point.

    ap, ab, ac : (n, 3) from corner a to the point and to the corners b and c; dots : (3, n) ab.ab, ab.ac, ac.ac.
    Returns (n,) each: squared distance, weights of b and c, and what holds the point: 0 the face, 1 to 3 an edge.
    After Ericson, Real-Time Collision Detection (2005), section 5.1.5, with the edges clamped separately.
    """
    bb, bc, cc = dots
    pb, pc = np.einsum("nx,nx->n", ab, ap), np.einsum("nx,nx->n", ac, ap)
    # Areas opposite to a, b and c of the projection onto the plane, times a positive number.
    on_b, on_c = pb * cc - pc * bc, pc * bb - pb * bc
    whole = bb * cc - bc * bc
    inside = (whole - on_b - on_c > 0) & (on_b > 0) & (on_c > 0)
    safe = np.where(inside, whole, 1.0)
    along_ab = np.clip(pb / np.maximum(bb, _TINY), 0, 1)
    along_ac = np.clip(pc / np.maximum(cc, _TINY), 0, 1)
    along_bc = np.clip((bb - bc + pc - pb) / np.maximum(bb - 2 * bc + cc, _TINY), 0, 1)
    zero = np.zeros_like(along_ab)
    v = np.stack([on_b / safe, along_ab, 1 - along_bc, zero])
    w = np.stack([on_c / safe, zero, along_bc, along_ac])
    square = np.einsum("nx,nx->n", ap, ap) + v * (v * bb - 2 * pb) + w * (w * cc - 2 * pc) + 2 * v * w * bc
    square[0, ~inside] = np.inf
    kind = np.argmin(square, axis=0)
    columns = np.arange(len(kind))
    return np.maximum(square[kind, columns], 0), v[kind, columns], w[kind, columns], kind


def _feature(kind: np.ndarray, v: np.ndarray, w: np.ndarray) -> np.ndarray:
    """(n,) the feature that holds each closest point, an edge's end counting as the corner; as from `_closest`."""
    feature = kind.copy()
    feature[(kind > 0) & (v == 1)] = 5
    feature[(kind > 0) & (w == 1)] = 6
    feature[(kind > 0) & (v == 0) & (w == 0)] = 4
    return feature


def _split(centres: np.ndarray) -> np.ndarray:
    """Halve the triangles along the longest side of their box until about LEAF_TRIANGLES are left: (n, k)."""
    levels = max(0, round(np.log2(len(centres) / LEAF_TRIANGLES)))
    # So that all leaves are of one size, some triangles, spread evenly, are met twice; that does no harm.
    size = -(-len(centres) >> levels) << levels
    order = (np.arange(size) * len(centres) // size)[None]
    axes = np.ascontiguousarray(centres.T)
    for _ in range(levels):
        placed = axes[:, order]
        longest = np.argmax(placed.max(axis=2) - placed.min(axis=2), axis=0)
        along = placed[longest, np.arange(len(order))]
        middle = along.shape[1] // 2
        order = np.take_along_axis(order, np.argpartition(along, middle, axis=1), axis=1).reshape(-1, middle)
    return order
