"""Shape keys of a body and their keyed weights, beside those that the user has added, which stay."""

from __future__ import annotations

import hashlib
from typing import Any

import bpy
import numpy as np

from .animation import CurveWriter, actions_of, is_ours
from .keys.per_frame import FRAME_KEYS
from .keys.plan import ShapeKey
from .object_data import mesh_of

__all__ = ["add_shape_keys", "add_weighted_key", "remove_shape_keys"]

# Of shape keys: those that an import has made, each with its digest and its name, a line each. Renamed ones are known
# by the first, changed ones by the second.
_MADE = "dice_made_keys"
_OURS = "dice_"


def add_shape_keys(item: bpy.types.Object, basis: np.ndarray, keys: list[ShapeKey]) -> None:
    """Give an object its shape keys and their keyed weights.

    basis : (V, 3) float32, the shape without any key. Keys of the user's keep their offsets from what it was.
    """
    basis = np.ascontiguousarray(basis, np.float32)
    shapes = mesh_of(item).shape_keys
    if shapes is None:
        item.shape_key_add(name="Basis", from_mix=False).points.foreach_set("co", basis.ravel())
        shapes = mesh_of(item).shape_keys
        assert shapes is not None
    else:
        blocks = list(shapes.key_blocks)
        shift = basis - _points(blocks[0])
        for block in blocks:
            _set_points(block, _points(block) + shift if block != blocks[0] else basis)
    mesh_of(item).vertices.foreach_set("co", basis.ravel())
    if not keys:
        return
    shapes.name = item.name
    curves = CurveWriter(shapes, f"{item.name} shape keys")
    frame_keys = []
    for key in keys:
        block = add_weighted_key(item, key, curves)
        if key.index is not None:
            frame_keys.append(f"{key.index}|{block.name}")
    noted: Any = shapes
    if frame_keys:
        noted[FRAME_KEYS] = "\n".join(frame_keys)


def add_weighted_key(item: bpy.types.Object, key: ShapeKey, curves: CurveWriter) -> bpy.types.ShapeKey:
    """One more shape key with its keyed weight, which is noted as the import's own. curves : of the shape keys."""
    block: bpy.types.ShapeKey = item.shape_key_add(name=key.name, from_mix=False)
    vertices = np.ascontiguousarray(key.vertices, np.float32)
    _set_points(block, vertices)
    curves.write(f'key_blocks["{block.name}"].value', 0, key.times, key.weights)
    shapes: Any = mesh_of(item).shape_keys
    shapes[_MADE] = f"{shapes.get(_MADE, '')}{_digest(vertices)} {block.name}\n"
    return block


def remove_shape_keys(item: bpy.types.Object) -> None:
    """Remove the shape keys that an import has made, and their actions where nothing else uses them.

    Those of the user's stay, with their offsets from the shape without any key, and with their own curves.
    """
    shapes: Any = mesh_of(item).shape_keys
    if shapes is None:
        return
    own = _made_by_user(shapes)
    if not own:
        actions = set(actions_of(shapes))
        item.shape_key_clear()
        bpy.data.batch_remove({action for action in actions if not action.users})
        return
    made = [block for block in shapes.key_blocks[1:] if block not in own]
    basis = shapes.key_blocks[0]
    for block in own:
        if block.relative_key in made:
            _set_points(block, _points(basis) + _points(block) - _points(block.relative_key))
            block.relative_key = basis
    _remove_curves(shapes, [block.name for block in made])
    for block in made:
        item.shape_key_remove(block)
    for name in [name for name in shapes.keys() if name.startswith(_OURS)]:  # noqa: SIM118
        del shapes[name]


def _made_by_user(shapes: bpy.types.Key) -> list[bpy.types.ShapeKey]:
    """The shape keys that no import has made; none where it is not known, as in files from before it was noted."""
    noted: Any = shapes
    if _MADE not in noted:
        return []
    digests, names = set(), set()
    for line in str(noted[_MADE]).splitlines():
        digest, _, name = line.partition(" ")
        digests.add(digest)
        names.add(name)
    others = [block for block in shapes.key_blocks[1:] if block.name not in names]
    return [block for block in others if _digest(_points(block)) not in digests]


def _remove_curves(shapes: bpy.types.Key, names: list[str]) -> None:
    """Remove the curves of shape keys that are going to be removed."""
    starts = tuple(f'key_blocks["{bpy.utils.escape_identifier(name)}"]' for name in names)
    if any(is_ours(action) for action in actions_of(shapes)):
        CurveWriter(shapes, shapes.name).remove(starts)


def _points(block: bpy.types.ShapeKey) -> np.ndarray:
    """(V, 3) float32."""
    points = np.empty(3 * len(block.points), np.float32)
    block.points.foreach_get("co", points)
    return points.reshape(-1, 3)


def _set_points(block: bpy.types.ShapeKey, points: np.ndarray) -> None:
    block.points.foreach_set("co", np.ascontiguousarray(points, np.float32).ravel())


def _digest(points: np.ndarray) -> str:
    return hashlib.blake2b(points.tobytes(), digest_size=8).hexdigest()
