"""The takes of a scene: listed when they are captured or imported, imported, and removed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

import bpy

from dice_core.take import MESH_NAMES, Take, open_take

from .properties import DICE_PG_take, settings_of
from .scene import ImportedTake, import_take
from .scene.scene_settings import scene_fps

__all__ = ["active", "add", "collection_of", "import_and_register", "remove_collection"]

_log = logging.getLogger(__package__)


def active(scene: bpy.types.Scene) -> DICE_PG_take | None:
    """The take that is selected in the list."""
    settings = settings_of(scene)
    if 0 <= settings.active_take < len(settings.takes):
        return settings.takes[settings.active_take]
    return None


def add(scene: bpy.types.Scene, path: Path) -> DICE_PG_take:
    """List a take, or read anew one that is listed, and select it.

    Raises InputError where the folder is no take or a damaged one; the list is then as it was.
    """
    take = open_take(path)
    return _enter(scene, take, _tracked_shares(take))


def import_and_register(
    scene: bpy.types.Scene, take: Take, keys: str, start: int | None, retime: bool = False
) -> ImportedTake:
    """Import a take and list it, with the scene frames of its touches.

    keys : a name of `KEY_MODES`; start : scene frame of the first frame, None for the scene's own; retime : keep the
    footage's speed. An earlier import of the same take stays where it is.
    Raises InputError as `import_take`; the file is then as it was.
    """
    shares = _tracked_shares(take)  # before anything is in the scene: a damaged take cannot be listed
    imported = import_take(take, keys=keys, scene=scene, start_frame=start, retime=retime)
    entry = _enter(scene, take, shares)
    entry.collection, entry.keys, entry.scene_start = imported.collection, keys, imported.frame_start
    step = scene_fps(scene) / take.fps if retime and take.fps > 0 else 1.0
    first = int(take.frames[0])
    for touch in entry.touches:
        touch.first_scene_frame = round(imported.frame_start + (touch.first_frame - first) * step)
        touch.last_scene_frame = round(imported.frame_start + (touch.last_frame - first) * step)
    _log.info("imported %s with %s keys", take.path, keys)
    return imported


def collection_of(entry: DICE_PG_take) -> bpy.types.Collection | None:
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


def _enter(scene: bpy.types.Scene, take: Take, shares: dict[str, float]) -> DICE_PG_take:
    """Write what a take says of itself into its entry, a new one where it has none, and select it."""
    settings, path = settings_of(scene), take.path.absolute()
    entry = _entry_of(scene, path) or settings.takes.add()
    entry.name, entry.path = take.name, str(path)
    entry.frames, entry.fps, entry.complete = len(take.frames), take.fps, take.complete
    for mesh, share in shares.items():
        setattr(entry, f"tracked_{mesh}", share)
    entry.touches.clear()
    for event in take.events:
        touch = entry.touches.add()
        touch.name = event.region
        touch.region, touch.hand, touch.mesh = event.region, event.hand, event.mesh
        touch.first_frame, touch.last_frame = event.first_frame, event.last_frame
        touch.first_scene_frame, touch.last_scene_frame = event.first_frame, event.last_frame
        touch.peak_depth_mm = event.peak_depth_mm
    settings.active_take = next(i for i, other in enumerate(settings.takes) if other == entry)
    return entry


def _entry_of(scene: bpy.types.Scene, path: Path) -> DICE_PG_take | None:
    """The entry of a take's folder."""
    wanted = os.path.normpath(path)
    for entry in settings_of(scene).takes:
        if os.path.normpath(bpy.path.abspath(entry.path)) == wanted:
            return entry
    return None


def _tracked_shares(take: Take) -> dict[str, float]:
    """Share of the frames in which each mesh is tracked, -1 where the take does not have it."""
    there = [mesh for mesh in take.info["meshes"] if len(take.frames)]
    return dict.fromkeys(MESH_NAMES, -1.0) | {mesh: float((take.array(f"tracked_{mesh}") > 0).mean()) for mesh in there}


def _remove_unused(blocks: Iterable[bpy.types.ID | None]) -> None:
    bpy.data.batch_remove({block for block in blocks if block is not None and block.users == 0})


def _materials_of(item: bpy.types.Object) -> list[bpy.types.Material | None]:
    return [slot.material for slot in item.material_slots]


def _actions_of(item: bpy.types.Object) -> list[bpy.types.Action | None]:
    keys = getattr(item.data, "shape_keys", None)
    owners = [owner for owner in (item, item.data, keys) if owner is not None]
    return [owner.animation_data.action for owner in owners if owner.animation_data is not None]
