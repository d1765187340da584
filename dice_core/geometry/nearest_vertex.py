"""The vertex of a deforming surface nearest to a point, fast enough for every step of an optimiser.

The shape at rest is known for a whole clip, so the vertex nearest to each cell of a grid around it is found once. A
query starts there and walks from vertex to vertex to the nearest one of the surface as it is deformed in this frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.geometry.mesh import Mesh, triangles, vertex_neighbours, vertex_normals

__all__ = ["NearestVertexIndex", "NearestVertices"]

# Set by hand for a head with edges of 6 mm; test_nearest_vertex.py bounds the error that they leave.
_CELL = 0.008  # metres: a start within a cell is at most two edges away, which the walk makes up for
_MARGIN = 0.05  # metres around the surface within which starts are exact
_STEPS = 3  # edges that a query may walk from its start
_CUBE = 4  # cells along each side of a cube that is searched at once when the grid is filled
_ROUNDING = 1e-3  # metres, more than squares of distances in float32 lose


@dataclass(frozen=True)
class NearestVertices:
    """The vertices nearest to n points.

    vertex : (n,) int; offset : (n, 3) metres, from the vertex to the point; normal : (n, 3) unit normal at the vertex;
    depth : (n,) metres below the vertex's tangent plane, **positive inside**.
    """

    vertex: np.ndarray
    offset: np.ndarray
    normal: np.ndarray
    depth: np.ndarray

    @property
    def distance(self) -> np.ndarray:
        """(n,) metres to the nearest vertex, without a sign."""
        return np.linalg.norm(self.offset, axis=1)


class NearestVertexIndex:
    """Nearest-vertex queries in the rest axes of a mesh.

    mesh : whose rest vertices fill the grid; allowed : (V,) bool, the vertices that a query may return.
    """

    def __init__(self, mesh: Mesh, allowed: np.ndarray) -> None:
        self._triangles = triangles(mesh)
        self._neighbours = vertex_neighbours(self._triangles, allowed)
        outer = np.flatnonzero(allowed & (np.bincount(self._triangles.ravel(), minlength=len(allowed)) > 0))
        vertices = mesh.rest_vertices.astype(np.float32)
        self._low = vertices[outer].min(axis=0) - _MARGIN
        high = vertices[outer].max(axis=0) + _MARGIN
        self._shape = np.ceil((high - self._low) / _CELL).astype(int)
        self._grid = _nearest_of_cells(vertices, outer, self._low, self._shape)
        self.set_vertices(mesh.rest_vertices)

    def set_vertices(self, vertices: np.ndarray) -> None:
        """Set the vertices (V, 3) of this frame: deformed, in rest axes, metres."""
        self._vertices = vertices.astype(np.float32)
        self._normals = vertex_normals(self._vertices, self._triangles)

    @property
    def normals(self) -> np.ndarray:
        """(V, 3) unit normals of this frame's vertices."""
        return self._normals

    def query(self, points: np.ndarray) -> NearestVertices:
        """Nearest allowed vertex to each point; points : (n, 3) float, metres, in rest axes."""
        points = points.astype(np.float32)
        cell = np.clip(((points - self._low) / _CELL).astype(int), 0, self._shape - 1)
        vertex = self._grid[(cell[:, 0] * self._shape[1] + cell[:, 1]) * self._shape[2] + cell[:, 2]]
        walking = np.arange(len(points))
        for _ in range(_STEPS):
            around = self._neighbours[vertex[walking]]
            difference = self._vertices[around] - points[walking, None]
            best = np.einsum("nkj,nkj->nk", difference, difference).argmin(axis=1)
            # A vertex is the first of its own neighbours: a walk that stays there has arrived.
            moved = np.flatnonzero(best)
            walking = walking[moved]
            vertex[walking] = around[moved, best[moved]]
        offset = points - self._vertices[vertex]
        normal = self._normals[vertex]
        depth = -np.einsum("nj,nj->n", offset, normal)
        return NearestVertices(vertex, offset, normal, depth)


def _nearest_of_cells(vertices: np.ndarray, allowed: np.ndarray, low: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """(n,) the vertex nearest to the centre of each cell, the last axis running fastest."""
    candidates = vertices[allowed]
    nearest = np.empty(tuple(shape), np.int64)
    offsets = np.stack(np.meshgrid(*[np.arange(_CUBE)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    firsts = np.stack(np.meshgrid(*[np.arange(0, count, _CUBE) for count in shape], indexing="ij"), axis=-1)
    firsts = firsts.reshape(-1, 3)
    middles = (low + (firsts + _CUBE / 2) * _CELL).astype(np.float32)
    distance = np.sqrt(np.maximum(_squares(middles, candidates), 0.0))
    # No cell's centre is farther from the cube's middle than half of this, so no vertex beyond can be a cell's nearest.
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
