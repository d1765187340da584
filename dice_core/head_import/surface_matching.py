"""Which point of one head each vertex of another is, where both lie in one place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.geometry.mesh import vertex_normals
from dice_core.transfer.surface_points import SurfacePoints, closest_facing

__all__ = ["HeadSurface", "matched"]

LOWER = 0.5
"""Share of the jaw's motion from which a vertex at the mouth belongs to the lower lip; corners move by about half."""

MARGIN = 0.2
"""How much less or more than that share the corners of a triangle move that a vertex may lie on. Set by hand."""


@dataclass(frozen=True)
class HeadSurface:
    """A head's skin and what is behind it.

    vertices : (n, 3); faces : (T, 3); inner : (n,) bool, the mouth's lining; mouth : (n,) bool, lips and lining; drop :
    (n,) how far each vertex moves as the jaw opens, 1 the farthest.
    """

    vertices: np.ndarray
    faces: np.ndarray
    inner: np.ndarray
    mouth: np.ndarray
    drop: np.ndarray

    def kinds(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Vertices (n,) bool of each kind, and the triangles (T,) bool on which those of another head's may lie.

        What is behind the skin is looked for behind the skin, since a cheek's inside is near to the cheek; lips that
        lie on each other are told apart by how they move as the jaw opens.
        """
        inner, drop = self.inner[self.faces], self.drop[self.faces]
        lower = self.drop > LOWER
        found = []
        for behind, fitting in ((self.inner, inner.any(axis=1)), (~self.inner, ~inner.all(axis=1))):
            found += [
                (behind & ~self.mouth, fitting),
                (behind & self.mouth & ~lower, fitting & (drop.max(axis=1) < LOWER + MARGIN)),
                (behind & self.mouth & lower, fitting & (drop.min(axis=1) > LOWER - MARGIN)),
            ]
        return found


def matched(one: HeadSurface, other: HeadSurface) -> SurfacePoints:
    """The vertices of one head as points of the other's triangles."""
    normals = vertex_normals(one.vertices, one.faces)
    corners, weights = np.zeros((len(one.vertices), 3), np.int64), np.zeros((len(one.vertices), 3))
    for (own, _), (_, fitting) in zip(one.kinds(), other.kinds(), strict=True):
        rows, faces = np.flatnonzero(own), other.faces[fitting]
        if len(rows):
            points = closest_facing(one.vertices[rows], normals[rows], other.vertices, faces, np.arange(len(faces)))
            corners[rows], weights[rows] = points.corners, points.weights
    return SurfacePoints(corners, weights, np.zeros(len(corners), np.int64))
