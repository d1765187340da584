"""What the bodies lack: hair, a forearm below the wrist's cut, a neck's continuation and shoulders.

Stand-ins that no truth holds; sizes and places were set by hand, by the look of the pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sample.clothes import boundary_ring, collar, ring_quads

from dice_core.geometry.mesh import Mesh, triangles, vertex_normals

__all__ = ["Hair", "Tube", "hair_mask", "smoothed"]

FOREARM_RINGS, FOREARM_LENGTH = 11, 0.42
CUFF_RING = 3
"""The first ring of a forearm that a sleeve covers."""

HAIR_THICKNESS = (0.008, 0.03)
"""Metres of full hair."""


def smoothed(values: np.ndarray, mesh: Mesh, rounds: int) -> np.ndarray:
    """(V,) values after averaging with their neighbours."""
    faces = triangles(mesh)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    start, end = np.concatenate([edges, edges[:, ::-1]]).T
    valence = np.maximum(np.bincount(start, minlength=len(values)), 1)
    for _ in range(rounds):
        values = (values + np.bincount(start, values[end], minlength=len(values)) / valence) / 2
    return values


def hair_mask(mesh: Mesh) -> np.ndarray:
    """(V,) 0 to 1: the scalp, with a soft edge."""
    mask = smoothed(mesh.region_vertices("scalp").astype(float), mesh, 3)
    return np.where(mesh.region_vertices("ear.L", "ear.R"), 0.0, mask)


class Hair:
    """A cap of hair that stands off the scalp and follows the head. faces : (T, 3) of its own vertices."""

    def __init__(self, mesh: Mesh, rng: np.random.Generator) -> None:
        self._mesh = mesh
        mask = hair_mask(mesh)
        lumps = smoothed(rng.normal(0, 1, len(mask)), mesh, 6)
        lumps = np.clip(1 + 0.35 * lumps / max(float(lumps.std()), 1e-9), 0.3, 1.8)
        self._thickness = np.clip(mask * 1.6 - 0.3, 0, 1) * rng.uniform(*HAIR_THICKNESS) * lumps
        faces = triangles(mesh)
        kept = faces[(self._thickness[faces] > 0).all(axis=1)]
        self._vertices, inverse = np.unique(kept, return_inverse=True)
        self.faces = inverse.reshape(-1, 3)

    def place(self, head: np.ndarray) -> np.ndarray:
        """(n, 3) vertices on a posed head (V, 3)."""
        normals = vertex_normals(head.astype(np.float64), triangles(self._mesh))
        return (head + self._thickness[:, None] * normals)[self._vertices]


@dataclass(frozen=True)
class Tube:
    """Rings below an open boundary of a body. ring : indices of the boundary; faces : (T, 3) of its own vertices."""

    ring: np.ndarray
    faces: np.ndarray

    @classmethod
    def below(cls, mesh: Mesh, rings: int) -> Tube:
        """Below the cut of a wrist or neck."""
        ring = boundary_ring(mesh.face_corners.reshape(-1, 4), mesh.rest_vertices, np.array([0.0, 1.0, 0.0]))
        quads = ring_quads(rings, len(ring))
        return cls(ring, np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]))

    def forearm(self, hand: np.ndarray, wrist_axis: np.ndarray, elbow: np.ndarray, sleeve: float) -> np.ndarray:
        """(FOREARM_RINGS * n, 3) from the wrist to the elbow.

        hand : (W, 3) posed; wrist_axis, elbow : (3,) unit directions down the hand and down the arm;
        sleeve : metres that cloth stands off the arm.
        """
        cut = hand[self.ring].astype(np.float64)
        centre = cut.mean(axis=0)
        offset = cut - centre
        rings = [cut]  # exactly, so that no seam gapes
        at, last = centre.copy(), 0.0
        for number, share in enumerate(np.linspace(0, 1, FOREARM_RINGS)[1:], 1):
            direction = (1 - share) * wrist_axis + share * elbow
            direction /= np.linalg.norm(direction)
            at = at + direction * (share - last) * FOREARM_LENGTH
            last = share
            flat = offset - (offset @ direction)[:, None] * direction
            size = np.linalg.norm(flat, axis=1, keepdims=True)
            cloth = sleeve if number >= CUFF_RING else 0.0
            rings.append(at + flat * (1 + 0.45 * np.sin(np.pi * 0.6 * share)) + flat / size * cloth)
        return np.concatenate(rings)

    def shoulders(self, rest: np.ndarray, motion: tuple[np.ndarray, np.ndarray], place: np.ndarray) -> np.ndarray:
        """(COLLAR_RINGS * n, 3) a collar and shoulders below the neck; rest : (V, 3) of the head."""
        return collar(rest[self.ring].astype(np.float64), motion, place)
