"""What the head is made of, vertex by vertex: softness, the deepest dent, what can be touched and what moves together.

All constants here were set by hand: depths and softness after what a finger feels on a face, and after how dents looked
in renders of the sample clip. None was fitted to measurements.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dice_core.geometry.mesh import Mesh, distinct_pairs, triangle_edges, vertex_normals
from dice_core.geometry.mesh import triangles as mesh_triangles

if TYPE_CHECKING:
    from dice_core.bodies import Head

__all__ = ["Tissue", "bed_stiffness", "dent_limits", "head_tissue"]

HARDEST_DENT = 0.0015
"""Metres by which skin over bone gives way under a finger."""

SOFTEST_DENT = 0.018
"""Metres by which a cheek gives way before a finger meets the teeth."""

SOFTEST_BED, HARDEST_BED = 1.0, 50.0
"""Stiffness of the elastic bed at softness 1 and 0; only their ratio shapes a dent."""

BED_EXPONENT = 1.5
"""Between those ends, bed stiffness is about the inverse of softness to this power."""

REGION_SOFTNESS = {
    "forehead": 0.02,
    "brow.L": 0.08,
    "brow.R": 0.08,
    "eye.L": 0.4,
    "eye.R": 0.4,
    "nose": 0.3,
    "cheek.L": 0.75,
    "cheek.R": 0.75,
    "lips": 0.85,
    "chin": 0.35,
    "jaw.L": 0.4,
    "jaw.R": 0.4,
    "ear.L": 0.5,
    "ear.R": 0.5,
    "scalp": 0.02,
    "neck": 0.35,
    "mouth_inner": 0.7,
}
"""Softness as a thumb feels it, 0 for bone and 1 for the hollow of the cheek; a region that is not listed is rigid."""

SOFT_SPOTS = (
    ((50, 205, 187, 147, 280, 425, 411, 376), 1.0, 0.020),
    ((61, 291, 0, 17, 37, 267, 84, 314), 0.9, 0.012),
    ((4, 1, 98, 327), 0.6, 0.010),
)
"""Landmarks on soft tissue (hollow of the cheek; lips; tip and wings of the nose), softness there, and radius in
metres."""

HARD_SPOTS = (
    ((10, 151, 9, 8, 168, 6, 197, 67, 297, 69, 299), 0.0, 0.022),
    ((70, 63, 105, 66, 107, 300, 293, 334, 296, 336), 0.1, 0.010),
    ((116, 117, 345, 346), 0.35, 0.012),
    ((152, 199, 175), 0.3, 0.010),
)
"""Landmarks over bone (forehead and bridge of the nose; brow ridges; cheekbones; chin), softness there, and radius in
metres."""

SMOOTHING_ROUNDS = 6
"""Averages over neighbours, along edges of 3 to 6 mm: tissue changes over about a centimetre."""

LIP_REACH, LIP_COUPLING = 0.004, 1.0
"""Metres up to which opposite lips count as meeting in the neutral head, and strength of their coupling, 1 as strong as
an edge of the mesh."""

OUTWARD_WIDTH = 0.006
"""Metres over which normals are averaged for the direction that the skin faces: wider than the edge of a lip."""

OUTWARD_ROUNDS = 2
"""Averages of those directions."""

STRIP = 128
"""Vertices that are averaged at once: the fastest of 64, 128 and 256."""

FOLDED = 0.2
"""Smallest cosine between a vertex's normal and the direction that the skin around it faces. A vertex below it lies in
a fold: between the lips, at the rims of the lids, in the nostrils."""

EYEBALL_FRONT = 0.3
"""Smallest forward component of an eyeball vertex's normal at which the vertex can be touched."""

REFERENCE_FRONT = np.array([0.0, 0.0, -1.0])
"""The direction that a head faces at rest, in camera axes."""

LIP_SLOPE, LIP_OVERLAP = 0.3, 0.002
"""Smallest vertical component of the normals of facing lip vertices; metres by which the lower one may lie above the
upper."""


@dataclass(frozen=True)
class Tissue:
    """What a mesh is made of, vertex by vertex.

    softness : (V,) from 0 for bone to 1 for the softest; dent_limit : (V,) metres; touchable : (V,) bool;
    moving : (V,) bool, false for what is rigid; couplings : (c, 2) int, vertices that move together, and
    coupling_strength : (c,), 1 as strong as an edge; eyeballs : vertex indices of rigid balls that skin stays in front
    of; lining : (V,) bool, surfaces behind the skin that follow it, so that a dent does not show inside the mouth;
    outward : (V, 3) unit, the direction that the skin faces over a wider area, in the axes of the rest pose; None for
    the mesh's normals.
    """

    softness: np.ndarray
    dent_limit: np.ndarray
    touchable: np.ndarray
    moving: np.ndarray
    couplings: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    coupling_strength: np.ndarray = field(default_factory=lambda: np.zeros(0))
    eyeballs: tuple[np.ndarray, ...] = ()
    lining: np.ndarray | None = None
    outward: np.ndarray | None = None

    @classmethod
    def uniform(cls, count: int, softness: float = 1.0) -> Tissue:
        """The same tissue at each of `count` vertices."""
        soft = np.full(count, float(softness))
        return cls(soft, dent_limits(soft), np.ones(count, bool), np.ones(count, bool))


def dent_limits(softness: np.ndarray) -> np.ndarray:
    """(V,) metres: the deepest dent that each softness allows; softness : (V,)."""
    return HARDEST_DENT + (SOFTEST_DENT - HARDEST_DENT) * softness


def bed_stiffness(softness: np.ndarray) -> np.ndarray:
    """(V,) stiffness of the elastic bed under the skin, 1 for the softest; softness : (V,)."""
    share = SOFTEST_BED / HARDEST_BED
    return SOFTEST_BED / (share + (1 - share) * softness**BED_EXPONENT)


def head_tissue(head: Head) -> Tissue:
    """Tissue of the open head, the same for every person."""
    mesh = head.mesh
    rest = mesh.rest_vertices.astype(np.float64)
    triangles = mesh_triangles(mesh)
    normals = vertex_normals(rest, triangles)
    eyeballs = tuple(np.flatnonzero(mesh.region_vertices(f"eyeball.{side}")) for side in "LR")
    rigid = head.rigid_vertices | mesh.region_vertices("tongue")
    hidden = mesh.region_vertices("mouth_inner", "tongue") | _sockets(mesh, rest, normals, eyeballs)
    hidden |= head.rigid_vertices & (normals @ REFERENCE_FRONT < EYEBALL_FRONT)
    outward = _outward(rest, normals, hidden, mesh.region_vertices("lips"))
    folds = mesh.region_vertices("lips", "eye.L", "eye.R", "nose")
    hidden |= folds & ((outward * normals).sum(axis=1) < FOLDED)
    softness = _softness(head, rest, triangles, rigid)
    pairs, strength = _meeting_lips(rest, normals, mesh.region_vertices("lips", "mouth_inner"), triangles)
    return Tissue(
        softness=softness,
        dent_limit=np.where(rigid, 0.0, dent_limits(softness)),
        touchable=~hidden,
        moving=~rigid,
        couplings=pairs,
        coupling_strength=strength,
        eyeballs=eyeballs,
        lining=mesh.region_vertices("mouth_inner", "tongue"),
        outward=outward,
    )


def _softness(head: Head, rest: np.ndarray, triangles: np.ndarray, rigid: np.ndarray) -> np.ndarray:
    table = np.array([REGION_SOFTNESS.get(name, 0.0) for name in head.mesh.region_names])
    softness = table[head.mesh.region]
    landmarks = head.landmarks(rest)
    for spots, take in ((SOFT_SPOTS, np.maximum), (HARD_SPOTS, np.minimum)):
        for indices, value, radius in spots:
            distance = np.linalg.norm(rest[:, None] - landmarks[list(indices)], axis=2).min(axis=1)
            near = np.exp(-((distance / radius) ** 2))
            softness = take(softness, softness + near * (value - softness))
    edges = triangle_edges(triangles)
    i, j = np.concatenate([edges, edges[:, ::-1]]).T
    valence = np.maximum(np.bincount(i, minlength=len(rest)), 1)
    for _ in range(SMOOTHING_ROUNDS):
        softness = (softness + np.bincount(i, softness[j], minlength=len(rest)) / valence) / 2
    return np.where(rigid, 0.0, np.clip(softness, 0, 1))


def _outward(rest: np.ndarray, normals: np.ndarray, hidden: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """(V, 3) unit: normals averaged over visible skin that faces the same way, or over all of it around the lips."""
    seen = np.flatnonzero(~hidden)
    # From one end of the head to the other: what is near to a strip then stands close to it in the list.
    longest = int(np.argmax(np.ptp(rest[seen], axis=0)))
    seen = seen[np.argsort(rest[seen, longest], kind="stable")]
    points, mouth = rest[seen].astype(np.float32), lips[seen]
    strips = list(_strips(points, longest, 3 * OUTWARD_WIDTH))
    facing = normals[seen].astype(np.float32)
    for _ in range(OUTWARD_ROUNDS):
        averaged = np.empty_like(facing)
        for own, around, near in strips:
            agreement = np.maximum(facing[own] @ facing[around].T, 0)
            agreement[mouth[own, None] & mouth[around]] = 1.0
            averaged[own] = (near * agreement) @ facing[around]
        facing = averaged / np.maximum(np.linalg.norm(averaged, axis=1, keepdims=True), np.float32(1e-12))
    outward = normals.copy()
    outward[seen] = facing
    return outward


def _strips(points: np.ndarray, axis: int, radius: float) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Points (n, 3) in strips, with those around each strip, and the weight (k, m) of the one for the other.

    axis : along which the points are sorted; radius : metres, beyond which a weight is 0.
    """
    length = np.einsum("nx,nx->n", points, points)
    for start in range(0, len(points), STRIP):
        own = slice(start, min(start + STRIP, len(points)))
        low = np.searchsorted(points[:, axis], points[own.start, axis] - radius)
        high = np.searchsorted(points[:, axis], points[own.stop - 1, axis] + radius)
        around = slice(int(low), int(high))
        square = length[own, None] + length[around] - 2 * points[own] @ points[around].T
        near = np.exp(square / np.float32(-2 * OUTWARD_WIDTH**2))
        near[square >= radius**2] = 0.0
        yield own, around, near


def _sockets(mesh: Mesh, rest: np.ndarray, normals: np.ndarray, eyeballs: tuple[np.ndarray, ...]) -> np.ndarray:
    """(V,) bool: skin around an eyeball that faces its centre, behind the lids."""
    inside = np.zeros(len(rest), bool)
    for side, ball in zip("LR", eyeballs, strict=True):
        outward = rest - rest[ball].mean(axis=0)
        inside |= mesh.region_vertices(f"eye.{side}") & ((outward * normals).sum(axis=1) < 0)
    return inside


def _meeting_lips(
    rest: np.ndarray, normals: np.ndarray, lips: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of lip vertices that face each other across the closed mouth, and the strength of their coupling."""
    upper = np.flatnonzero(lips & (normals[:, 1] > LIP_SLOPE))
    lower = np.flatnonzero(lips & (normals[:, 1] < -LIP_SLOPE))
    if not len(upper) or not len(lower):
        return np.zeros((0, 2), np.int64), np.zeros(0)
    offset = rest[lower][None] - rest[upper][:, None]
    distance = np.linalg.norm(offset, axis=2)
    # The lower lip lies below (y points down) what faces it; a chin's underside or a nostril does not.
    distance = np.where(offset[:, :, 1] < -LIP_OVERLAP, np.inf, distance)
    forward = np.stack([upper, lower[distance.argmin(axis=1)]], axis=1)
    backward = np.stack([upper[distance.argmin(axis=0)], lower], axis=1)
    pairs = distinct_pairs(np.concatenate([forward, backward]), len(rest))
    length = np.linalg.norm(rest[pairs[:, 0]] - rest[pairs[:, 1]], axis=1)
    joined, sorted_pairs = (np.sort(ends, axis=1) @ [len(rest), 1] for ends in (triangle_edges(triangles), pairs))
    joined = np.sort(joined)
    apart = joined[np.searchsorted(joined, sorted_pairs).clip(max=len(joined) - 1)] != sorted_pairs
    keep = (length < LIP_REACH) & apart
    return pairs[keep], LIP_COUPLING * np.exp(-((length[keep] / (LIP_REACH / 2)) ** 2))
