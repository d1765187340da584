"""A scene of its own for an export: copies of a take's objects, which may be changed and are removed afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import bpy

from dice_core.errors import InputError

from ..scene.importer import RANGE_PROPERTY
from ..scene.object_data import mesh_of, shape_keys_of
from ..scene.rollback import all_blocks

__all__ = ["Body", "ExportScene", "open_export_scene"]


@dataclass
class Body:
    """One mesh that is to be exported.

    name : of the user's object; mesh : its copy, with mesh data and shape keys of its own.
    armature : copy of the armature that poses it, or None.
    """

    name: str
    mesh: bpy.types.Object
    armature: bpy.types.Object | None


@dataclass
class ExportScene:
    """Copies of a take's objects in a scene of their own. first, last : scene frames of the animation."""

    scene: bpy.types.Scene
    bodies: list[Body]
    first: int
    last: int
    _sampled: list[bpy.types.Object]

    @classmethod
    def copy_objects(
        cls,
        scene: bpy.types.Scene,
        users_scene: bpy.types.Scene,
        collection: bpy.types.Collection,
        renamed: list[tuple[bpy.types.ID, str]],
    ) -> ExportScene:
        """Copy a collection's objects into `scene`, with the frame rate and the names that they have in the user's.

        renamed : gets the user's objects that had to give up their names for that long, with those names.
        """
        originals = list(collection.all_objects)
        scene.render.fps, scene.render.fps_base = users_scene.render.fps, users_scene.render.fps_base
        first, last = _frame_range(collection, originals, users_scene)
        scene.frame_start, scene.frame_end = first, last
        copies: dict[bpy.types.Object, bpy.types.Object] = {}
        for item in originals:
            if item.mode == "EDIT":
                item.update_from_editmode()
            copy = item.copy()
            assert copy is not None
            if item.type == "MESH":
                mesh = mesh_of(item).copy()
                assert mesh is not None
                copy.data = mesh
                _take_name(mesh, mesh_of(item), renamed)
            _take_name(copy, item, renamed)
            scene.collection.objects.link(copy)
            copies[item] = copy
        for copy in copies.values():
            if copy.parent in copies:
                copy.parent = copies[copy.parent]
            for modifier in (*copy.modifiers, *copy.constraints):
                for slot in ("object", "target"):
                    linked = getattr(modifier, slot, None)
                    if linked in copies:
                        setattr(modifier, slot, copies[linked])
        bodies = [Body(copy.name, copy, copy.find_armature()) for copy in copies.values() if copy.type == "MESH"]
        return cls(scene, bodies, first, last, [copy for copy in copies.values() if copy.type != "MESH"])

    def remove_sampled(self) -> None:
        """Make the scene ready to be written: from frame 0, and without what was only there to be sampled."""
        for item in self._sampled:
            self.scene.collection.objects.unlink(item)
        self.scene.frame_start, self.scene.frame_end = 0, self.last - self.first
        self.scene.frame_set(0)


@contextmanager
def open_export_scene(collection: bpy.types.Collection) -> Iterator[ExportScene]:
    """Copies of a collection's objects in the current scene of the window, until the end of the block.

    The copies have the names of the user's objects, which get others for that long. Afterwards the scene in the
    window, the names and everything else are as before.
    Raises InputError where the collection has no mesh.
    """
    if not any(item.type == "MESH" for item in collection.all_objects):
        raise InputError(f"The collection {collection.name} holds no mesh: import a take first.")
    before = all_blocks()
    users_scene = _scene_of(collection)
    renamed: list[tuple[bpy.types.ID, str]] = []
    scene = bpy.data.scenes.new(collection.name)
    try:
        copies = ExportScene.copy_objects(scene, users_scene, collection, renamed)
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            # The first evaluation in a new scene builds its dependencies, and leaves properties as they were.
            scene.frame_set(copies.first)
            yield copies
    finally:
        bpy.data.scenes.remove(scene)
        bpy.data.batch_remove(all_blocks() - before)
        for block, name in renamed:
            block.name = name


def _take_name(copy: bpy.types.ID, original: bpy.types.ID, renamed: list[tuple[bpy.types.ID, str]]) -> None:
    name = original.name
    if original.is_editable:
        renamed.append((original, name))
        original.name = f"{name} (user's)"
    copy.name = name


def _scene_of(collection: bpy.types.Collection) -> bpy.types.Scene:
    current = bpy.context.scene
    assert current is not None
    candidates = [current, *(scene for scene in bpy.data.scenes if scene != current)]
    return next((s for s in candidates if collection in s.collection.children_recursive), current)


def _frame_range(
    collection: bpy.types.Collection, items: list[bpy.types.Object], scene: bpy.types.Scene
) -> tuple[int, int]:
    """The take's frames, and beyond them whatever the user has keyed on its objects."""
    ranges = [tuple(collection[RANGE_PROPERTY])] if collection.get(RANGE_PROPERTY) else []
    for item in items:
        keys = shape_keys_of(item)
        for block in (item, keys):
            data = None if block is None else block.animation_data
            if data is not None and data.action is not None:
                start, end = data.action.frame_range[:]
                ranges.append((round(start), round(end)))
    if not ranges:
        return scene.frame_start, scene.frame_end
    return min(r[0] for r in ranges), max(r[1] for r in ranges)
