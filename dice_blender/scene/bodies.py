"""One body of a take as objects: made anew, or put into the objects that an earlier import has made of it.

What the user has done to those stays: names, modifiers, constraints, materials, and vertex groups, curves and shape
keys of their own. What comes from the take is replaced: its shape keys, transform, contact, bones and their keys.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from dice_core.geometry.mesh import Mesh

from .animation import CurveWriter
from .armature import bind_to_bones, build_armature, key_bones
from .contact import CONTACT, CONTACT_REACH, CONTACT_TIME, add_contact
from .keys.plan import MeshPlan
from .materials import add_materials
from .meshes import build_mesh, key_visibility, refill_mesh
from .motion import Motion
from .object_data import armature_of, mesh_of
from .parts import MESH_PROPERTY, PART_PROPERTY, rig_of
from .reliability import add_reliability
from .removal import remove_part
from .shape_keys import add_shape_keys

__all__ = ["Body", "put_body"]

# Of an object: the vertex groups that the import has made, one a line.
_GROUPS = "dice_groups"


@dataclass(frozen=True)
class Body:
    """What a body has become.

    armature : None where no bones pose it; lost_keys : names of the user's own shape keys that the body's new mesh
    cannot have.
    """

    mesh: bpy.types.Object
    armature: bpy.types.Object | None
    lost_keys: list[str]


def put_body(
    collection: bpy.types.Collection,
    origin: bpy.types.Object,
    old: dict[str, bpy.types.Object],
    motion: Motion,
    plan: MeshPlan,
    times: np.ndarray,
) -> Body:
    """Make a body's objects, or update those that are there.

    old : parts of the collection by name; times : (T,) scene frames of the motion's frames.
    """
    name, rig = motion.mesh.name, old.get(rig_of(motion.mesh.name))
    item = old.get(name)
    lost_keys: list[str] = []
    if item is None:
        item = bpy.data.objects.new(motion.object_name, build_mesh(motion.mesh, plan.basis, motion.object_name))
        collection.objects.link(item)
        item[MESH_PROPERTY] = item[PART_PROPERTY] = name
    else:
        lost_keys = refill_mesh(item, motion.mesh, plan.basis)
        _remove_contact(item)
    if item.parent is None or item.parent == rig:
        item.parent = origin
    before = set(item.vertex_groups.keys())
    _place(item, plan)
    curves = CurveWriter(item, item.name)
    add_contact(item, motion, curves, times)
    add_reliability(item, motion, curves, times)
    add_materials(item, motion.mesh, motion.layout)
    if plan.motion is not None:
        curves.write_vector("location", times, plan.motion.location, group="Transform")
    if plan.motion is not None and plan.motion.quaternion is not None:
        item.rotation_mode = "QUATERNION"
        curves.write_vector("rotation_quaternion", times, plan.motion.quaternion, group="Transform")
    key_visibility(curves, times, motion.present)
    add_shape_keys(item, plan.basis, plan.keys)
    armature = None
    if plan.bones:
        armature = _put_rig(collection, origin, item, rig, motion, times)
    elif rig is not None:
        _release(item, rig)
    item[_GROUPS] = "\n".join(group.name for group in item.vertex_groups if group.name not in before)
    return Body(item, armature, lost_keys)


def _put_rig(
    collection: bpy.types.Collection,
    origin: bpy.types.Object,
    item: bpy.types.Object,
    rig: bpy.types.Object | None,
    motion: Motion,
    times: np.ndarray,
) -> bpy.types.Object:
    """The armature that poses a mesh, that of the earlier import where its bones are the same."""
    if rig is not None and not _has_joints(rig, motion.mesh):
        _release(item, rig)
        rig = None
    if rig is None:
        rig = build_armature(motion.mesh, f"{item.name} Rig")
        collection.objects.link(rig)
        rig.parent = origin
        rig[PART_PROPERTY] = rig_of(motion.mesh.name)
    bind_to_bones(item, rig, motion.mesh)
    key_bones(rig, motion, times)
    return rig


def _release(item: bpy.types.Object, rig: bpy.types.Object) -> None:
    """Free a mesh from bones that it no longer has."""
    for modifier in [modifier for modifier in item.modifiers if getattr(modifier, "object", None) == rig]:
        item.modifiers.remove(modifier)
    remove_part(rig)


def _has_joints(rig: bpy.types.Object, mesh: Mesh) -> bool:
    return [bone.name for bone in armature_of(rig).bones] == list(mesh.joint_names)


def _place(item: bpy.types.Object, plan: MeshPlan) -> None:
    """The object's transform where nothing is keyed."""
    item.rotation_mode = "XYZ"
    item.rotation_euler = (0.0, 0.0, 0.0)
    item.rotation_quaternion = (1.0, 0.0, 0.0, 0.0)
    item.location = plan.location.tolist()


def _remove_contact(item: bpy.types.Object) -> None:
    """Remove what an earlier import has noted of contact, and its vertex groups."""
    for name in str(item.get(_GROUPS, "")).split("\n"):
        if name in item.vertex_groups:
            item.vertex_groups.remove(item.vertex_groups[name])
    attributes = mesh_of(item).attributes
    for name in (CONTACT, CONTACT_TIME, CONTACT_REACH):
        if name in attributes:
            attributes.remove(attributes[name])
    for name in [name for name in item.keys() if name == CONTACT or name.startswith("contact_")]:  # noqa: SIM118
        del item[name]
