"""Contact pairs between two surfaces: which vertices may touch (broad phase), and what each touches (narrow phase).

Depths are signed distances, **positive inside**, as everywhere (`dice_core.geometry`): the separation of a pair that
does not touch is minus its depth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dice_core.geometry.closest_point import closest_on_triangles
from dice_core.geometry.mesh import boundary_vertices, vertex_triangles
from dice_core.geometry.surface_normals import SurfaceNormals

__all__ = [
    "ContactPairs",
    "PosedSurface",
    "Topology",
    "near_each_other",
    "pair_surfaces",
    "pair_vertices",
    "smooth_step",
]

# All of these were set by hand, on single frames of the rendered sample and the shapes of tests/core.

CELL = 0.024
"""Metres: points further apart than one to two cells are not paired; more than the deepest dent, and more than the
largest separation at which a contact counts."""

FACING_RADIUS = 0.02
"""Metres added to the distance of surface that faces the same way as a point inside, so that the point is paired with
the side on which it came in."""

FACING_FROM, FACING_FULL = 0.05, 0.4
"""Minus the cosine of the angle between the normals, from which a pair counts at all and from which it counts fully."""

RIM_FROM, RIM_FULL = 0.9, 0.999
"""Barycentric weight on boundary vertices at which a pair begins to count as beside the surface, and does so fully;
the surface of a head ends at an open mouth."""

ALIGNED_FROM, ALIGNED_FULL = 0.3, 0.7
"""Share of the distance that is along the surface's normal, between which a point goes from beside the surface to
before it."""

TOUCHING_FROM, TOUCHING_UP_TO = 0.001, 0.002
"""Metres: below the first a pair touches whatever its direction, which means little so near; beyond the second the
direction decides alone."""

_TINY = 1e-12  # length of a vector that stands for none
_LEAST_DISTANCE = 1e-6  # metres: below, a direction is only rounding


def smooth_step(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, with a continuous slope between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


@dataclass(frozen=True)
class Topology:
    """Triangles of a surface, with what is derived from them once.

    triangles : (T, 3) int; count : number of vertices V.
    """

    triangles: np.ndarray
    count: int

    @cached_property
    def ring(self) -> np.ndarray:
        """(V, R) int32: the triangles around each vertex, padded as by `vertex_triangles`."""
        return vertex_triangles(self.triangles, self.count)

    @cached_property
    def ring_size(self) -> np.ndarray:
        """(V,) int: how many triangles there are around each vertex."""
        return np.bincount(self.triangles.ravel(), minlength=self.count)

    @cached_property
    def normals(self) -> SurfaceNormals:
        """The normals of the surface, of its vertices in a frame."""
        return SurfaceNormals(self.triangles, self.count)

    @cached_property
    def rim(self) -> np.ndarray:
        """(V,) float: 1 for vertices on the boundary of the surface, else 0."""
        return boundary_vertices(self.triangles, self.count).astype(float)


@dataclass(frozen=True)
class PosedSurface:
    """A surface of one frame.

    vertices : (V, 3) float, metres; normals : (V, 3) outward unit normals; facing : (V, 3) unit, normals averaged over
    a wider area, by which contact is judged; topology : of the triangles that can touch.
    """

    vertices: np.ndarray
    normals: np.ndarray
    facing: np.ndarray
    topology: Topology


@dataclass(frozen=True)
class ContactPairs:
    """Vertices of one surface, each with the point of the other that it touches or would touch.

    vertex : (n,) int, of the first surface; corners : (n, 3) int and weights : (n, 3), the point on the second;
    normal : (n, 3) unit, the second surface's `facing` there; depth : (n,) metres, **positive inside**;
    exit_depth : (n,) and exit_normal : (n, 3), the same for the closest point of all, whichever way it faces: the way
    out; opposed : (n,) minus the cosine of the angle between the surfaces; within : (n,) 0 to 1, 0 for a vertex beside
    the surface; weight : (n,) 0 to 1, how far a pair counts as surfaces in contact.
    """

    vertex: np.ndarray
    corners: np.ndarray
    weights: np.ndarray
    normal: np.ndarray
    depth: np.ndarray
    exit_depth: np.ndarray
    exit_normal: np.ndarray
    opposed: np.ndarray
    within: np.ndarray

    @property
    def weight(self) -> np.ndarray:
        return self.within * smooth_step(self.opposed, FACING_FROM, FACING_FULL)


def near_each_other(first: np.ndarray, second: np.ndarray, cell: float = CELL) -> tuple[np.ndarray, np.ndarray]:
    """The broad phase: points of two clouds with a point of the other in the same or a neighbouring cell of a grid.

    first : (n, 3), second : (m, 3), metres; cell : metres.
    Returns two bool arrays (n,), (m,), true for every point nearer than one cell to the other cloud, and for some more.
    """
    none = np.zeros(len(first), bool), np.zeros(len(second), bool)
    if not len(first) or not len(second):
        return none
    planes = first.T, second.T
    low = np.array([max(float(a.min()), float(b.min())) - cell for a, b in zip(*planes, strict=True)])
    high = np.array([min(float(a.max()), float(b.max())) + cell for a, b in zip(*planes, strict=True)])
    if (low >= high).any():
        return none
    shape = tuple(np.ceil((high - low) / cell).astype(int) + 2)
    found = []
    keys = []
    for cloud in (first, second):
        within = np.ones(len(cloud), bool)
        for along, least, most in zip(cloud.T, low, high, strict=True):
            within &= (along > least) & (along < most)
        index = np.flatnonzero(within)
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
    first: PosedSurface, second: PosedSurface, first_vertices: np.ndarray, second_vertices: np.ndarray
) -> tuple[ContactPairs, ContactPairs]:
    """The narrow phase: pair vertices of each surface with points of the other.

    first_vertices : (n,) int, second_vertices : (m,) int, those that may touch (`near_each_other`).
    Returns the pairs (first vertex, second surface) and (second vertex, first surface); vertices with nothing near are
    left out.

    A vertex is paired with the closest point of the triangles around the closest vertex. A vertex inside that is
    closest to the far side of the body around it, such as the nail of a finger pressed into a cheek, is paired with a
    point that faces it instead.
    """
    square = _squared_distances(first.vertices[first_vertices], second.vertices[second_vertices])
    return (
        _pairs(first, second, first_vertices, second_vertices, square),
        _pairs(second, first, second_vertices, first_vertices, square.T),
    )


def pair_vertices(
    first: PosedSurface, second: PosedSurface, first_vertices: np.ndarray, second_vertices: np.ndarray
) -> ContactPairs:
    """The first of the two results of `pair_surfaces`, in half the time."""
    square = _squared_distances(first.vertices[first_vertices], second.vertices[second_vertices])
    return _pairs(first, second, first_vertices, second_vertices, square)


def _squared_distances(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """(n, m) float32 between points (n, 3) and (m, 3)."""
    # Coordinates about the middle keep the squares small, so that float32 is exact enough.
    middle = p.mean(axis=0)
    p, q = (p - middle).astype(np.float32), (q - middle).astype(np.float32)
    square = (p @ q.T) * np.float32(-2)
    square += (p * p).sum(axis=1)[:, None]
    square += (q * q).sum(axis=1)[None]
    return square


def _pairs(
    own: PosedSurface, other: PosedSurface, vertices: np.ndarray, others: np.ndarray, square: np.ndarray
) -> ContactPairs:
    """Pairs of `vertices` with the surface `other` around its vertices `others`; square : (n, m) squared distances."""
    nearest = np.argmin(square, axis=1)
    close = np.flatnonzero(square[np.arange(len(vertices)), nearest] < CELL**2)
    pairs = _pair(own, other, vertices[close], others[nearest[close]])
    lost = np.flatnonzero((pairs.depth > 0) & (pairs.opposed < FACING_FULL))
    if not len(lost):
        return pairs
    cosine = own.facing[pairs.vertex[lost]].astype(np.float32) @ other.facing[others].astype(np.float32).T
    cost = square[close[lost]] + np.float32(FACING_RADIUS**2) * np.maximum(cosine + np.float32(FACING_FROM), 0)
    facing = _pair(own, other, pairs.vertex[lost], others[np.argmin(cost, axis=1)])
    better = np.flatnonzero((facing.depth > 0) & (facing.weight > pairs.weight[lost]))
    for name in ("corners", "weights", "normal", "depth", "opposed", "within"):
        getattr(pairs, name)[lost[better]] = getattr(facing, name)[better]
    return pairs


def _pair(own: PosedSurface, other: PosedSurface, vertices: np.ndarray, nearest: np.ndarray) -> ContactPairs:
    """Pairs of `vertices` with the closest point among the triangles around the vertices `nearest`."""
    topology = other.topology
    ring, size = topology.ring[nearest], topology.ring_size[nearest]
    asked = np.arange(ring.shape[1]) < size[:, None]
    position = own.vertices[vertices]
    all_corners = topology.triangles[ring[asked]]
    all_weights, all_squares = closest_on_triangles(np.repeat(position, size, axis=0), other.vertices[all_corners])
    square = np.full(ring.shape, np.inf)
    square[asked] = all_squares
    best = np.cumsum(size) - size + np.argmin(square, axis=1)
    corners, weights = all_corners[best], all_weights[best]
    offset = position - np.einsum("nk,nkx->nx", weights, other.vertices[corners])
    normal = np.einsum("nk,nkx->nx", weights, other.normals[corners])
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), _TINY)
    distance = np.linalg.norm(offset, axis=1)
    along = np.einsum("nx,nx->n", offset, normal)
    facing = np.einsum("nk,nkx->nx", weights, other.facing[corners])
    facing = facing / np.maximum(np.linalg.norm(facing, axis=1, keepdims=True), _TINY)
    rim = np.einsum("nk,nk->n", weights, other.topology.rim[corners])
    aligned = smooth_step(np.abs(along) / np.maximum(distance, _LEAST_DISTANCE), ALIGNED_FROM, ALIGNED_FULL)
    aligned = np.maximum(aligned, 1 - smooth_step(distance, TOUCHING_FROM, TOUCHING_UP_TO))
    depth = np.where(along < 0, distance, -distance)
    opposed = -np.einsum("nx,nx->n", own.facing[vertices], facing)
    within = aligned * (1 - smooth_step(rim, RIM_FROM, RIM_FULL))
    return ContactPairs(vertices, corners, weights, facing, depth, depth * within, facing.copy(), opposed, within)
