"""How far points are from the head's skin, fast enough for every step of an optimiser.

The head's shape is known for the whole clip, so the vertex nearest to each cell of a grid is found once;
a query starts there and walks to the nearest vertex of the head as this frame's expression has it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.geometry.mesh import Mesh, triangles, vertex_normals

__all__ = ["HeadProximity", "Nearest", "vertex_neighbours"]

_CELL = 0.008  # metres: finer than a hill-climb of two steps over 6 mm edges can repair
_MARGIN = 0.05  # metres around the head within which starts are exact
_STEPS = 3
_CUBE = 4  # cells along the side of a cube that is looked at together
_ROUNDING = 1e-3  # metres, more than float32 squares of distances lose


@dataclass(frozen=True)
class Nearest:
    """The skin nearest to points.

    vertex : (n,) int; offset : (n, 3) from the vertex to the point; normal : (n, 3) of the skin there;
    depth : (n,) metres below the vertex's tangent plane, **positive inside**.
    """

    vertex: np.ndarray
    offset: np.ndarray
    normal: np.ndarray
    depth: np.ndarray

    @property
    def distance(self) -> np.ndarray:
        """(n,) metres to the nearest vertex."""
        return np.linalg.norm(self.offset, axis=1)


class HeadProximity:
    """Nearest-skin queries in the head's own rest axes.

    mesh : the person's head, neutral; touchable : (V,) bool, the vertices that a hand can meet from outside.
    """

    def __init__(self, mesh: Mesh, touchable: np.ndarray) -> None:
        self._triangles = triangles(mesh)
        inner = ~touchable
        self._neighbours = vertex_neighbours(self._triangles, ~inner)
        outer = np.flatnonzero(~inner & (np.bincount(self._triangles.ravel(), minlength=len(inner)) > 0))
        vertices = mesh.rest_vertices.astype(np.float32)
        self._low = vertices[outer].min(axis=0) - _MARGIN
        high = vertices[outer].max(axis=0) + _MARGIN
        self._shape = np.ceil((high - self._low) / _CELL).astype(int)
        self._grid = _nearest_of_cells(vertices, outer, self._low, self._shape)
        self.set_vertices(mesh.rest_vertices)

    def set_vertices(self, vertices: np.ndarray) -> None:
        """The head's vertices (V, 3) of this frame, in rest axes, expression applied."""
        self._vertices = vertices.astype(np.float32)
        self._normals = vertex_normals(self._vertices, self._triangles)

    @property
    def normals(self) -> np.ndarray:
        """(V, 3) unit normals of this frame's vertices."""
        return self._normals

    def query(self, points: np.ndarray) -> Nearest:
        """Nearest skin to points (n, 3) given in rest axes, metres."""
        points = points.astype(np.float32)
        cell = np.clip(((points - self._low) / _CELL).astype(int), 0, self._shape - 1)
        vertex = self._grid[(cell[:, 0] * self._shape[1] + cell[:, 1]) * self._shape[2] + cell[:, 2]]
        walking = np.arange(len(points))
        for _ in range(_STEPS):
            around = self._neighbours[vertex[walking]]
            difference = self._vertices[around] - points[walking, None]
            best = np.einsum("nkj,nkj->nk", difference, difference).argmin(axis=1)
            # A vertex stands first among its neighbours: whoever stays there has arrived.
            moved = np.flatnonzero(best)
            walking = walking[moved]
            vertex[walking] = around[moved, best[moved]]
        offset = points - self._vertices[vertex]
        normal = self._normals[vertex]
        depth = -np.einsum("nj,nj->n", offset, normal)
        return Nearest(vertex, offset, normal, depth)


def vertex_neighbours(triangles: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Vertices that share a triangle with each vertex, itself first.

    triangles : (T, 3); allowed : (V,) bool, others are nobody's neighbour.
    Returns (V, k) int, short rows filled with the vertex itself.
    """
    count = len(allowed)
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    pairs = np.unique(pairs[allowed[pairs[:, 1]]], axis=0)
    degree = np.bincount(pairs[:, 0], minlength=count)
    table = np.repeat(np.arange(count)[:, None], degree.max() + 1, axis=1)
    starts = np.cumsum(degree) - degree
    slot = np.arange(len(pairs)) - np.repeat(starts, degree)
    table[pairs[:, 0], slot + 1] = pairs[:, 1]
    return table


def _nearest_of_cells(vertices: np.ndarray, allowed: np.ndarray, low: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """(n,) the vertex nearest to the centre of each cell, the last axis running fastest."""
    candidates = vertices[allowed]
    nearest = np.empty(tuple(shape), np.int64)
    offsets = np.stack(np.meshgrid(*[np.arange(_CUBE)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    firsts = np.stack(np.meshgrid(*[np.arange(0, count, _CUBE) for count in shape], indexing="ij"), axis=-1)
    firsts = firsts.reshape(-1, 3)
    middles = (low + (firsts + _CUBE / 2) * _CELL).astype(np.float32)
    distance = np.sqrt(np.maximum(_squares(middles, candidates), 0.0))
    # No cell of a cube is farther from the cube's middle than this, so only what is this much farther off matters.
    slack = np.float32(np.sqrt(3) * _CUBE * _CELL + _ROUNDING)
    able = distance <= distance.min(axis=1, keepdims=True) + slack
    for first, near in zip(firsts, able, strict=True):
        cells = first + offsets
        cells = cells[(cells < shape).all(axis=1)]
        chosen = np.flatnonzero(near)
        centres = (low + (cells + 0.5) * _CELL).astype(np.float32)
        nearest[tuple(cells.T)] = chosen[_squares(centres, candidates[chosen]).argmin(axis=1)]
    return allowed[nearest.ravel()]


def _squares(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n, m) squared distances."""
    square = np.einsum("nj,nj->n", points, points)[:, None] + np.einsum("nj,nj->n", others, others)
    return square - 2 * (points @ others.T)
