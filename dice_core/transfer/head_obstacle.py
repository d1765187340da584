"""What of a hand is too deep in a head, and which way out is, fast enough for every step of a solver.

A point is as deep as it lies below the vertex nearest to it. Where that would mislead it counts as outside: beside the
edge of a fold, as in an ear, and deeper than a sheet is thick. A sheet hides what it covers, so that points near an ear
are looked for below the skin behind it, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.bodies import load_head
from dice_core.geometry.mesh import Mesh
from dice_core.geometry.nearest_vertex import NearestVertexIndex, NearestVertices

__all__ = ["Entered", "HeadObstacle"]

DEEPEST = 0.05
"""Metres: further inside, the nearest skin does not tell the way out."""

BESIDE = 0.008
"""Metres along the skin from the nearest vertex: more than an edge of our head: none is above it."""

EAR_THICKNESS = 0.006
"""Metres of an ear from its front to its back, whose sheets may lie in wrong order. Set by hand: a thick helix."""


@dataclass(frozen=True)
class Entered:
    """Points that are too deep. row : (m,) int; excess : (m,) metres, positive; normal : (m, 3) unit, the way out."""

    row: np.ndarray
    excess: np.ndarray
    normal: np.ndarray


class HeadObstacle:
    """The registered head of a character as something that hands stay out of.

    mesh : our head's, with the rest vertices of the registered one; touchable : (V,) bool, skin.
    """

    def __init__(self, mesh: Mesh, touchable: np.ndarray) -> None:
        self._ears = load_head().mesh.region_vertices("ear.L", "ear.R")
        self._skin = NearestVertexIndex(mesh, touchable)
        self._behind_ears = NearestVertexIndex(mesh, touchable & ~self._ears)

    def set_vertices(self, vertices: np.ndarray) -> None:
        """Set the head's vertices (V, 3) of a frame."""
        self._skin.set_vertices(vertices)
        self._behind_ears.set_vertices(vertices)

    def distance(self, points: np.ndarray) -> np.ndarray:
        """(n,) metres from points (n, 3) to the nearest vertex of the skin, inside or outside."""
        return self._skin.query(points).distance

    def entered(self, points: np.ndarray, allowed: np.ndarray) -> Entered:
        """Points (n, 3) that are deeper than allowed : (V,) metres at each vertex, negative where they keep away."""
        nearest = self._skin.query(points)
        at_ear = self._ears[nearest.vertex]
        excess = _excess(nearest, allowed, np.where(at_ear, EAR_THICKNESS, np.inf))
        normal = nearest.normal
        rows = np.flatnonzero(at_ear & (excess <= 0))
        if len(rows):
            behind = self._behind_ears.query(points[rows])
            excess[rows] = _excess(behind, allowed, np.full(len(rows), np.inf))
            normal = normal.copy()
            normal[rows] = behind.normal
        row = np.flatnonzero(excess > 0)
        return Entered(row, excess[row], normal[row])


def _excess(nearest: NearestVertices, allowed: np.ndarray, thickness: np.ndarray) -> np.ndarray:
    """(n,) metres by which points are too deep, 0 or less where they are not; thickness : (n,) of the head there."""
    limit = allowed[nearest.vertex]
    # A point outside has its distance as a depth, which the tangent plane of skin that is not below it is not.
    beside = nearest.distance**2 - nearest.depth**2 > BESIDE**2
    outside = (nearest.depth <= 0) | beside | (nearest.depth > thickness)
    excess = np.where(outside, -nearest.distance - limit, nearest.depth - limit)
    return np.where(nearest.distance < DEEPEST, excess, 0.0)
