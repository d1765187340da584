"""Key mode `rigged`: rigid head with expression keys, hands on bones, contact deformation as `contact.*` keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from dice_core.geometry.mesh import Mesh, joint_transforms
from dice_core.geometry.rotations import rotation_matrices

from ..motion import Block, Motion
from ..rotations import continuous_quaternions
from .compact import COMPACT_LIMIT, COMPACT_TOLERANCE, compact_plan, component_keys, in_object_space
from .decomposition import Offsets, decompose
from .plan import MeshPlan, ObjectMotion, ShapeKey

__all__ = ["rigged_plan"]

# Metres, set by hand: what the rig leaves unexplained gets keys of its own (`shape.*`) only beyond this, which is more
# than the rounding of a stored take.
_RIG_TOLERANCE = 0.08e-3
# Metres, set by hand: the largest error of the deformation; with the rig's own error it stays within compact's limit.
_CONTACT_TOLERANCE = 0.6 * COMPACT_TOLERANCE
# A blended skinning matrix with a smaller determinant is nearly singular and cannot be inverted. Set by hand.
_SMALLEST_DETERMINANT = 1e-3
# Metres: less than the take's own rounding.
_NO_OFFSET = 2e-6


def rigged_plan(motion: Motion, times: np.ndarray) -> MeshPlan:
    """The rig's own motion where the take has one, otherwise the compact plan.

    times : (T,) scene frames.
    """
    if motion.rotation is None or motion.translation is None or not len(motion.mesh.joints):
        return compact_plan(motion, times)
    if len(motion.mesh.joints) > 1 and motion.mesh.name != "head":
        return _boned(motion, times)
    return _rigid(motion, times)


def _rigid(motion: Motion, times: np.ndarray) -> MeshPlan:
    """Only the root moves: its motion goes on the object, whose origin is the root joint."""
    assert motion.rotation is not None
    assert motion.translation is not None
    pivot = motion.mesh.joints[0]
    rotation = rotation_matrices(motion.rotation[:, 0])
    location = motion.translation.astype(np.float64) + pivot
    basis = motion.mesh.rest_vertices - pivot
    moved = ObjectMotion(location, continuous_quaternions(motion.rotation[:, 0]))

    def residual() -> Iterator[Block]:
        for rows, vertices in motion.undeformed():
            yield rows, in_object_space(vertices, rotation[rows], location[rows]) - basis

    def deformation() -> Iterator[Block]:
        for rows, offsets in motion.deformation():
            yield rows, in_object_space(offsets, rotation[rows], np.zeros((len(offsets), 3)))

    keys, error = _rig_keys(motion, times, basis, residual, deformation)
    return MeshPlan(basis, keys, motion=moved, error=error)


def _boned(motion: Motion, times: np.ndarray) -> MeshPlan:
    """Bones pose the mesh: offsets are carried back through the skinning to the rest pose, where shape keys act."""
    basis = motion.mesh.rest_vertices
    pose = _SkinnedPose(motion)

    def residual() -> Iterator[Block]:
        for rows, vertices in motion.undeformed():
            yield rows, np.stack([pose.residual(t, v) for t, v in zip(_indices(rows), vertices, strict=True)])

    def deformation() -> Iterator[Block]:
        for rows, offsets in motion.deformation():
            yield rows, np.stack([pose.carried_back(t, v) for t, v in zip(_indices(rows), offsets, strict=True)])

    keys, error = _rig_keys(motion, times, basis, residual, deformation)
    return MeshPlan(basis, keys, bones=True, error=error)


class _SkinnedPose:
    """The skinning of a mesh in each frame of its motion."""

    def __init__(self, motion: Motion) -> None:
        assert motion.rotation is not None
        assert motion.translation is not None
        self._mesh = motion.mesh
        self._rotation, self._translation = motion.rotation, motion.translation
        self._weights = _dense_weights(motion.mesh)
        self._joints = motion.mesh.joints.astype(np.float64)

    def residual(self, frame: int, vertices: np.ndarray) -> np.ndarray:
        """What the bones do not explain of a surface, (V, 3), in the rest pose."""
        blended, offset = self._skinning(frame)
        posed = np.einsum("vij,vj->vi", blended, self._mesh.rest_vertices) + offset
        return _unskinned(blended, (vertices - posed).astype(np.float32))

    def carried_back(self, frame: int, offsets: np.ndarray) -> np.ndarray:
        """Offsets of the posed surface, (V, 3), in the rest pose."""
        if not offsets.any():
            return offsets
        return _unskinned(self._skinning(frame)[0], offsets)

    def _skinning(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """(V, 3, 3) skinning matrix of each vertex and (V, 3) metres by which it is moved."""
        rotation = rotation_matrices(self._rotation[frame])
        linear, offset = joint_transforms(self._joints, self._mesh.parents, rotation, self._translation[frame])
        return (self._weights @ linear.reshape(-1, 9)).reshape(-1, 3, 3), self._weights @ offset


def _indices(rows: slice) -> range:
    return range(rows.start, rows.stop)


def _unskinned(blended: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Offsets of a posed surface carried back to the rest pose.

    blended : (V, 3, 3) skinning matrix of each vertex; offsets : (V, 3) metres. Returns (V, 3).
    """
    back = np.zeros_like(offsets)
    moved = np.flatnonzero((np.abs(offsets) > _NO_OFFSET).any(axis=1))
    matrices = blended[moved]
    sound = np.linalg.det(matrices) > _SMALLEST_DETERMINANT
    back[moved[sound]] = np.linalg.solve(matrices[sound], offsets[moved[sound], :, None])[:, :, 0]
    return back


def _rig_keys(
    motion: Motion,
    times: np.ndarray,
    basis: np.ndarray,
    residual: Callable[[], Iterator[Block]],
    deformation: Callable[[], Iterator[Block]],
) -> tuple[list[ShapeKey], float]:
    """The expression keys, the keys for contact, and those for what the rig does not explain.

    residual : gives the undeformed surface minus the basis; deformation : likewise; both in the space of shape keys.
    Returns the keys, and the largest distance of a vertex from the take in metres.
    """
    keys: list[ShapeKey] = []
    explained = residual
    if motion.expression is not None and len(motion.mesh.shape_key_names):
        # What lies beyond is left to the `shape.*` keys: no importer keeps it.
        weights = np.clip(motion.expression, 0.0, 1.0)
        keys = _expression_keys(motion.mesh, basis, weights, times)
        deltas = motion.mesh.shape_key_deltas.reshape(len(weights[0]), -1)

        def explained() -> Iterator[Block]:
            for rows, left in residual():
                yield rows, left - (weights[rows] @ deltas).reshape(left.shape)

    contact = decompose(Offsets(len(times), len(basis), deformation), _CONTACT_TOLERANCE, COMPACT_LIMIT)
    keys += component_keys("contact", basis, contact, times)
    shape = decompose(Offsets(len(times), len(basis), explained), _RIG_TOLERANCE, COMPACT_LIMIT)
    keys += component_keys("shape", basis, shape, times)
    return keys, contact.error + shape.error


def _expression_keys(mesh: Mesh, basis: np.ndarray, weights: np.ndarray, times: np.ndarray) -> list[ShapeKey]:
    """One key for each of the body's own shape keys, at rest or not. weights : (T, S)."""
    return [
        ShapeKey(name, basis + mesh.shape_key_deltas[k], times, weights[:, k])
        for k, name in enumerate(mesh.shape_key_names)
    ]


def _dense_weights(mesh: Mesh) -> np.ndarray:
    """(V, J) float64 skinning weights, rows sum to one."""
    weights = np.zeros((len(mesh.rest_vertices), len(mesh.joints)))
    np.add.at(weights, (np.arange(len(weights))[:, None], mesh.skin_joints), mesh.skin_weights)
    return weights / weights.sum(axis=1, keepdims=True)
