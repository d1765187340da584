"""Key mode `compact`: the object's rigid motion, and principal components of what is left as shape keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dice_core.geometry.rotations import axis_angle, rotation_matrices

from ..motion import Block, Motion
from ..rotations import continuous_quaternions
from .components import rigid_alignment
from .decomposition import Components, Offsets, decompose
from .plan import MeshPlan, ObjectMotion, ShapeKey

__all__ = ["COMPACT_LIMIT", "COMPACT_TOLERANCE", "compact_plan", "component_keys", "in_object_space"]

# Promise of the mode: shape keys a mesh, and metres that no vertex may be off.
COMPACT_LIMIT = 24
COMPACT_TOLERANCE = 0.2e-3
# Shares of the tolerance, set by hand: the error that decides how many keys there are (the rest is for float32 in the
# evaluated mesh), and the error that is then aimed for with the same number of keys.
_ENOUGH = 0.95
_AIM = 0.7


def compact_plan(motion: Motion, times: np.ndarray) -> MeshPlan:
    """The rigid motion of the object, and at most COMPACT_LIMIT keys.

    times : (T,) scene frames. The rigid motion is the take's own if it has one that serves, or else the closest fit.
    """
    best = None
    if motion.rotation is not None and motion.translation is not None:
        best = _keyed(motion, times, _rooted(motion))
    if best is None or best.error > COMPACT_TOLERANCE * _ENOUGH:
        aligned = _keyed(motion, times, _aligned(motion))
        best = aligned if best is None or aligned.error < best.error else best
    return best


def component_keys(prefix: str, basis: np.ndarray, parts: Components, times: np.ndarray) -> list[ShapeKey]:
    """Shape keys `prefix.01`, `prefix.02`, ... for components around a basis.

    basis : (V, 3) float32, metres; times : (T,) scene frames.
    """
    return [
        ShapeKey(f"{prefix}.{k + 1:02d}", basis + shape, times, parts.weights[:, k])
        for k, shape in enumerate(parts.shapes)
    ]


def in_object_space(vertices: np.ndarray, rotation: np.ndarray, location: np.ndarray) -> np.ndarray:
    """World positions in the space of a moving object.

    vertices : (T, V, 3), rotation : (T, 3, 3), location : (T, 3). Returns (T, V, 3) float32.
    """
    return (vertices - location[:, None].astype(np.float32)) @ rotation.astype(np.float32)


@dataclass(frozen=True)
class _Rigid:
    """rotation (T, 3, 3) about the object's origin, location (T, 3) of that origin."""

    rotation: np.ndarray
    location: np.ndarray

    def local(self, motion: Motion) -> Iterator[Block]:
        """The surface in the object's space, some frames at a time."""
        for rows, vertices in motion.surfaces():
            yield rows, in_object_space(vertices, self.rotation[rows], self.location[rows])


def _keyed(motion: Motion, times: np.ndarray, rigid: _Rigid) -> MeshPlan:
    basis = _mean(rigid.local(motion), motion.present)
    offsets = Offsets(len(times), len(basis), lambda: ((rows, local - basis) for rows, local in rigid.local(motion)))
    parts = decompose(offsets, COMPACT_TOLERANCE * _ENOUGH, COMPACT_LIMIT, COMPACT_TOLERANCE * _AIM)
    moved = ObjectMotion(rigid.location, continuous_quaternions(axis_angle(rigid.rotation)))
    return MeshPlan(basis, component_keys("component", basis, parts, times), motion=moved, error=parts.error)


def _mean(blocks: Iterator[Block], present: np.ndarray) -> np.ndarray:
    """(V, 3) float32 mean over the frames in which the body is there; present : (T,) bool."""
    total = sum(values[present[rows]].sum(axis=0, dtype=np.float64) for rows, values in blocks)
    return np.asarray(total / present.sum(), np.float32)


def _rooted(motion: Motion) -> _Rigid:
    assert motion.rotation is not None
    assert motion.translation is not None
    location = motion.translation.astype(np.float64) + motion.mesh.joints[0]
    return _Rigid(rotation_matrices(motion.rotation[:, 0]), location)


def _aligned(motion: Motion) -> _Rigid:
    """Alignment to the mean shape, which is itself found by aligning."""
    reference = motion.mesh.rest_vertices - motion.mesh.rest_vertices.mean(axis=0)
    reference = _mean(_aligned_to(motion, reference).local(motion), motion.present)
    return _aligned_to(motion, reference - reference.mean(axis=0))


def _aligned_to(motion: Motion, reference: np.ndarray) -> _Rigid:
    """The closest rigid motion of a shape, (V, 3)."""
    rotation, location = np.empty((len(motion.frames), 3, 3)), np.empty((len(motion.frames), 3))
    for rows, vertices in motion.surfaces():
        rotation[rows], location[rows] = rigid_alignment(vertices, reference)
    return _Rigid(rotation, location)
