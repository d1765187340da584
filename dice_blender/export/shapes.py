"""Shape keys and skin weights of a copied mesh as plain arrays, and back."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ..scene.animation import CurveWriter
from ..scene.object_data import mesh_of, shape_keys_of

__all__ = ["Shapes", "limit_influences", "read_shapes", "skin_weights", "write_shapes", "write_weights"]


@dataclass
class Shapes:
    """basis : (V, 3); names, deltas (K, V, 3), weights (T, K): the surface is basis + weights @ deltas."""

    basis: np.ndarray
    names: list[str]
    deltas: np.ndarray
    weights: np.ndarray

    def at(self, t: int) -> np.ndarray:
        """(V, 3) surface in a frame."""
        active = np.flatnonzero(self.weights[t])
        return self.basis + np.tensordot(self.weights[t, active], self.deltas[active], axes=1)

    def transformed(self, linear: np.ndarray, offset: np.ndarray) -> Shapes:
        """The shapes in another space: x -> linear @ x + offset."""
        return Shapes(self.basis @ linear.T + offset, self.names, self.deltas @ linear.T, self.weights)

    def extended(self, prefix: str, deltas: np.ndarray, weights: np.ndarray) -> Shapes:
        """With more keys, called `prefix.01`, `prefix.02` ... deltas : (n, V, 3), weights : (T, n)."""
        names = [f"{prefix}.{k + 1:02d}" for k in range(len(deltas))]
        return Shapes(
            self.basis,
            self.names + names,
            np.concatenate([self.deltas, deltas]),
            np.concatenate([self.weights, weights], axis=1),
        )


def read_shapes(item: bpy.types.Object, weights: np.ndarray) -> Shapes:
    """The shapes of an object with keys relative to the basis, the masks of vertex groups applied.

    weights : (T, K) by which they act. What is above 1 makes the key larger instead, and what is below 0 is left out:
    importers and engines clamp both.
    """
    keys, mesh = shape_keys_of(item), mesh_of(item)
    if keys is None:
        basis = np.empty(len(mesh.vertices) * 3, np.float32)
        mesh.vertices.foreach_get("co", basis)
        return Shapes(basis.reshape(-1, 3).astype(float), [], np.zeros((0, len(mesh.vertices), 3)), weights)
    points = {block.name: _points(block) for block in keys.key_blocks}
    basis = points[keys.reference_key.name].astype(float)
    blocks = [block for block in keys.key_blocks if block != keys.reference_key]
    deltas = np.zeros((len(blocks), len(basis), 3), np.float32)
    for k, block in enumerate(blocks):
        deltas[k] = points[block.name] - points[block.relative_key.name]
        if block.vertex_group in item.vertex_groups:
            deltas[k] *= _group_weights(item, block.vertex_group)[:, None]
    weights = np.maximum(weights, 0.0)
    peaks = np.maximum(weights.max(axis=0, initial=1.0), 1.0)
    return Shapes(basis, [block.name for block in blocks], deltas * peaks[:, None, None], weights / peaks)


def write_shapes(item: bpy.types.Object, shapes: Shapes, frames: np.ndarray) -> None:
    """Give an object these shapes, keyed at (T,) frames. The first of them are its own keys, in their order."""
    mesh = mesh_of(item)
    mesh.vertices.foreach_set("co", np.ascontiguousarray(shapes.basis, np.float32).ravel())
    item.show_only_shape_key = False
    if shapes.names:
        if mesh.shape_keys is None:
            item.shape_key_add(name="Basis", from_mix=False)
        keys = mesh.shape_keys
        assert keys is not None
        keys.animation_data_clear()
        keys.use_relative = True
        _set_points(keys.reference_key, shapes.basis)
        there = [block.name for block in keys.key_blocks if block != keys.reference_key]
        for name in shapes.names[len(there) :]:
            there.append(item.shape_key_add(name=name, from_mix=False).name)
        curves = CurveWriter(keys, f"{item.name} shape keys")
        for name, delta, weights in zip(there, shapes.deltas, shapes.weights.T, strict=True):
            block = keys.key_blocks[name]
            block.relative_key, block.vertex_group, block.mute = keys.reference_key, "", False
            block.slider_min, block.slider_max = 0.0, 1.0
            _set_points(block, shapes.basis + delta)
            curves.write(f'key_blocks["{name}"].value', 0, frames, weights)
    mesh.update()


def skin_weights(item: bpy.types.Object, bones: list[str], deforming: set[str]) -> np.ndarray:
    """(V, B) weights by which bones move the vertices, rows sum to one; what none moves follows the first.

    deforming : the bones that move vertices at all.
    """
    groups = item.vertex_groups
    columns = {groups[name].index: b for b, name in enumerate(bones) if name in deforming and name in groups}
    weights = np.zeros((len(mesh_of(item).vertices), len(bones)))
    for v, vertex in enumerate(mesh_of(item).vertices):
        for element in vertex.groups:
            if element.group in columns:
                weights[v, columns[element.group]] = element.weight
    weights[weights.sum(axis=1) <= 0, 0] = 1.0
    return weights / weights.sum(axis=1, keepdims=True)


def limit_influences(weights: np.ndarray, limit: int) -> np.ndarray:
    """(V, B) weights with at most `limit` bones a vertex, the strongest, rows sum to one."""
    if weights.shape[1] <= limit:
        return weights
    order = np.argsort(-weights, axis=1, kind="stable")
    limited = weights.copy()
    np.put_along_axis(limited, order[:, limit:], 0.0, axis=1)
    if np.array_equal(limited, weights):
        return weights
    return limited / limited.sum(axis=1, keepdims=True)


def write_weights(item: bpy.types.Object, weights: np.ndarray, names: list[str]) -> None:
    """Make these the only vertex groups of an object. weights : (V, B); names : of the bones in the file."""
    item.vertex_groups.clear()
    for column, name in zip(weights.T, names, strict=True):
        group = item.vertex_groups.new(name=name)
        if np.all(column == 1.0):
            group.add(range(len(column)), 1.0, "REPLACE")
            continue
        for vertex in np.flatnonzero(column).tolist():
            group.add([vertex], float(column[vertex]), "REPLACE")


def _set_points(block: bpy.types.ShapeKey, points: np.ndarray) -> None:
    block.points.foreach_set("co", np.ascontiguousarray(points, np.float32).ravel())


def _points(block: bpy.types.ShapeKey) -> np.ndarray:
    points = np.empty(len(block.points) * 3, np.float32)
    block.points.foreach_get("co", points)
    return points.reshape(-1, 3)


def _group_weights(item: bpy.types.Object, name: str) -> np.ndarray:
    index = item.vertex_groups[name].index
    weights = np.zeros(len(mesh_of(item).vertices), np.float32)
    for v, vertex in enumerate(mesh_of(item).vertices):
        weights[v] = next((element.weight for element in vertex.groups if element.group == index), 0.0)
    return weights
