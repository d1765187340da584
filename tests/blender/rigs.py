"""Rigs that add-ons make, with a skin."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
import pytest

from dice_blender.scene.armature import add_armature_modifier

__all__ = ["rigify_rig"]


def rigify_rig() -> bpy.types.Object:
    """Rigify's human, generated, with a small box on every bone of head, arms and hands."""
    import addon_utils  # on the path once bpy is loaded

    if addon_utils.enable("rigify", default_set=True) is None:
        pytest.skip("this Blender has no Rigify")
    operators: Any = bpy.ops
    operators.object.armature_human_metarig_add()
    metarig = bpy.context.active_object
    operators.pose.rigify_generate()
    rig = next(item for item in bpy.data.objects if item.type == "ARMATURE" and item != metarig)
    bpy.data.objects.remove(metarig)
    words = ("DEF-spine.00", "DEF-shoulder", "DEF-upper_arm", "DEF-forearm", "DEF-hand", "DEF-thumb", "DEF-f_")
    bones = [bone for bone in rig.data.bones if bone.use_deform and bone.name.startswith(words)]
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * 0.004
    faces = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    points = np.concatenate([np.array((bone.head_local + bone.tail_local) / 2) + corners for bone in bones])
    mesh = bpy.data.meshes.new("Body")
    mesh.from_pydata(points.tolist(), [], [[8 * k + v for v in face] for k in range(len(bones)) for face in faces])
    body = bpy.data.objects.new("Body", mesh)
    bpy.context.scene.collection.objects.link(body)
    for number, bone in enumerate(bones):
        body.vertex_groups.new(name=bone.name).add(list(range(8 * number, 8 * number + 8)), 1.0, "REPLACE")
    body.parent = rig
    add_armature_modifier(body, rig)
    bpy.context.view_layer.update()
    return rig
