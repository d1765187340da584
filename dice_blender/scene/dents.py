"""The master strength of the dents that contact makes: from none to twice as deep, in every key mode, live.

Rigged takes have keys for them (`contact.*`), whose curves are scaled. In the other modes the dents are part of the
surface, and keys for what is to be more or less of them are added when they are first needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import bpy
import numpy as np

from dice_core.errors import InputError
from dice_core.geometry.rotations import rotation_matrices
from dice_core.take import Take

from .animation import CurveWriter, curves_of
from .keys.compact import COMPACT_LIMIT, COMPACT_TOLERANCE, component_keys, in_object_space
from .keys.decomposition import Offsets, decompose
from .motion import Block, Motion, read_motion
from .object_data import mesh_of, shape_keys_of
from .parts import KEYS_PROPERTY, MESH_PROPERTY, parts_in, read_timing
from .shape_keys import add_weighted_key
from .timing import Timing

__all__ = ["MOST", "needs_take", "set_dent_strength"]

MOST = 2.0
"""The largest strength: dents twice as deep as captured."""
_PREFIX = "contact"
_SCALE: Literal["ENVELOPE"] = "ENVELOPE"
# What stands for no strength at all: a dent of 10 mm is then 10 nm deep.
_LEAST_GAIN = 1e-6
# Of shape keys: 1 where the added keys deepen the dents, -1 where they take them back.
_SIGN = "dice_dents"
# Metres, the largest error of what is added at twice or none of the strength: half of what compact keys promise.
_TOLERANCE = 0.5 * COMPACT_TOLERANCE


def needs_take(collection: bpy.types.Collection) -> bool:
    """Whether the strength cannot be changed yet without the take's folder."""
    meshes = [item for item in parts_in(collection).values() if item.get(MESH_PROPERTY)]
    return any(not _has_dents(item, collection) for item in meshes)


def set_dent_strength(collection: bpy.types.Collection, strength: float, take: Take | None = None) -> None:
    """Make the dents of an import as deep as captured, times `strength`.

    strength : 0 to `MOST`; take : needed where `needs_take` says so.
    Raises InputError where it is needed and not given, or damaged; nothing is changed then.
    """
    items = [item for item in parts_in(collection).values() if item.get(MESH_PROPERTY)]
    if strength != 1.0 and needs_take(collection):
        if take is None:
            raise InputError("The take's folder is missing, and the depth of its dents with it: find the folder first.")
        timing = read_timing(collection)
        if timing is not None:
            for item in items:
                if not _has_dents(item, collection):
                    _add_dents(item, take, timing)
    for item in items:
        keys: Any = shape_keys_of(item)
        if keys is None:
            continue
        gain = strength
        if _SIGN in keys:
            gain = abs(strength - 1.0)
            _point(keys, 1 if strength >= 1 else -1)
        _scale(keys, gain)


def _has_dents(item: bpy.types.Object, collection: bpy.types.Collection) -> bool:
    keys: Any = shape_keys_of(item)
    rigged = collection.get(KEYS_PROPERTY) == "rigged" and _is_rigged(item)
    return rigged or (keys is not None and _SIGN in keys)


def _is_rigged(item: bpy.types.Object) -> bool:
    """Whether the mesh has been keyed as a rig, which leaves no `component.*` key."""
    keys = shape_keys_of(item)
    return keys is None or not any(block.name.startswith("component.") for block in keys.key_blocks)


def _add_dents(item: bpy.types.Object, take: Take, timing: Timing) -> None:
    """Keys `contact.*` for a surface that holds its dents already: at a weight of 0 nothing has changed."""
    motion = read_motion(take, str(item.get(MESH_PROPERTY)))
    if motion is None or len(motion.frames) != len(timing.frames):
        raise InputError(f"The take {take.path} is no longer the one that was imported: import it again.")
    keys: Any = shape_keys_of(item)
    if keys is None or len(keys.key_blocks[0].data) != len(motion.mesh.rest_vertices):
        raise InputError(f"{item.name} has been remodelled: its dents cannot be changed any more.")
    rotation = _rotation(item, timing)
    basis = np.empty(3 * len(keys.key_blocks[0].data), np.float32)
    keys.key_blocks[0].data.foreach_get("co", basis)
    parts = decompose(_local_dents(motion, rotation), _TOLERANCE, COMPACT_LIMIT)
    curves = CurveWriter(keys, f"{item.name} shape keys", keep=True)
    for key in component_keys(_PREFIX, basis.reshape(-1, 3), parts, timing.times):
        add_weighted_key(item, key, curves)
    keys[_SIGN] = 1
    mesh_of(item).update()


def _local_dents(motion: Motion, rotation: np.ndarray) -> Offsets:
    """What contact does to a surface, in the space of its object. rotation : (T, 3, 3)."""

    def blocks() -> Iterator[Block]:
        for rows, offsets in motion.deformation():
            yield rows, in_object_space(offsets, rotation[rows], np.zeros((len(offsets), 3)))

    return Offsets(len(rotation), len(motion.mesh.rest_vertices), blocks)


def _rotation(item: bpy.types.Object, timing: Timing) -> np.ndarray:
    """(T, 3, 3) turn of an object in the take's frames, as it is keyed."""
    curves = {c.array_index: c for c in curves_of(item) if c.data_path == "rotation_quaternion"}
    times = timing.times.tolist()
    if len(curves) < 4:
        return np.tile(np.eye(3), (len(times), 1, 1))
    turns = np.array([[curves[k].evaluate(time) for k in range(4)] for time in times])
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    vector = turns[:, 1:]
    sine = np.linalg.norm(vector, axis=1, keepdims=True)
    angle = 2 * np.arctan2(sine, turns[:, :1])
    return rotation_matrices(vector * np.where(sine > 0, angle / np.maximum(sine, 1e-12), 2.0))


def _point(keys: bpy.types.Key, sign: int) -> None:
    """Have the added keys deepen the dents (1) or take them back (-1), so that weights are never negative."""
    noted: Any = keys
    if noted[_SIGN] == sign:
        return
    blocks: Any = keys.key_blocks
    basis = np.empty(3 * len(blocks[0].data), np.float32)
    blocks[0].data.foreach_get("co", basis)
    for block in blocks:
        if block.name.startswith(f"{_PREFIX}."):
            shape = np.empty_like(basis)
            block.data.foreach_get("co", shape)
            block.data.foreach_set("co", 2 * basis - shape)
    noted[_SIGN] = sign


def _scale(keys: bpy.types.Key, gain: float) -> None:
    """Scale the curves of the dents' keys by a modifier on each; their keyframes stay."""
    start = f'key_blocks["{_PREFIX}.'
    for block in keys.key_blocks:
        if block.name.startswith(f"{_PREFIX}."):
            block.slider_max = max(1.0, gain)
    for curve in curves_of(keys):
        if not curve.data_path.startswith(start):
            continue
        scale: Any = next((modifier for modifier in curve.modifiers if modifier.type == _SCALE), None)
        if gain == 1.0:
            if scale is not None:
                curve.modifiers.remove(scale)
            continue
        if scale is None:
            scale = curve.modifiers.new(_SCALE)
            scale.reference_value = 0.0
            scale.control_points.add(0.0)
        # The modifier carries values from -w to w into those from -1 to 1, which are a new control point's. Those could
        # be set instead, but Blender (4.2 to 4.4 at least) takes a point for a modifier then, and may crash.
        reach = 1 / max(gain, _LEAST_GAIN)
        scale.default_min, scale.default_max = -reach, reach
    keys.update_tag()
