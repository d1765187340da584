"""Removing what an import has made, and nothing that is the user's."""

from __future__ import annotations

from collections.abc import Iterable

import bpy

from .animation import actions_of
from .background import background_image
from .markers import remove_markers
from .materials import MADE_HERE
from .parts import import_id, parts_in
from .skin import pictures_of

__all__ = ["remove_import", "remove_part"]


def remove_import(collection: bpy.types.Collection) -> None:
    """Remove an imported take: its objects, their data, its markers in all scenes, its footage and its collection.

    What the user has put into the collection moves to where the collection was. The take on disk stays.
    """
    owner = import_id(collection)
    for scene in bpy.data.scenes:
        remove_markers(scene, owner)
    for part in parts_in(collection).values():
        remove_part(part)
    above = [*(scene.collection for scene in bpy.data.scenes), *bpy.data.collections]
    homes = [parent for parent in above if collection.name in parent.children]
    for home in homes[:1]:
        for item in collection.objects:
            if len(item.users_collection) == 1:
                home.objects.link(item)
        for child in collection.children:
            if child.name not in home.children:
                home.children.link(child)
    bpy.data.collections.remove(collection)
    for scene in bpy.data.scenes:
        if scene.camera is None:
            scene.camera = next((item for item in scene.objects if item.type == "CAMERA"), None)


def remove_part(item: bpy.types.Object) -> None:
    """Remove an object with everything of it that nothing else uses; the user's own materials stay in the file."""
    data = item.data
    keys = getattr(data, "shape_keys", None)
    image = background_image(item) if item.type == "CAMERA" else None
    actions = [action for owner in (item, data, keys) for action in actions_of(owner)]
    materials = [slot.material for slot in item.material_slots if slot.material is not None]
    ours = [material for material in materials if material.get(MADE_HERE)]
    pictures = [picture for material in ours for picture in pictures_of(material)]
    bpy.data.objects.remove(item)
    _remove_unused([data])
    _remove_unused([image, *actions, *ours])
    _remove_unused(pictures)


def _remove_unused(blocks: Iterable[bpy.types.ID | None]) -> None:
    bpy.data.batch_remove({block for block in blocks if block is not None and block.users == 0})
