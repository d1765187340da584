"""Our head's shapes fitted to a whole surface: where the landmarks leave a face open, its form says where what is.

Landmarks of drawings lie up to half a centimetre beside the same points of our head on foreheads and brows; the shapes
of people tell the places along the skin better. Iterated closest points with the distances along the normals (Chen and
Medioni 1992, doi:10.1016/0262-8856(92)90066-C), over place, turn, size and shapes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dice_core.bodies import Head
from dice_core.contact.tissue.stiffness import Tissue
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import boundary_vertices, vertex_areas, vertex_normals
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.geometry.rotations import rotation_matrices
from dice_core.transfer.registration import EAR_WEIGHT, FACING

__all__ = ["fit_surface_shape"]

ROUNDS = 15
"""After five nothing moves by a tenth of a millimetre on a head that our shapes can make."""

NOISE = 0.001
"""Metres by which people's skin differs from our shapes, against one standard deviation of each. Of 0.5, 1 and 2 mm the
best on four bodies of tools/characters whose true correspondence is known, a child and a very long face among them."""

PATCH = 20.0
"""Vertices that differ together and count as one. Set by hand."""

REACH, NEAREST_REACH, SHRINK = 0.02, 0.004, 0.8
"""Metres at which a closest point counts a quarter, in the first round and at last, and the ratio of two rounds."""

FARTHEST = 0.05
"""Metres up to which closest points are looked for."""

_TINY = 1e-6  # keeps the place where nothing is near that could decide it


def fit_surface_shape(
    head: Head,
    tissue: Tissue,
    start: np.ndarray,
    skin: tuple[np.ndarray, np.ndarray],
    should_stop: Callable[[], None],
) -> np.ndarray:
    """(V, 3) float64 our head in the place, size and shape in which it lies on a surface best.

    start : (V, 3) our head roughly in place; skin : vertices (n, 3) and triangles (m, 3), near it; should_stop raises
    to stop.
    """
    triangles, rows = mesh_triangles(head.mesh), np.flatnonzero(tissue.touchable)
    template, basis = head.mesh.rest_vertices.astype(np.float64), head.shape_basis.astype(np.float64)
    count = len(basis)
    index = SurfaceIndex(*skin)
    rim = boundary_vertices(skin[1], len(skin[0]))
    area = vertex_areas(template, triangles)[rows]
    trust = area / area.mean() * np.where(head.mesh.region_vertices("ear.L", "ear.R")[rows], EAR_WEIGHT, 1.0)
    shape, turn, size, offset = np.zeros(count), np.eye(3), 1.0, np.zeros(3)
    placed = start
    for step in range(ROUNDS):
        should_stop()
        closest = index.query(placed[rows], FARTHEST)
        found = closest.triangle >= 0
        facing = np.einsum("nx,nx->n", closest.normal, vertex_normals(placed, triangles)[rows])
        reach = max(REACH * SHRINK**step, NEAREST_REACH)
        weight = trust / (1 + (closest.distance / reach) ** 2) ** 2 * np.clip((facing - FACING) / (1 - FACING), 0, 1)
        weight *= found & ~rim[skin[1][closest.triangle]].any(axis=1)
        weight /= NOISE**2 * PATCH
        # The equations are about the fit so far, which in the first round is not where the closest points are from.
        placed = size * (template + np.tensordot(shape, basis, 1)) @ turn.T + offset
        about, normal = placed[rows] - offset, closest.normal
        by_shape = size * np.einsum("knx,nx->nk", basis[:, rows] @ turn.T, normal)
        by_size = np.einsum("nx,nx->n", about, normal) / size
        columns = np.concatenate([by_shape, np.cross(about, normal), normal, by_size[:, None]], axis=1)
        gap = np.einsum("nx,nx->n", closest.points(*skin) - placed[rows], normal)
        matrix, right = columns.T @ (columns * weight[:, None]), columns.T @ (weight * gap)
        matrix[np.arange(count), np.arange(count)] += 1
        matrix[np.arange(count, len(matrix)), np.arange(count, len(matrix))] += _TINY
        right[:count] -= shape
        change = np.linalg.solve(matrix, right)
        shape, offset, size = shape + change[:count], offset + change[-4:-1], size + change[-1]
        turn = rotation_matrices(change[count : count + 3]) @ turn
        placed = size * (template + np.tensordot(shape, basis, 1)) @ turn.T + offset
    return placed
