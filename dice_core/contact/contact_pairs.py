"""Pairing points with the surface that they press against: closest points, gaps, and which surfaces face each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = [
    "Pairs",
    "PosedSurface",
    "Topology",
    "closest_on_triangles",
    "near_each_other",
    "pair_surfaces",
    "smooth_step",
]

CELL = 0.024
"""Metres: points further apart than one to two cells are not paired; more than the deepest dent and the widest gap."""

FACING_RADIUS = 0.02
"""Metres: inside, a surface that looks the same way counts as this much further off: a point finds where it came in."""

FACING_FROM, FACING_FULL = 0.05, 0.4
"""-cos of the angle between the normals at which a pair begins to count, and counts in full."""

RIM_FROM, RIM_FULL = 0.9, 0.999
"""Weight on corners of the surface's rim from which a partner lies beside the surface, not on it: in an open mouth."""

ALIGNED_FROM, ALIGNED_FULL = 0.3, 0.7
"""Share of a point's distance that lies along the surface normal: less is a point beside the rim of the surface."""

_TINY = 1e-12


def smooth_step(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, with a continuous slope between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


@dataclass(frozen=True)
class Topology:
    """Triangles of a surface and the triangles around each vertex.

    triangles : (T, 3) int; count : number of vertices V.
    """

    triangles: np.ndarray
    count: int

    @cached_property
    def ring(self) -> np.ndarray:
        """(V, R) int32: triangles around each vertex, the first repeated to fill the row; -1 where there is none."""
        flat = self.triangles.ravel()
        order = np.argsort(flat, kind="stable")
        sizes = np.bincount(flat, minlength=self.count)
        starts = np.cumsum(sizes) - sizes
        column = np.arange(max(int(sizes.max(initial=0)), 1))
        column = np.where(column < sizes[:, None], column, 0)
        position = np.minimum(starts[:, None] + column, max(len(flat) - 1, 0))
        ring = (order[position] // 3).astype(np.int32) if len(flat) else np.zeros(position.shape, np.int32)
        return np.where(sizes[:, None] > 0, ring, -1)

    @cached_property
    def rim(self) -> np.ndarray:
        """(V,) float: 1 for vertices of edges that only one triangle has, else 0."""
        sides = np.sort(
            np.concatenate([self.triangles[:, [0, 1]], self.triangles[:, [1, 2]], self.triangles[:, [2, 0]]])
        )
        keys, times = np.unique(sides[:, 0] * np.int64(self.count) + sides[:, 1], return_counts=True)
        alone = keys[times == 1]
        rim = np.zeros(self.count)
        rim[alone // self.count] = rim[alone % self.count] = 1
        return rim


@dataclass(frozen=True)
class PosedSurface:
    """A surface of one frame.

    vertices : (V, 3) float, metres; normals : (V, 3) outward unit normals; facing : (V, 3) unit, where the surface
    looks on the whole, which is what a touch goes by; topology of the triangles that can touch.
    """

    vertices: np.ndarray
    normals: np.ndarray
    facing: np.ndarray
    topology: Topology


@dataclass(frozen=True)
class Pairs:
    """Points, each with the point of the other surface that it touches or would touch.

    point : (n,) int, vertex of the first surface; corners : (n, 3) int and weights : (n, 3), its partner on the second;
    normal : (n, 3) unit, where the second surface looks there; gap : (n,) metres, **negative inside**;
    exit_gap, exit_normal : the same of the closest point of all, the way out, whatever faces what;
    opposed : (n,) -cos of the angle between the two surfaces; within : (n,) 0 to 1, 0 for a point beside the surface;
    weight : (n,) 0 to 1, how far a pair counts as touching surfaces.
    """

    point: np.ndarray
    corners: np.ndarray
    weights: np.ndarray
    normal: np.ndarray
    gap: np.ndarray
    exit_gap: np.ndarray
    exit_normal: np.ndarray
    opposed: np.ndarray
    within: np.ndarray

    @property
    def weight(self) -> np.ndarray:
        return self.within * smooth_step(self.opposed, FACING_FROM, FACING_FULL)


def closest_on_triangles(points: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Closest point of a triangle to a point, pair by pair.

    points : (n, 3); corners : (n, 3, 3), second axis the corners.
    Returns barycentric weights (n, 3) and squared distances (n,).
    After Ericson, Real-Time Collision Detection (2005), section 5.1.5, each edge clamped by itself.
    """
    a = corners[:, 0]
    ab, ac, ap = corners[:, 1] - a, corners[:, 2] - a, points - a
    bb, bc, cc = (np.einsum("nx,nx->n", p, q) for p, q in ((ab, ab), (ab, ac), (ac, ac)))
    pb, pc = np.einsum("nx,nx->n", ab, ap), np.einsum("nx,nx->n", ac, ap)
    whole = bb * cc - bc * bc
    v, w = pb * cc - pc * bc, pc * bb - pb * bc
    inside = (v > 0) & (w > 0) & (v + w < whole)
    safe = np.where(inside, whole, 1)
    on_ab = np.clip(pb / np.maximum(bb, _TINY), 0, 1)
    on_ac = np.clip(pc / np.maximum(cc, _TINY), 0, 1)
    on_bc = np.clip((bb - bc + pc - pb) / np.maximum(bb - 2 * bc + cc, _TINY), 0, 1)
    zero = np.zeros_like(on_ab)
    v = np.stack([v / safe, on_ab, zero, 1 - on_bc])
    w = np.stack([w / safe, zero, on_ac, on_bc])
    square = np.einsum("nx,nx->n", ap, ap) + v * (v * bb - 2 * pb) + w * (w * cc - 2 * pc) + 2 * v * w * bc
    square[0, ~inside] = np.inf
    best, row = np.argmin(square, axis=0), np.arange(len(points))
    v, w = v[best, row], w[best, row]
    return np.stack([1 - v - w, v, w], axis=1), np.maximum(square[best, row], 0)


def near_each_other(first: np.ndarray, second: np.ndarray, cell: float = CELL) -> tuple[np.ndarray, np.ndarray]:
    """Points of two clouds that have a point of the other cloud in the same or a neighbouring cell of a grid.

    first : (n, 3), second : (m, 3), metres.
    Returns two bool arrays (n,), (m,); whatever lies nearer than one cell is among them.
    """
    none = np.zeros(len(first), bool), np.zeros(len(second), bool)
    if not len(first) or not len(second):
        return none
    low = np.maximum(first.min(axis=0), second.min(axis=0)) - cell
    high = np.minimum(first.max(axis=0), second.max(axis=0)) + cell
    if (low >= high).any():
        return none
    shape = tuple(np.ceil((high - low) / cell).astype(int) + 2)
    found = []
    keys = []
    for cloud in (first, second):
        index = np.flatnonzero(((cloud > low) & (cloud < high)).all(axis=1))
        keys.append((index, np.ravel_multi_index(tuple(((cloud[index] - low) / cell).astype(int).T + 1), shape)))
    for (index, own), (_, other), cloud in zip(keys, keys[::-1], (first, second), strict=True):
        occupied = np.zeros(shape, bool)
        occupied.ravel()[other] = True
        for axis in range(3):
            spread = occupied.copy()
            cut = [slice(None)] * 3
            for forward in (True, False):
                cut[axis] = slice(1, None) if forward else slice(None, -1)
                back = [slice(None)] * 3
                back[axis] = slice(None, -1) if forward else slice(1, None)
                spread[tuple(cut)] |= occupied[tuple(back)]
            occupied = spread
        mask = np.zeros(len(cloud), bool)
        mask[index] = occupied.ravel()[own]
        found.append(mask)
    return found[0], found[1]


def pair_surfaces(
    first: PosedSurface, second: PosedSurface, first_points: np.ndarray, second_points: np.ndarray
) -> tuple[Pairs, Pairs]:
    """Pair vertices of each surface with points of the other.

    first_points : (n,) int, second_points : (m,) int, vertices that may touch (`near_each_other`).
    Returns the pairs (first point, second surface) and (second point, first surface); points with nothing near are left
    out.

    A partner is the closest point of the triangles around the closest vertex. For a point inside that is closest to
    the far side of what it is in, as the nail of a finger pressed into a cheek, it is a point that faces it instead.
    """
    p, q = first.vertices[first_points], second.vertices[second_points]
    # The common middle keeps the squares small.
    middle = p.mean(axis=0)
    p, q = (p - middle).astype(np.float32), (q - middle).astype(np.float32)
    square = (p @ q.T) * -2
    square += (p * p).sum(axis=1)[:, None]
    square += (q * q).sum(axis=1)[None]
    return (
        _pairs(first, second, first_points, second_points, square),
        _pairs(second, first, second_points, first_points, square.T),
    )


def _pairs(own: PosedSurface, other: PosedSurface, points: np.ndarray, others: np.ndarray, square: np.ndarray) -> Pairs:
    """Pairs of `points` with the surface `other` around its vertices `others`; square : (n, m) distances."""
    nearest = np.argmin(square, axis=1)
    close = np.flatnonzero(square[np.arange(len(points)), nearest] < CELL**2)
    pairs = _pair(own, other, points[close], others[nearest[close]])
    lost = np.flatnonzero((pairs.gap < 0) & (pairs.opposed < FACING_FULL))
    if not len(lost):
        return pairs
    cosine = own.facing[pairs.point[lost]].astype(np.float32) @ other.facing[others].astype(np.float32).T
    cost = square[close[lost]] + np.float32(FACING_RADIUS**2) * np.maximum(cosine + np.float32(FACING_FROM), 0)
    facing = _pair(own, other, pairs.point[lost], others[np.argmin(cost, axis=1)])
    better = np.flatnonzero((facing.gap < 0) & (facing.weight > pairs.weight[lost]))
    for name in ("corners", "weights", "normal", "gap", "opposed", "within"):
        getattr(pairs, name)[lost[better]] = getattr(facing, name)[better]
    return pairs


def _pair(own: PosedSurface, other: PosedSurface, points: np.ndarray, nearest: np.ndarray) -> Pairs:
    """Pairs of `points` with the closest point among the triangles around the vertices `nearest`."""
    ring = other.topology.ring[nearest]
    triangles = other.topology.triangles
    count, width = ring.shape
    position = own.vertices[points]
    corners = triangles[ring]
    weights, square = closest_on_triangles(
        np.repeat(position, width, axis=0), other.vertices[corners].reshape(-1, 3, 3)
    )
    best, row = np.argmin(square.reshape(count, width), axis=1), np.arange(count)
    corners = corners[row, best]
    weights = weights.reshape(count, width, 3)[row, best]
    offset = position - np.einsum("nk,nkx->nx", weights, other.vertices[corners])
    normal = np.einsum("nk,nkx->nx", weights, other.normals[corners])
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), _TINY)
    distance = np.linalg.norm(offset, axis=1)
    along = np.einsum("nx,nx->n", offset, normal)
    facing = np.einsum("nk,nkx->nx", weights, other.facing[corners])
    facing = facing / np.maximum(np.linalg.norm(facing, axis=1, keepdims=True), _TINY)
    rim = np.einsum("nk,nk->n", weights, other.topology.rim[corners])
    aligned = smooth_step(np.abs(along) / np.maximum(distance, 1e-6), ALIGNED_FROM, ALIGNED_FULL)
    # Nearer than 2 mm the direction to the closest point means little: the surfaces touch there whatever it is.
    aligned = np.maximum(aligned, 1 - smooth_step(distance, 0.001, 0.002))
    gap = np.where(along < 0, -distance, distance)
    opposed = -np.einsum("nx,nx->n", own.facing[points], facing)
    within = aligned * (1 - smooth_step(rim, RIM_FROM, RIM_FULL))
    return Pairs(points, corners, weights, facing, gap, gap * within, facing.copy(), opposed, within)
