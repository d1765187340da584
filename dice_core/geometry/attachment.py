"""What a body shows beside its skin: teeth, lashes, irises and the lids of its open ends, which follow the body.

Fitting, contact and metrics know the skin alone. An attachment is computed from the body's motion wherever a body is
shown, so that a take stores it once and not for every frame.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dice_core.errors import ShapeError
from dice_core.geometry.mesh import Attachment, Mesh, joint_transforms
from dice_core.geometry.rotations import rotation_matrices

__all__ = ["attached_deformation", "attached_vertices", "joined"]


def attached_vertices(
    mesh: Mesh, rotation: np.ndarray | None, translation: np.ndarray | None, expression: np.ndarray | None
) -> np.ndarray:
    """Where a body's attachment is, undeformed, by linear blend skinning.

    mesh : with an attachment and joints; rotation : (T, J, 3) axis-angle and translation : (T, 3), as a take has them;
    expression : (T, S) weights of the shape keys, None where all are zero.
    Returns (T, A, 3) float32, metres, in the space of the body's vertices.
    Raises ShapeError if the mesh has no attachment, or the arrays do not fit it.
    """
    part = _attachment(mesh)
    if rotation is None or translation is None or rotation.shape[1:] != mesh.joints.shape:
        raise ShapeError(f"What is attached to {mesh.name} needs the rotation of {len(mesh.joints)} joints.")
    result = np.tile(part.rest_vertices.astype(np.float32), (len(rotation), 1, 1))
    if expression is not None and len(part.shape_key_deltas):
        deltas = part.shape_key_deltas.astype(np.float32)
        result += (expression.astype(np.float32) @ deltas.reshape(len(deltas), -1)).reshape(result.shape)
    weights = np.zeros((len(part.rest_vertices), len(mesh.joints)))
    np.add.at(weights, (np.arange(len(weights))[:, None], part.skin_joints), part.skin_weights)
    joints, turns = mesh.joints.astype(np.float64), rotation_matrices(rotation)
    for t, points in enumerate(result):
        linear, offset = joint_transforms(joints, mesh.parents, turns[t], np.asarray(translation[t], np.float64))
        blended = (weights @ linear.reshape(-1, 9)).reshape(-1, 3, 3)
        points[:] = np.einsum("vij,vj->vi", blended, points) + weights @ offset
    return result


def attached_deformation(mesh: Mesh, deformation: np.ndarray) -> np.ndarray:
    """How far a body's attachment moves with skin that gives way.

    deformation : (T, V, 3) metres, of the body's vertices. Returns (T, A, 3) float32, metres, to be added.
    Raises ShapeError as `attached_vertices`.
    """
    part = _attachment(mesh)
    if deformation.shape[1:] != mesh.rest_vertices.shape:
        raise ShapeError(f"A deformation {deformation.shape} does not fit {mesh.name}.")
    result = np.empty((len(deformation), *part.rest_vertices.shape), np.float32)
    for moved, own in zip(result, deformation, strict=True):
        moved[:] = np.einsum("anc,an->ac", own[part.followed], part.followed_weights)
    return result


def _attachment(mesh: Mesh) -> Attachment:
    if mesh.attached is None:
        raise ShapeError(f"{mesh.name} has no attachment.")
    return mesh.attached


def joined(mesh: Mesh) -> Mesh:
    """A body and its attachment as one mesh: the body's vertices and polygons first, then the attachment's.

    Returns the mesh itself where it has none.
    """
    part = mesh.attached
    if part is None:
        return mesh
    names = tuple(dict.fromkeys((*mesh.region_names, *part.region_names)))
    renumbered = np.array([names.index(name) for name in part.region_names], np.uint8)
    columns = max(mesh.skin_joints.shape[1], part.skin_joints.shape[1])
    skin_joints, skin_weights = (
        np.concatenate([_widened(own, columns), _widened(other, columns)])
        for own, other in ((mesh.skin_joints, part.skin_joints), (mesh.skin_weights, part.skin_weights))
    )
    return replace(
        mesh,
        rest_vertices=np.concatenate([mesh.rest_vertices, part.rest_vertices]),
        face_corners=np.concatenate([mesh.face_corners, part.face_corners]),
        face_sizes=np.concatenate([mesh.face_sizes, part.face_sizes]),
        uv=np.concatenate([mesh.uv, part.uv]),
        region=np.concatenate([mesh.region, renumbered[part.region]]),
        region_names=names,
        skin_joints=skin_joints,
        skin_weights=skin_weights,
        shape_key_deltas=np.concatenate([mesh.shape_key_deltas, part.shape_key_deltas], axis=1),
        attached=None,
    )


def _widened(table: np.ndarray, columns: int) -> np.ndarray:
    """A table (n, k) with zeros in more columns."""
    return np.pad(table, ((0, 0), (0, columns - table.shape[1])))
