"""What a transfer adds to a character's meshes: expressions, made keys, dents, groups and curves of contact."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from dice_core.transfer.files import Character, Motion

from ..scene.object_data import describe_property, mesh_of, shape_keys_of
from .actions import OWNER, ActionMaker
from .own_parts import note

__all__ = ["add_surface_parts", "driven_expressions"]

# Metres: a shape key that moves no vertex of a mesh by more is not added to it. Set by hand: a tenth of what is seen.
_MOVES = 1e-5
# Contact below this is left out of groups, as where a take is imported.
_LEAST_CONTACT = 0.1


def add_surface_parts(
    meshes: list[bpy.types.Object],
    character: Character,
    motion: Motion,
    actions: ActionMaker,
    owner: str,
    times: np.ndarray,
) -> None:
    """Add and key everything. meshes : in the order of the character's objects; times : (T,) scene frames."""
    for number, item in enumerate(meshes):
        own = character.object == number
        linear = np.linalg.inv(character.object_matrix[number][:3, :3])
        added = _add_keys(item, motion.made_key_names, motion.made_key_deltas[:, own], linear, owner, "made")
        _key_expressions(item, motion, added, actions, times)
        dents = _add_keys(item, motion.dent_names, motion.dent_deltas[:, own], linear, owner, "keys")
        _key_dents(item, motion, dents, actions, times)
        _add_contact(item, motion, motion.contact_weights[:, own], actions, owner, times)


def driven_expressions(meshes: list[bpy.types.Object], motion: Motion) -> list[str]:
    """The shape keys of a motion that drivers hold, so that their curves do nothing."""
    held: dict[str, None] = {}
    for item in meshes:
        keys = shape_keys_of(item)
        data: Any = None if keys is None else keys.animation_data
        paths = set() if data is None else {driver.data_path for driver in data.drivers if not driver.mute}
        held |= dict.fromkeys(name for name in motion.expression_names if _value_path(name) in paths)
    return list(held)


def _value_path(name: str) -> str:
    return f'key_blocks["{bpy.utils.escape_identifier(name)}"].value'


def _add_keys(
    item: bpy.types.Object,
    names: tuple[str, ...],
    deltas: np.ndarray,
    linear: np.ndarray,
    owner: str,
    kind: str,
) -> dict[str, str]:
    """Shape keys of an object, of those that move something of it. deltas : (K, V, 3) in the world, metres.

    linear : (3, 3) from there to the object's space. Returns name -> name in the file.
    """
    moving = [row for row in range(len(names)) if np.abs(deltas[row]).max(initial=0.0) > _MOVES]
    if not moving:
        return {}
    if shape_keys_of(item) is None:
        item.shape_key_add(name="Basis", from_mix=False)
        made = shape_keys_of(item)
        assert made is not None
        made[OWNER] = owner
    keys = shape_keys_of(item)
    assert keys is not None
    base = np.empty(len(mesh_of(item).vertices) * 3, np.float32)
    keys.reference_key.points.foreach_get("co", base)
    active = item.active_shape_key_index
    found = {}
    for row in moving:
        block = item.shape_key_add(name=names[row], from_mix=False)
        block.points.foreach_set("co", base + (deltas[row].astype(np.float64) @ linear.T).astype(np.float32).ravel())
        block.relative_key = keys.reference_key
        block.value = 0.0
        found[names[row]] = block.name
    item.active_shape_key_index = active
    mesh_of(item).update()
    note(item, owner, kind, found.values())
    return found


def _key_expressions(
    item: bpy.types.Object, motion: Motion, made: dict[str, str], actions: ActionMaker, times: np.ndarray
) -> None:
    keys = shape_keys_of(item)
    if keys is None:
        return
    for column, name in enumerate(motion.expression_names):
        here = made.get(name, name if name not in motion.made_key_names else "")
        if here in keys.key_blocks:
            actions.curves(keys).write(_value_path(here), 0, times, motion.expression_weights[:, column])


def _key_dents(
    item: bpy.types.Object, motion: Motion, dents: dict[str, str], actions: ActionMaker, times: np.ndarray
) -> None:
    keys = shape_keys_of(item)
    for column, name in enumerate(motion.dent_names):
        if name not in dents or keys is None:
            continue
        weights = motion.dent_weights[:, column]
        block = keys.key_blocks[dents[name]]
        block.slider_min, block.slider_max = min(0.0, float(weights.min())), max(1.0, float(weights.max()))
        actions.curves(keys).write(_value_path(block.name), 0, times, weights)


def _add_contact(
    item: bpy.types.Object, motion: Motion, weights: np.ndarray, actions: ActionMaker, owner: str, times: np.ndarray
) -> None:
    """Vertex groups, and a keyed property of the object for each. weights : (C, V) of this object."""
    groups, properties = [], []
    for row, name in enumerate(motion.contact_names):
        own = np.where(weights[row] >= _LEAST_CONTACT, weights[row], 0.0)
        if not own.any():
            continue
        group = item.vertex_groups.new(name=name)
        groups.append(group.name)
        steps = np.round(own * 255).astype(int)
        for step in np.unique(steps[steps > 0]):
            group.add(np.flatnonzero(steps == step).tolist(), step / 255, "REPLACE")
        plain = _free_property(item, name.replace(".", "_"))
        item[plain] = float(motion.contact_curves[0, row])
        describe_property(item, plain, "Contact in this frame, 0 to 1")
        path = f'["{bpy.utils.escape_identifier(plain)}"]'
        actions.curves(item).write(path, 0, times, motion.contact_curves[:, row], group="Contact")
        properties.append(plain)
    note(item, owner, "groups", groups)
    note(item, owner, "properties", properties)


def _free_property(item: bpy.types.Object, name: str) -> str:
    """A name of a custom property that the object does not have."""
    free, number = name, 2
    while item.get(free) is not None:
        free, number = f"{name}_{number}", number + 1
    return free
