"""What belongs to an object, typed by its kind: in Blender's own attributes it may be any kind, or missing."""

from __future__ import annotations

from typing import Any

import bpy

__all__ = ["armature_of", "camera_of", "describe_property", "mesh_of", "pose_of", "shape_keys_of", "tree_of"]


def mesh_of(item: bpy.types.Object) -> bpy.types.Mesh:
    """The mesh of a mesh object."""
    assert isinstance(item.data, bpy.types.Mesh)
    return item.data


def shape_keys_of(item: bpy.types.Object) -> bpy.types.Key | None:
    """The shape keys of an object, None where it is no mesh or has none."""
    return item.data.shape_keys if isinstance(item.data, bpy.types.Mesh) else None


def armature_of(item: bpy.types.Object) -> bpy.types.Armature:
    """The armature of an armature object."""
    assert isinstance(item.data, bpy.types.Armature)
    return item.data


def camera_of(item: bpy.types.Object) -> bpy.types.Camera:
    """The camera of a camera object."""
    assert isinstance(item.data, bpy.types.Camera)
    return item.data


def pose_of(item: bpy.types.Object) -> bpy.types.Pose:
    """The pose of an armature object."""
    assert item.pose is not None
    return item.pose


def describe_property(item: bpy.types.Object, name: str, description: str) -> None:
    """Give a custom property of an object, a number from 0 to 1, its limits and its tooltip."""
    manager: Any = item.id_properties_ui(name)
    manager.update(min=0.0, max=1.0, description=description)


def tree_of(owner: bpy.types.Material | bpy.types.World) -> bpy.types.ShaderNodeTree:
    """The nodes of a material or a world, made where there are none yet."""
    if owner.node_tree is None:
        owner.use_nodes = True
    assert owner.node_tree is not None
    return owner.node_tree
