"""A scene of its own for an export: copies of a take's objects, which may be changed and are removed afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import bpy

from dice_core.errors import InputError

from ..scene.object_data import armature_of, shape_keys_of
from ..scene.rollback import all_blocks
from ..scene.scene_settings import unit_of
from .frame_range import key_range, playback_range
from .names import FileNames, NameLoan, plain_name
from .presets import DEFAULT_RANGE
from .visibility import Shown, find_shown, keep_evaluated

__all__ = ["Body", "ExportScene", "open_export_scene"]


@dataclass
class Body:
    """One mesh that is to be exported.

    name : in the file; mesh : the copy of the user's object, with mesh data and shape keys of its own.
    armature : copy of the armature that poses it, or None.
    shown : whether its collections show it.
    """

    name: str
    mesh: bpy.types.Object
    armature: bpy.types.Object | None
    shown: Shown


@dataclass
class ExportScene:
    """Copies of a take's objects, and of all that moves them, in a scene of their own.

    first, last : scene frames of the animation. cameras : copies of the collection's cameras.
    unit : metres of one unit of the user's scene; in this one it is a metre.
    names : given out in the file so far; loan : how blocks get names that the user's have.
    notes : sentences about what is not exported.
    """

    scene: bpy.types.Scene
    bodies: list[Body]
    cameras: list[bpy.types.Object]
    first: int
    last: int
    names: FileNames
    loan: NameLoan
    unit: float
    notes: list[str] = field(default_factory=list)

    def keep_only(self, items: list[bpy.types.Object]) -> None:
        """Make the scene ready to be written: from frame 0, and without what was only there to be sampled."""
        for item in list(self.scene.collection.objects):
            if item not in items:
                self.scene.collection.objects.unlink(item)
        self.scene.frame_start, self.scene.frame_end = 0, self.last - self.first
        self.scene.frame_set(0)


@contextmanager
def open_export_scene(collection: bpy.types.Collection, frames: str = DEFAULT_RANGE) -> Iterator[ExportScene]:
    """Copies of what a collection shows, in the current scene of the window, until the end of the block.

    frames : a name of `FRAME_RANGES`. Afterwards the scene in the window, all names and everything else are as before.
    Raises InputError where the collection has no mesh, or none that is shown.
    """
    meshes = [item for item in collection.all_objects if item.type == "MESH"]
    if not meshes:
        raise InputError(f"The collection {collection.name} holds no mesh to export: import a take of a head or hands.")
    users_scene = _scene_of(collection)
    shown = find_shown(collection, users_scene)
    seen = sorted((item for item in meshes if item in shown), key=_order)
    if not seen:
        raise InputError(f"Everything in the collection {collection.name} is hidden: show some of it first.")
    before = all_blocks()
    loan = NameLoan(before)
    scene = bpy.data.scenes.new("DICE export")
    try:
        loan.give(scene, plain_name(collection.name))
        copies = _copied(scene, users_scene, collection, seen, shown, loan, frames)
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            # The first evaluation in a new scene builds its dependencies, and leaves properties as they were.
            scene.frame_set(copies.first)
            yield copies
    finally:
        bpy.data.scenes.remove(scene)
        bpy.data.batch_remove(all_blocks() - before)
        loan.end()


def _copied(
    scene: bpy.types.Scene,
    users_scene: bpy.types.Scene,
    collection: bpy.types.Collection,
    seen: list[bpy.types.Object],
    shown: dict[bpy.types.Object, Shown],
    loan: NameLoan,
    frames: str,
) -> ExportScene:
    # The rate, and what decides how wide a camera sees.
    for name in ("fps", "fps_base", "resolution_x", "resolution_y", "pixel_aspect_x", "pixel_aspect_y"):
        setattr(scene.render, name, getattr(users_scene.render, name))
    cameras = [item for item in collection.all_objects if item.type == "CAMERA"]
    users_objects = _with_all_they_use([*seen, *cameras])
    for item in users_objects:
        if item.mode == "EDIT":
            item.update_from_editmode()
    copies = {item: _copy(item, scene) for item in users_objects}
    for copy in copies.values():
        _use_copies(copy, copies, users_scene, scene)
    keyed = [item for item in users_objects if item in seen or _carries(item, seen, collection)]
    if frames == "scene":
        first, last = playback_range(users_scene)
    else:
        first, last = key_range([b for i in keyed for b in (i, shape_keys_of(i))], collection, users_scene)
    names = FileNames(block.name for block in _linked(users_objects))
    bodies = [Body(names.unused(item.name), copies[item], None, shown[item]) for item in seen]
    for body in bodies:
        body.armature = _posing(body.mesh)
    notes = _left_out(collection, seen)
    return ExportScene(
        scene, bodies, [copies[c] for c in cameras], first, last, names, loan, unit_of(users_scene), notes
    )


def _order(item: bpy.types.Object) -> tuple[str, bool, str]:
    """Objects that bear their name first, then Blender's numbered ones."""
    return plain_name(item.name), plain_name(item.name) != item.name, item.name


def _scene_of(collection: bpy.types.Collection) -> bpy.types.Scene:
    current = bpy.context.scene
    assert current is not None
    candidates = [current, *(scene for scene in bpy.data.scenes if scene != current)]
    return next((s for s in candidates if collection in s.collection.children_recursive), current)


def _with_all_they_use(items: list[bpy.types.Object]) -> list[bpy.types.Object]:
    """Objects and all objects that decide how they look: parents, targets of constraints, modifiers and drivers."""
    used: dict[bpy.types.ID, list[bpy.types.Object]] = {}
    for block, users in bpy.data.user_map(key_types={"OBJECT"}).items():
        assert isinstance(block, bpy.types.Object)
        for user in users:
            used.setdefault(user, []).append(block)
    reached = dict.fromkeys(items)
    waiting = list(items)
    while waiting:
        item = waiting.pop()
        for owner in (item, item.data, shape_keys_of(item)):
            for other in () if owner is None else sorted(used.get(owner, ()), key=lambda o: o.name_full):
                if other not in reached:
                    reached[other] = None
                    waiting.append(other)
    return list(reached)


def _linked(items: list[bpy.types.Object]) -> list[bpy.types.ID]:
    """The blocks of objects that are linked from another file and cannot lend their names to copies."""
    blocks: list[bpy.types.ID | None] = [b for item in items for b in (item, item.data)]
    blocks += [slot.material for item in items for slot in item.material_slots]
    return [block for block in blocks if block is not None and not block.is_editable]


def _copy(item: bpy.types.Object, scene: bpy.types.Scene) -> bpy.types.Object:
    copy = item.copy()
    assert copy is not None
    if item.data is not None:
        data = item.data.copy()
        assert data is not None
        copy.data = data
    keep_evaluated(copy)
    scene.collection.objects.link(copy)
    return copy


def _use_copies(
    copy: bpy.types.Object,
    copies: dict[bpy.types.Object, bpy.types.Object],
    users_scene: bpy.types.Scene,
    scene: bpy.types.Scene,
) -> None:
    """Have a copy depend on the other copies and on the copies' scene where its original depends on the user's."""
    if copy.parent in copies:
        copy.parent = copies[copy.parent]
    bones = () if copy.pose is None else copy.pose.bones
    for part in (*copy.modifiers, *copy.constraints, *(c for bone in bones for c in bone.constraints)):
        _replace_objects(part, copies)
        for target in getattr(part, "targets", ()):
            _replace_objects(target, copies)
    for owner in (copy, copy.data, shape_keys_of(copy)):
        data: Any = None if owner is None else owner.animation_data
        for curve in () if data is None else data.drivers:
            for target in (t for variable in curve.driver.variables for t in variable.targets):
                if target.id in copies:
                    target.id = copies[target.id]
                elif target.id == users_scene and target.data_path.startswith("frame_"):
                    target.id = scene


def _replace_objects(part: Any, copies: dict[bpy.types.Object, bpy.types.Object]) -> None:
    for prop in part.bl_rna.properties:
        if prop.type == "POINTER" and not prop.is_readonly and prop.fixed_type.identifier == "Object":
            current = getattr(part, prop.identifier)
            if current in copies:
                setattr(part, prop.identifier, copies[current])


def _carries(item: bpy.types.Object, seen: list[bpy.types.Object], collection: bpy.types.Collection) -> bool:
    """Whether an object of the take moves one of its meshes: as a parent, or as an armature."""
    if collection.all_objects.get(item.name) != item:
        return False
    return any(item == mesh.find_armature() or item in _parents(mesh) for mesh in seen)


def _parents(item: bpy.types.Object) -> Iterator[bpy.types.Object]:
    while item.parent is not None:
        item = item.parent
        yield item


def _posing(mesh: bpy.types.Object) -> bpy.types.Object | None:
    """The armature whose bones pose a mesh by its vertex groups, None where there is none, or it is switched off."""
    modifiers = [m for m in mesh.modifiers if isinstance(m, bpy.types.ArmatureModifier) and m.show_viewport]
    armature = next((m.object for m in modifiers if m.object is not None and m.use_vertex_groups), None)
    if (
        armature is None
        and mesh.parent is not None
        and mesh.parent.type == "ARMATURE"
        and mesh.parent_type == "ARMATURE"
    ):
        armature = mesh.parent
    if armature is None:
        return None
    deforming = {bone.name for bone in armature_of(armature).bones if bone.use_deform}
    return armature if deforming & set(mesh.vertex_groups.keys()) else None


def _left_out(collection: bpy.types.Collection, seen: list[bpy.types.Object]) -> list[str]:
    hidden = [item.name for item in collection.all_objects if item.type == "MESH" and item not in seen]
    shapes = [
        item.name for item in collection.all_objects if item.type in {"CURVE", "SURFACE", "META", "FONT", "CURVES"}
    ]
    notes = []
    if hidden:
        notes.append(f"Left out because hidden: {', '.join(sorted(hidden))}.")
    if shapes:
        notes.append(f"Left out because not meshes: {', '.join(sorted(shapes))}.")
    return notes
