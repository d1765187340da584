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
"""Metres: a surface that looks the same way counts as this much further off, so a point finds where it came in."""

FACING_FROM, FACING_FULL = 0.05, 0.4
"""-cos of the angle between the normals at which a pair begins to count, and counts in full."""

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


@dataclass(frozen=True)
class PosedSurface:
    """A surface of one frame.

    vertices : (V, 3) float, metres; normals : (V, 3) outward unit normals; topology of the triangles that can touch.
    """

    vertices: np.ndarray
    normals: np.ndarray
    topology: Topology


@dataclass(frozen=True)
class Pairs:
    """Points, each with the point of the other surface that it touches or would touch.

    point : (n,) int, vertex of the first surface; corners : (n, 3) int and weights : (n, 3), its partner on the second;
    normal : (n, 3) outward unit normal of the second surface there; gap : (n,) metres, **negative inside**;
    weight : (n,) 0 to 1, how far the two surfaces face each other.
    """

    point: np.ndarray
    corners: np.ndarray
    weights: np.ndarray
    normal: np.ndarray
    gap: np.ndarray
    weight: np.ndarray


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

    A partner is the closest vertex, where one whose normal does not oppose the point's counts as further away; then the
    closest point of the triangles around it.
    """
    p, q = first.vertices[first_points], second.vertices[second_points]
    # One product gives |p - q|^2 and the cosine of the normals; the common middle keeps the squares small.
    middle = p.mean(axis=0)
    p, q = (p - middle).astype(np.float32), (q - middle).astype(np.float32)
    cost = (p @ q.T) * -2
    cost += (p * p).sum(axis=1)[:, None]
    cost += (q * q).sum(axis=1)[None]
    cosine = first.normals[first_points].astype(np.float32) @ second.normals[second_points].astype(np.float32).T
    cosine += np.float32(FACING_FROM)
    np.maximum(cosine, 0, out=cosine)
    cosine *= np.float32(FACING_RADIUS**2)
    cost += cosine
    pairs = []
    for own, other, axis in ((first, second, 1), (second, first, 0)):
        own_points, other_points = (first_points, second_points)[:: 1 if axis else -1]
        close = np.flatnonzero(cost.min(axis=axis) < CELL**2)
        nearest = np.argmin(cost[close] if axis else cost[:, close], axis=axis)
        pairs.append(_pair(own, other, own_points[close], other_points[nearest]))
    return pairs[0], pairs[1]


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
    facing = smooth_step(-np.einsum("nx,nx->n", own.normals[points], normal), FACING_FROM, FACING_FULL)
    aligned = smooth_step(np.abs(along) / np.maximum(distance, 1e-6), ALIGNED_FROM, ALIGNED_FULL)
    # Nearer than 2 mm the direction to the closest point means little: the surfaces touch there whatever it is.
    aligned = np.maximum(aligned, 1 - smooth_step(distance, 0.001, 0.002))
    gap = np.where(along < 0, -distance, distance)
    return Pairs(points, corners, weights, normal, gap, facing * aligned)
