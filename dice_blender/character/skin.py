"""The surface of a character at rest, as plain arrays: vertices, triangles, shape keys, which bones move what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from dice_core.transfer.files import INFLUENCES

from ..scene.object_data import mesh_of, shape_keys_of
from .joined import full_name, moving_groups

__all__ = ["Surface", "read_surface", "shape_key_deltas", "skin_of"]


@dataclass(frozen=True)
class Surface:
    """One mesh object in world space. vertices : (V, 3) float64 metres; triangles : (F, 3) int32; matrix : (4, 4)."""

    vertices: np.ndarray
    triangles: np.ndarray
    matrix: np.ndarray


def read_surface(item: bpy.types.Object, unit: float) -> Surface:
    """An object's own mesh, without its modifiers and shape keys, where the object stands.

    unit : metres a unit of the scene.
    """
    mesh, keys = mesh_of(item), shape_keys_of(item)
    count = len(mesh.vertices)
    points = np.empty(count * 3, np.float32)
    if keys is None:
        mesh.vertices.foreach_get("co", points)
    else:
        keys.reference_key.points.foreach_get("co", points)
    matrix = np.array(item.matrix_world, np.float64)
    matrix[:3] *= unit
    mesh.calc_loop_triangles()
    corners = np.empty(len(mesh.loop_triangles) * 3, np.int32)
    mesh.loop_triangles.foreach_get("vertices", corners)
    triangles = corners.reshape(-1, 3)
    if np.linalg.det(matrix[:3, :3]) < 0:
        triangles = triangles[:, ::-1]  # a mirrored object would be inside out
    world = points.reshape(-1, 3).astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    return Surface(world, np.ascontiguousarray(triangles), matrix)


def shape_key_deltas(item: bpy.types.Object, name: str, linear: np.ndarray) -> np.ndarray:
    """(V, 3) float32: how a shape key at 1 moves the vertices. linear : (3, 3) from the object's space to the world."""
    keys = shape_keys_of(item)
    assert keys is not None
    block = keys.key_blocks[name]
    count = len(mesh_of(item).vertices)
    shape, base = np.empty(count * 3, np.float32), np.empty(count * 3, np.float32)
    block.points.foreach_get("co", shape)
    block.relative_key.points.foreach_get("co", base)
    return ((shape - base).reshape(-1, 3).astype(np.float64) @ linear.T).astype(np.float32)


def skin_of(
    item: bpy.types.Object, armatures: Sequence[bpy.types.Object], bones: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Which bones move an object's vertices: (V, 8) int32 and (V, 8) float32, rows that sum to 1, or 0 for none.

    bones : index of each bone, called as `full_name` does.
    """
    count = len(mesh_of(item).vertices)
    indices = np.zeros((count, INFLUENCES), np.int32)
    weights = np.zeros((count, INFLUENCES), np.float32)
    first = armatures[0]
    parent = item.parent
    if parent is not None and parent in armatures and item.parent_type == "BONE":
        indices[:, 0], weights[:, 0] = bones[full_name(first, parent, item.parent_bone)], 1.0
        return indices, weights
    groups = [
        (group, bones[full_name(first, armature, bone)])
        for armature in armatures
        for group, bone in moving_groups(item, armature).items()
    ]
    moving: dict[int, list[int]] = {}
    for group, bone in groups:
        moving.setdefault(group, []).append(bone)
    for v, vertex in enumerate(mesh_of(item).vertices):
        moved = [(g.weight, bone) for g in vertex.groups if g.weight > 0 for bone in moving.get(g.group, ())]
        moved.sort(reverse=True)
        for k, (weight, bone) in enumerate(moved[:INFLUENCES]):
            indices[v, k], weights[v, k] = bone, weight
    total = weights.sum(axis=1, keepdims=True)
    return indices, np.where(total > 0, weights / np.maximum(total, 1e-12), 0.0).astype(np.float32)
