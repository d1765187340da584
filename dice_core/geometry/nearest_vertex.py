"""The vertex of a deforming surface nearest to a point, fast enough for every step of an optimiser.

The shape at rest is known for a whole clip, so the vertex nearest to each cell of a grid around it is found once, when
a point first falls near it. A query starts there and walks from vertex to vertex to the nearest one of the surface as
it is deformed in this frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dice_core.geometry.mesh import Mesh, triangles, vertex_neighbours
from dice_core.geometry.surface_normals import SurfaceNormals

__all__ = ["NearestVertexIndex", "NearestVertices", "SurfaceShape"]

# Set by hand for a head with edges of 6 mm; test_nearest_vertex.py bounds the error that they leave.
_CELL = 0.008  # metres: a start within a cell is at most two edges away, which the walk makes up for
_MARGIN = 0.05  # metres around the surface within which starts are exact
_STEPS = 3  # edges that a query may walk from its start
_CUBE = 4  # cells along each side of a cube, whose cells are filled together
_ROUNDING = 1e-3  # metres, more than squares of distances in float32 lose

_CELLS = np.stack(np.meshgrid(*[np.arange(_CUBE)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


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

    @cached_property
    def distance(self) -> np.ndarray:
        """(n,) metres to the nearest vertex, without a sign."""
        return np.sqrt(np.einsum("nj,nj->n", self.offset, self.offset))


@dataclass(frozen=True)
class SurfaceShape:
    """A surface of one frame, ready for queries.

    vertices : (V, 3) float32; coordinates : (3, V), the same by axis; normals : (V, 3) unit.
    """

    vertices: np.ndarray
    coordinates: np.ndarray
    normals: np.ndarray


class NearestVertexIndex:
    """Nearest-vertex queries in the rest axes of a mesh.

    mesh : whose rest vertices the grid is filled by; allowed : (V,) bool, the vertices that a query may return.
    """

    def __init__(self, mesh: Mesh, allowed: np.ndarray) -> None:
        faces = triangles(mesh)
        self._neighbours = vertex_neighbours(faces, allowed)
        self._normals_of = SurfaceNormals(faces, len(allowed))
        self._outer = np.flatnonzero(allowed & (np.bincount(faces.ravel(), minlength=len(allowed)) > 0))
        self._candidates = mesh.rest_vertices[self._outer].astype(np.float32)
        self._low = self._candidates.min(axis=0) - _MARGIN
        high = self._candidates.max(axis=0) + _MARGIN
        self._shape = np.ceil((high - self._low) / _CELL).astype(int)
        self._grid = np.full(-(-self._shape // _CUBE) * _CUBE, -1)
        self.set_vertices(mesh.rest_vertices)

    def set_vertices(self, vertices: np.ndarray) -> None:
        """Set the vertices (V, 3) of this frame: deformed, in rest axes, metres."""
        self.set_shape(self.shape(vertices))

    def shape(self, vertices: np.ndarray) -> SurfaceShape:
        """What `set_shape` takes, of vertices (V, 3), for frames that are asked for again and again."""
        own = vertices.astype(np.float32)
        return SurfaceShape(own, np.ascontiguousarray(own.T), self._normals_of(own))

    def set_shape(self, shape: SurfaceShape) -> None:
        """Set this frame's shape, of this surface."""
        self._latest: tuple[bytes, NearestVertices] | None = None
        self._vertices, self._coordinates, self._normals = shape.vertices, shape.coordinates, shape.normals

    @property
    def normals(self) -> np.ndarray:
        """(V, 3) unit normals of this frame's vertices."""
        return self._normals

    def query(self, points: np.ndarray) -> NearestVertices:
        """Nearest allowed vertex to each point; points : (n, 3) float, metres, in rest axes."""
        points = points.astype(np.float32)
        # What touches is asked for in the pose that an optimiser has come to, and so is the start of its next round.
        key = points.tobytes()
        if self._latest is not None and self._latest[0] == key:
            return self._latest[1]
        vertex = self._start(np.clip(((points - self._low) / _CELL).astype(int), 0, self._shape - 1))
        walking = np.arange(len(points))
        for _ in range(_STEPS):
            around = self._neighbours[vertex[walking]]
            # Coordinate by coordinate: numpy is slow on axes as short as three.
            x, y, z = (
                along[around] - of_points[walking, None]
                for along, of_points in zip(self._coordinates, points.T, strict=True)
            )
            best = (x * x + y * y + z * z).argmin(axis=1)
            # A vertex is the first of its own neighbours: a walk that stays there has arrived.
            moved = np.flatnonzero(best)
            walking = walking[moved]
            vertex[walking] = around[moved, best[moved]]
        offset = points - self._vertices[vertex]
        normal = self._normals[vertex]
        depth = -np.einsum("nj,nj->n", offset, normal)
        self._latest = (key, NearestVertices(vertex, offset, normal, depth))
        return self._latest[1]

    def _start(self, cells: np.ndarray) -> np.ndarray:
        """(n,) the vertex nearest at rest to the centres of cells (n, 3)."""
        _, rows, columns = self._grid.shape
        place = (cells[:, 0] * rows + cells[:, 1]) * columns + cells[:, 2]
        vertex = self._grid.ravel()[place]
        if vertex.min(initial=0) < 0:
            cubes = {tuple(cube) for cube in (cells[vertex < 0] // _CUBE).tolist()}
            for cube in map(np.array, cubes):
                x, y, z = (slice(low, low + _CUBE) for low in cube * _CUBE)
                self._grid[x, y, z] = self._nearest_of_cells(cube)
            vertex = self._grid.ravel()[place]
        return vertex

    def _nearest_of_cells(self, cube: np.ndarray) -> np.ndarray:
        """(4, 4, 4) the vertex nearest to the centre of each cell of a cube (3,)."""
        middle = (self._low + (cube + 0.5) * _CUBE * _CELL).astype(np.float32)
        distance = np.linalg.norm(self._candidates - middle, axis=1)
        # No cell's centre is farther from the cube's middle than half of this, so no vertex beyond can be a cell's
        # nearest.
        near = np.flatnonzero(distance <= distance.min() + np.float32(np.sqrt(3) * _CUBE * _CELL + _ROUNDING))
        centres = (self._low + (cube * _CUBE + _CELLS + 0.5) * _CELL).astype(np.float32)
        chosen = near[_squares(centres, self._candidates[near]).argmin(axis=1)]
        return np.asarray(self._outer[chosen].reshape(_CUBE, _CUBE, _CUBE))


def _squares(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n, m) squared distances."""
    square = np.einsum("nj,nj->n", points, points)[:, None] + np.einsum("nj,nj->n", others, others)
    return square - 2 * (points @ others.T)
