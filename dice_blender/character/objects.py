"""The objects that a character consists of: its armature, its head, and every mesh that moves with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import bpy

from dice_core.errors import InputError

from ..scene.object_data import armature_of, mesh_of, shape_keys_of
from ..scene.parts import PART_PROPERTY
from ..scene.scene_settings import unit_of
from .joined import armature_modifier, joined_armatures, most_of_head, poses

__all__ = ["CharacterObjects", "at_rest", "find_objects"]


@dataclass(frozen=True)
class CharacterObjects:
    """armature : poses the meshes; head : the mesh with the face; meshes : all of them, the head first.

    others : armatures beside the first that pose some of the meshes, such as a face's of its own.
    """

    armature: bpy.types.Object
    head: bpy.types.Object
    meshes: list[bpy.types.Object]
    others: list[bpy.types.Object] = field(default_factory=list)

    @property
    def armatures(self) -> list[bpy.types.Object]:
        """All of them, those that carry others first."""
        return [self.armature, *self.others]


def find_objects(
    scene: bpy.types.Scene,
    *,
    armature: bpy.types.Object | None = None,
    head: bpy.types.Object | None = None,
    hands: Iterable[bpy.types.Object] = (),
    chosen: Iterable[bpy.types.Object] = (),
) -> CharacterObjects:
    """The objects of the character that is named, chosen, or the only one in a scene.

    armature, head, hands : as the user names them, None where they are to be found; chosen : selected objects.
    Raises InputError where there is no character, or more than one and none is named.
    """
    named = [item for item in (head, *hands) if item is not None]
    unit = unit_of(scene)
    armature = armature or _armature_of_mesh(head) or _chosen_armature(chosen) or _only_armature(scene, unit)
    if armature.type != "ARMATURE":
        raise InputError(f"{armature.name} is no armature: choose the one that poses the character.")
    given = [found for item in named if (found := _armature_of_mesh(item)) is not None]
    armatures = joined_armatures(scene, armature, given, unit)
    meshes = [item for item in scene.objects if item.type == "MESH" and any(poses(a, item) for a in armatures)]
    for item in named:
        if item.type != "MESH":
            raise InputError(f"{item.name} is no mesh: choose the one that has the face.")
        if item not in meshes:
            raise InputError(f"{item.name} is not moved by {armature.name}: choose the armature that poses it.")
    if not meshes:
        raise InputError(f"{armature.name} poses no mesh: choose the armature of the character.")
    head = head or _with_the_face(meshes, armatures)
    for item in (*armatures, *meshes):
        _check_usable(item)
    return CharacterObjects(armatures[0], head, [head, *(item for item in meshes if item != head)], armatures[1:])


@contextmanager
def at_rest(armatures: Iterable[bpy.types.Object]) -> Iterator[None]:
    """Everything evaluated with armatures in their rest poses; afterwards they are posed as before."""
    layer = bpy.context.view_layer
    assert layer is not None
    before = [(data, data.pose_position) for data in map(armature_of, armatures)]
    for data, _ in before:
        data.pose_position = "REST"
    layer.update()
    try:
        yield
    finally:
        for data, position in before:
            data.pose_position = position
        layer.update()


def _armature_of_mesh(item: bpy.types.Object | None) -> bpy.types.Object | None:
    if item is None:
        return None
    for modifier in item.modifiers:
        if isinstance(modifier, bpy.types.ArmatureModifier) and modifier.object is not None:
            return modifier.object
    return item.parent if item.parent is not None and item.parent.type == "ARMATURE" else None


def _chosen_armature(chosen: Iterable[bpy.types.Object]) -> bpy.types.Object | None:
    items = [item for item in chosen if not item.get(PART_PROPERTY)]  # what an import shows is no character
    armatures = [item for item in items if item.type == "ARMATURE"]
    armatures += [found for item in items if item.type == "MESH" and (found := _armature_of_mesh(item)) is not None]
    return armatures[0] if armatures else None


def _only_armature(scene: bpy.types.Scene, unit: float) -> bpy.types.Object:
    armatures = [item for item in scene.objects if item.type == "ARMATURE" and not item.get(PART_PROPERTY)]
    posing = [item for item in armatures if _poses_something(scene, item)]
    if not posing:
        raise InputError("There is no armature that poses a mesh: select the character, or name its armature.")
    if len(posing) > 1 and set(joined_armatures(scene, posing[0], (), unit)) != set(posing):
        names = ", ".join(sorted(item.name for item in posing))
        raise InputError(f"There are several characters ({names}): select one, or name its armature.")
    return posing[0]


def _poses_something(scene: bpy.types.Scene, armature: bpy.types.Object) -> bool:
    return any(armature_modifier(item, armature) is not None for item in scene.objects if item.type == "MESH")


def _with_the_face(meshes: list[bpy.types.Object], armatures: list[bpy.types.Object]) -> bpy.types.Object:
    """The mesh with most vertices of those that the head's armature poses; of those with expressions, if some have."""
    armature = most_of_head(armatures, meshes)
    with_keys = [item for item in meshes if mesh_of(item).shape_keys is not None and item.vertex_groups]
    candidates = with_keys or [item for item in meshes if armature_modifier(item, armature) is not None]
    named = [item for item in candidates if "head" in item.name.lower() or "face" in item.name.lower()]
    if not candidates:
        raise InputError(f"{armature.name} poses no mesh with vertex groups: name the mesh that has the face.")
    return max(named or candidates, key=lambda item: len(mesh_of(item).vertices))


def _check_usable(item: bpy.types.Object) -> None:
    if not item.is_editable or (item.data is not None and not item.data.is_editable):
        raise InputError(f"{item.name} is linked from another file: make it local, or choose a copy.")
    if item.mode not in {"OBJECT", "POSE"}:
        raise InputError(f"{item.name} is being edited: go back to Object Mode first.")
    keys = shape_keys_of(item)
    if keys is not None and not keys.use_relative:
        raise InputError(f"The shape keys of {item.name} follow a time: tick Relative in its shape keys first.")
    for modifier in item.modifiers:
        if modifier.type == "MIRROR" and modifier.show_viewport:
            raise InputError(f"One half of {item.name} is made by a Mirror modifier: apply the modifier first.")
