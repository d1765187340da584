"""The takes of a scene: entered when they are captured or imported, read with numpy alone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bpy

from dice_core.take import Take, open_take

__all__ = ["active", "add", "collection_of", "remove_collection"]


def active(scene: bpy.types.Scene) -> Any | None:
    """The take that is selected in the list."""
    settings = scene.dice
    if 0 <= settings.active_take < len(settings.takes):
        return settings.takes[settings.active_take]
    return None


def _entry_of(scene: bpy.types.Scene, path: Path) -> Any | None:
    """The entry of a take's folder."""
    wanted = os.path.normpath(path)
    for entry in scene.dice.takes:
        if os.path.normpath(bpy.path.abspath(entry.path)) == wanted:
            return entry
    return None


def add(scene: bpy.types.Scene, path: Path) -> Any:
    """Enter a take, or look again at one that is entered, and select it.

    Raises InputError where the folder is no take.
    """
    take = open_take(Path(path).absolute())
    entry = _entry_of(scene, take.path)
    if entry is None:
        entry = scene.dice.takes.add()
    _fill(entry, take)
    scene.dice.active_take = next(i for i, other in enumerate(scene.dice.takes) if other == entry)
    return entry


def _fill(entry: Any, take: Take) -> None:
    """Write what a take says of itself into its entry."""
    frames = take.frames
    entry.name, entry.path = take.name, str(take.path)
    entry.frames, entry.fps, entry.complete = len(frames), take.fps, take.complete
    for mesh in ("head", "hand_left", "hand_right"):
        there = mesh in take.info["meshes"] and len(frames)
        share = float((take.array(f"tracked_{mesh}") > 0).mean()) if there else -1.0
        setattr(entry, f"tracked_{mesh}", share)
    entry.touches.clear()
    for event in take.events:
        touch = entry.touches.add()
        touch.name = event.region
        touch.region, touch.hand, touch.mesh = event.region, event.hand, event.mesh
        touch.first_frame, touch.last_frame = event.first_frame, event.last_frame
        touch.first_scene_frame, touch.last_scene_frame = event.first_frame, event.last_frame
        touch.peak_depth_mm = event.peak_depth_mm


def collection_of(entry: Any) -> bpy.types.Collection | None:
    """The collection that a take was imported into, None where it has been deleted since."""
    collection = entry.collection
    return collection if collection is not None and collection.users > 0 else None


def remove_collection(collection: bpy.types.Collection) -> None:
    """Remove an imported take with everything in it that nothing else uses; the take on disk stays."""
    items = list(collection.all_objects)
    data = [item.data for item in items]
    used_by_data = [block for item in items for block in (*_actions_of(item), *_materials_of(item))]
    bpy.data.batch_remove(items)
    _remove_unused(data)
    _remove_unused(used_by_data)
    for child in list(collection.children_recursive):
        bpy.data.collections.remove(child)
    bpy.data.collections.remove(collection)


def _remove_unused(blocks: Iterable[bpy.types.ID | None]) -> None:
    bpy.data.batch_remove({block for block in blocks if block is not None and block.users == 0})


def _materials_of(item: bpy.types.Object) -> list[bpy.types.Material | None]:
    return [slot.material for slot in item.material_slots]


def _actions_of(item: bpy.types.Object) -> list[bpy.types.Action | None]:
    keys = getattr(item.data, "shape_keys", None)
    owners = [owner for owner in (item, item.data, keys) if owner is not None]
    return [owner.animation_data.action for owner in owners if owner.animation_data is not None]
