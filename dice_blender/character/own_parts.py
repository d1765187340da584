"""What a transfer has added to a character, noted on the objects themselves, so that it can be replaced and removed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import bpy

from ..scene.object_data import shape_keys_of
from .actions import OWNER, remove_actions
from .take_source import TakeSource

__all__ = ["free_name", "list_transfers", "note", "noted", "remember", "remove_transfer", "transfer_of"]

_PARTS = "dice_transfer_parts"
"""Of a mesh object: owner -> {"groups", "keys", "made", "properties"}: names of what a transfer has added."""
_TRANSFERS = "dice_transfers"
"""Of an armature object: name of a take's transfer -> owner, the id of the transfer."""
_SOURCES = "dice_transfer_sources"
"""Of an armature object: owner -> the take's name, folder and digest."""


def list_transfers(armature: bpy.types.Object) -> dict[str, str]:
    """Name -> id of the transfers that a character has. The name is the take's, with a number where others have it."""
    return _read_json(armature, _TRANSFERS)


def transfer_of(armature: bpy.types.Object, take: TakeSource) -> tuple[str, str]:
    """Name and id of the transfer of a take that a character has, "" and "" for none."""
    sources = _read_json(armature, _SOURCES)
    for name, owner in list_transfers(armature).items():
        # Of a transfer that does not say of which take it is, its name has to do.
        if take.is_same(TakeSource(*sources.get(owner, [name]))):
            return name, owner
    return "", ""


def free_name(armature: bpy.types.Object, take: TakeSource) -> str:
    """A name for a take's transfer that no other of the character has."""
    name, number = take.name, 2
    while name in list_transfers(armature):
        name, number = f"{take.name} {number}", number + 1
    return name


def remember(armature: bpy.types.Object, name: str, owner: str, take: TakeSource) -> None:
    """Note that a transfer has been made."""
    _set_transfers(armature, list_transfers(armature) | {name: owner})
    sources = _read_json(armature, _SOURCES) | {owner: [take.name, take.folder, take.capture]}
    armature[_SOURCES] = json.dumps(sources)


def note(item: bpy.types.Object, owner: str, kind: str, names: Iterable[str]) -> None:
    """Note what a transfer has added to a mesh. kind : "groups", "keys", "made" or "properties"."""
    parts = _read_json(item, _PARTS)
    own = parts.setdefault(owner, {})
    own[kind] = list(dict.fromkeys([*own.get(kind, []), *names]))
    item[_PARTS] = json.dumps(parts)


def noted(item: bpy.types.Object, owner: str, kind: str) -> list[str]:
    """What a transfer has added to a mesh."""
    return list(_read_json(item, _PARTS).get(owner, {}).get(kind, []))


def remove_transfer(armature: bpy.types.Object, meshes: Iterable[bpy.types.Object], owner: str) -> None:
    """Remove all that a transfer has added; what is the user's stays.

    Shape keys that it made for expressions stay while another transfer of the character uses them.
    """
    for item in bpy.data.objects:
        if item.type == "ARMATURE":  # whatever a character consists of meanwhile
            remove_actions(item, owner)
    others = [take for take, other in list_transfers(armature).items() if other != owner]
    for item in meshes:
        keys = shape_keys_of(item)
        remove_actions(item, owner)
        if keys is not None:
            remove_actions(keys, owner)
        _remove_parts(item, owner, keep_made=bool(others))
    touching = [item for item in bpy.data.objects if item.get(OWNER) == owner]
    for item in touching:
        remove_actions(item, owner)
    bpy.data.batch_remove(touching)
    bpy.data.batch_remove([c for c in bpy.data.collections if c.get(OWNER) == owner])
    _set_transfers(armature, {take: other for take, other in list_transfers(armature).items() if other != owner})


def _set_transfers(armature: bpy.types.Object, transfers: dict[str, str]) -> None:
    """Note the transfers that a character has, and forget of which takes others were."""
    sources = {owner: take for owner, take in _read_json(armature, _SOURCES).items() if owner in transfers.values()}
    for name, kept in ((_TRANSFERS, transfers), (_SOURCES, sources)):
        if kept:
            armature[name] = json.dumps(kept)
        elif armature.get(name) is not None:
            del armature[name]


def _remove_parts(item: bpy.types.Object, owner: str, *, keep_made: bool) -> None:
    parts = _read_json(item, _PARTS)
    own = parts.pop(owner, None)
    if own is None:
        return
    for name in own.get("groups", []):
        if name in item.vertex_groups:
            item.vertex_groups.remove(item.vertex_groups[name])
    for name in own.get("properties", []):
        if item.get(name) is not None:
            del item[name]
    gone = [*own.get("keys", []), *([] if keep_made else own.get("made", []))]
    _remove_keys(item, gone)
    if keep_made and own.get("made") and parts:
        heir = parts[next(iter(parts))]
        heir["made"] = [*heir.get("made", []), *own["made"]]
    if parts:
        item[_PARTS] = json.dumps(parts)
    else:
        del item[_PARTS]


def _remove_keys(item: bpy.types.Object, names: Iterable[str]) -> None:
    keys = shape_keys_of(item)
    if keys is None:
        return
    active = item.active_shape_key.name if item.active_shape_key is not None else ""
    for name in names:
        if name in keys.key_blocks:
            item.shape_key_remove(keys.key_blocks[name])
    remaining: Any = shape_keys_of(item)
    if remaining is not None and list(remaining.key_blocks.keys()) == [remaining.reference_key.name]:
        if remaining.get(OWNER) is not None:  # the basis was added for a transfer's keys
            item.shape_key_clear()
        return
    if remaining is not None and active in remaining.key_blocks:
        item.active_shape_key_index = remaining.key_blocks.find(active)


def _read_json(item: bpy.types.Object, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(str(item.get(name, "{}")))
    return found
