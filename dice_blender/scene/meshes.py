"""Mesh objects out of a take's bodies: polygons, UVs, smooth shading, shape keys."""

from __future__ import annotations

import bpy
import numpy as np

from dice_core.geometry.mesh import Mesh

from .animation import CurveWriter, held_steps
from .materials import MADE_HERE
from .object_data import mesh_of
from .shape_keys import remove_shape_keys

__all__ = ["build_mesh", "key_visibility", "refill_mesh"]

_UV_LAYER = "UVMap"


def build_mesh(mesh: Mesh, vertices: np.ndarray, name: str) -> bpy.types.Mesh:
    """A smooth-shaded mesh with the body's polygons and UVs.

    vertices : (V, 3) float, metres, in the space of the object that will show it.
    """
    data = bpy.data.meshes.new(name)
    data.vertices.add(len(vertices))
    data.vertices.foreach_set("co", np.ascontiguousarray(vertices, np.float32).ravel())
    data.loops.add(len(mesh.face_corners))
    data.loops.foreach_set("vertex_index", np.ascontiguousarray(mesh.face_corners, np.int32))
    data.polygons.add(len(mesh.face_sizes))
    starts = np.cumsum(mesh.face_sizes) - mesh.face_sizes
    data.polygons.foreach_set("loop_start", starts.astype(np.int32))
    uv = data.uv_layers.new(name=_UV_LAYER)
    assert uv is not None
    uv.uv.foreach_set("vector", np.ascontiguousarray(mesh.uv, np.float32).ravel())
    data.update(calc_edges=True)
    data.shade_smooth()
    return data


def refill_mesh(item: bpy.types.Object, mesh: Mesh, vertices: np.ndarray) -> list[str]:
    """Make a mesh object that shows a body ready to be given shape keys anew.

    Its materials, UVs, attributes, vertex groups and the user's own shape keys stay; only a mesh that is no longer that
    of the body is replaced, which keeps its materials where the user has changed any, on the polygons that both have.
    vertices : (V, 3) float, metres, as for `build_mesh`. Returns the names of the user's shape keys that were lost.
    """
    data = mesh_of(item)
    remove_shape_keys(item)
    corners = np.empty(len(data.loops), np.int32)
    data.loops.foreach_get("vertex_index", corners)
    if len(data.vertices) == len(vertices) and np.array_equal(corners, mesh.face_corners):
        return []
    lost = [] if data.shape_keys is None else [block.name for block in data.shape_keys.key_blocks[1:]]
    name, replaced = data.name, build_mesh(mesh, vertices, data.name)
    materials = [material for material in data.materials if material is not None]
    if all(material.get(MADE_HERE) for material in materials):
        item.data = replaced
    else:
        for material in data.materials:
            replaced.materials.append(material)
        slots = np.zeros(len(replaced.polygons), np.int32)
        common = min(len(data.polygons), len(slots))
        old = np.empty(len(data.polygons), np.int32)
        data.polygons.foreach_get("material_index", old)
        slots[:common] = old[:common]
        replaced.polygons.foreach_set("material_index", slots)
        item.data = replaced
    if not data.users:
        bpy.data.meshes.remove(data)
        replaced.name = name
    for material in materials:
        if material.get(MADE_HERE) and not material.users:
            bpy.data.materials.remove(material)
    return lost


def key_visibility(curves: CurveWriter, times: np.ndarray, present: np.ndarray) -> None:
    """Hide an object in the frames where its body is absent.

    times : (T,) scene frames; present : (T,) bool.
    """
    if present.all():
        return
    changes, states = held_steps(times, ~present)
    for path in ("hide_viewport", "hide_render"):
        curves.write(path, 0, changes, states, stepped=True)
