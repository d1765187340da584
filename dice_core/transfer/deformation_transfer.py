"""Deformations of one mesh on another: deformation transfer (Sumner and Popovic 2004, doi:10.1145/1015706.1015736).

Every triangle of the target takes the deformation gradient of the source triangle that it corresponds to, and the
vertices are those whose gradients are nearest to all of these. For area-weighted gradients that is a Poisson problem
(Botsch et al. 2006, "Deformation transfer for detail-preserving surface editing"), factored once for all deformations.
"""

from __future__ import annotations

import numpy as np

from dice_core.contact.sheet_compliance import cotangent_weights
from dice_core.geometry.mesh import vertex_areas
from dice_core.transfer.layered_solver import LayeredSolver

__all__ = ["DeformationTransfer", "deformation_gradients"]

ANCHOR_LENGTH = 0.03
"""Metres: over longer distances vertices keep the displacement of what they correspond to, over shorter ones the
gradients shape them. Without that the turn of a jaw adds up to a millimetre at the nose and the neck."""

_TINY = 1e-18


def deformation_gradients(rest: np.ndarray, moved: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(T, 3, 3) linear part of the map that each triangle undergoes, its normal kept normal and its thickness scaled as
    its sides. rest, moved : (V, 3); triangles : (T, 3)."""
    before, after = _edge_frames(rest, triangles), _edge_frames(moved, triangles)
    return after @ np.linalg.inv(before)


class DeformationTransfer:
    """A target mesh, prepared once.

    vertices : (V, 3), triangles : (T, 3); held : (V,) bool, vertices that do not move; pairs : (p, 2) int, vertices
    whose difference is given for every deformation, such as the margins of two lids, and pair_weights : (p,), against
    edges of weight about 1; anchor_length : metres.
    """

    def __init__(
        self,
        vertices: np.ndarray,
        triangles: np.ndarray,
        held: np.ndarray,
        pairs: np.ndarray,
        pair_weights: np.ndarray,
        anchor_length: float = ANCHOR_LENGTH,
    ) -> None:
        self._vertices, self._pairs, self._pull = vertices.astype(np.float64), pairs, pair_weights
        self._free = np.flatnonzero(~held)
        place = np.full(len(vertices), -1)
        place[self._free] = np.arange(len(self._free))
        self._place = place
        self._anchor = vertex_areas(vertices, triangles) / anchor_length**2
        i, j, weight = cotangent_weights(vertices, triangles)
        every = np.arange(len(vertices))
        degree = np.bincount(i, weight, minlength=len(vertices))
        a, b = pairs.T
        pull = pair_weights
        rows = np.concatenate([i, every, a, b, a, b])
        columns = np.concatenate([j, every, a, b, b, a])
        values = np.concatenate([-weight, degree + self._anchor, pull, pull, -pull, -pull])
        kept = (place[rows] >= 0) & (place[columns] >= 0)
        self._edges = [
            (
                triangles[:, k],
                triangles[:, (k + 1) % 3],
                _half_cotangent(self._vertices, np.roll(triangles, -k, axis=1)),
            )
            for k in range(3)
        ]
        self._solver = LayeredSolver(place[rows[kept]], place[columns[kept]], values[kept], len(self._free))

    def displacements(self, gradients: np.ndarray, anchors: np.ndarray, pair_motion: np.ndarray) -> np.ndarray:
        """What each vertex moves by, for D deformations.

        gradients : (D, T, 3, 3) of the target's triangles; anchors : (D, V, 3) about what each vertex moves by;
        pair_motion : (D, p, 3), change of the difference between the first and the second vertex of each pair.
        Returns (D, V, 3) float64.
        """
        count = len(self._vertices)
        right = self._anchor[:, None, None] * anchors.transpose(1, 0, 2)
        change = gradients - np.eye(3)
        for i, j, half in self._edges:
            edge = self._vertices[i] - self._vertices[j]
            pull = half[:, None, None] * np.einsum("dtxy,ty->tdx", change, edge)
            np.add.at(right, i, pull)
            np.subtract.at(right, j, pull)
        wanted = self._pull[:, None, None] * pair_motion.transpose(1, 0, 2)
        np.add.at(right, self._pairs[:, 0], wanted)
        np.subtract.at(right, self._pairs[:, 1], wanted)
        solved = self._solver.solve(right[self._free].reshape(len(self._free), -1))
        result = np.zeros((len(gradients), count, 3))
        result[:, self._free] = solved.reshape(len(self._free), len(gradients), 3).transpose(1, 0, 2)
        return result


def _half_cotangent(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(T,) the weight that each triangle adds to the edge from its first to its second corner."""
    return cotangent_weights(vertices, triangles)[2][: len(triangles)]


def _edge_frames(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(T, 3, 3) two edges and a normal of their length, as columns."""
    a, b, c = (vertices[triangles[:, k]].astype(np.float64) for k in range(3))
    normal = np.cross(b - a, c - a)
    length = np.sqrt(np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), _TINY))
    return np.stack([b - a, c - a, normal / length], axis=2)
