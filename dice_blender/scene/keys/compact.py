"""Key mode `compact`: the object's rigid motion, and principal components of what is left as shape keys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.geometry.rotations import axis_angle, rotation_matrices

from ..motion import Motion
from ..rotations import continuous_quaternions
from .components import Components, decompose, left_over, rigid_alignment
from .plan import MeshPlan, ObjectMotion, ShapeKey

__all__ = ["COMPACT_LIMIT", "COMPACT_TOLERANCE", "compact_plan", "component_keys", "in_object_space"]

# Promise of the mode: shape keys a mesh, and metres that no vertex may be off.
COMPACT_LIMIT = 24
COMPACT_TOLERANCE = 0.2e-3
# Shares of the tolerance, set by hand: the error that decides how many keys there are (the rest is for float32 in the
# evaluated mesh), and the error that is then aimed for with the same number of keys.
_ENOUGH = 0.95
_AIM = 0.7
# Where the take's own rigid motion does not serve, the closest fit is worth its time if it leaves less than this share
# of what the former leaves. Set by hand: on the sample and on harder clips the two differ by a few per cent.
_CLEARLY_LESS = 0.9


def compact_plan(motion: Motion, times: np.ndarray) -> MeshPlan:
    """The rigid motion of the object, and at most COMPACT_LIMIT keys.

    times : (T,) scene frames. The rigid motion is the take's own if it has one that serves, or else the closest fit.
    """
    vertices = motion.vertices
    if motion.rotation is None or motion.translation is None:
        return _keyed(_moved(motion, vertices, _aligned(motion, vertices)), times)
    rooted = _moved(motion, vertices, _rooted(motion))
    best = _keyed(rooted, times)
    if best.error <= COMPACT_TOLERANCE * _ENOUGH:
        return best
    fitted = _moved(motion, vertices, _aligned(motion, vertices))
    if left_over(fitted.offsets, COMPACT_LIMIT - 1) > _CLEARLY_LESS * left_over(rooted.offsets, COMPACT_LIMIT - 1):
        return best
    aligned = _keyed(fitted, times)
    return aligned if aligned.error < best.error else best


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


@dataclass(frozen=True)
class _Moved:
    """A body in the space of its moving object. basis : (V, 3); offsets : (T, V, 3) from it, float32, metres."""

    rigid: _Rigid
    basis: np.ndarray
    offsets: np.ndarray


def _moved(motion: Motion, vertices: np.ndarray, rigid: _Rigid) -> _Moved:
    local = in_object_space(vertices, rigid.rotation, rigid.location)
    basis = local[motion.present].mean(axis=0)
    return _Moved(rigid, basis, local - basis)


def _keyed(moved: _Moved, times: np.ndarray) -> MeshPlan:
    parts = decompose(moved.offsets, COMPACT_TOLERANCE * _ENOUGH, COMPACT_LIMIT, COMPACT_TOLERANCE * _AIM)
    rigid = ObjectMotion(moved.rigid.location, continuous_quaternions(axis_angle(moved.rigid.rotation)))
    keys = component_keys("component", moved.basis, parts, times)
    return MeshPlan(moved.basis, keys, motion=rigid, error=parts.error)


def _rooted(motion: Motion) -> _Rigid:
    assert motion.rotation is not None
    assert motion.translation is not None
    location = motion.translation.astype(np.float64) + motion.mesh.joints[0]
    return _Rigid(rotation_matrices(motion.rotation[:, 0]), location)


def _aligned(motion: Motion, vertices: np.ndarray) -> _Rigid:
    """Alignment to the mean shape, which is itself found by aligning."""
    reference = motion.mesh.rest_vertices - motion.mesh.rest_vertices.mean(axis=0)
    rotation, location = rigid_alignment(vertices, reference)
    reference = in_object_space(vertices, rotation, location)[motion.present].mean(axis=0)
    return _Rigid(*rigid_alignment(vertices, reference - reference.mean(axis=0)))
