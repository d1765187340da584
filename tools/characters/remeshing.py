"""The same surface with other triangles: what is known of the first mesh is known of the second."""

from __future__ import annotations

from typing import Any

import bmesh
import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from dice_core.geometry.mesh import connected_components

from .blender_parts import Part

__all__ = ["remeshed"]

# Of the triangles, after each was cut into four: how many are left. A little fewer than at first, all of them others.
_LEFT = 0.22


def remeshed(part: Part) -> Part:
    """The part on other triangles, in place of its object, which has neither keys nor weights yet."""
    pieces = [_remeshed_piece(*piece) for piece in _pieces(part.item)]
    starts = np.cumsum([0, *(len(points) for points, _, _, _ in pieces)])
    points = np.concatenate([piece[0] for piece in pieces])
    faces = np.concatenate([piece[1] + start for piece, start in zip(pieces, starts, strict=False)])
    local = np.concatenate([piece[2] for piece in pieces])
    shares = np.concatenate([piece[3] for piece in pieces])
    mesh = bpy.data.meshes.new(part.item.name)
    mesh.from_pydata(points.tolist(), [], faces.tolist())
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))
    mesh.update()
    part.item.data = mesh
    # Each of its corners is one vertex of the larger mesh.
    return Part(part.item, part.corners[local, 0], shares)


def _pieces(item: bpy.types.Object) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Points (n, 3), triangles (m, 3) and indices (n,) in the object of each of its connected pieces."""
    mesh: Any = item.data
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    mesh.calc_loop_triangles()
    triangles = np.empty(len(mesh.loop_triangles) * 3, np.int32)
    mesh.loop_triangles.foreach_get("vertices", triangles)
    triangles = triangles.reshape(-1, 3)
    found = []
    for rows in connected_components(triangles):
        own, local = np.unique(triangles[rows], return_inverse=True)
        found.append((points.reshape(-1, 3)[own].astype(float), local.reshape(-1, 3), own))
    return found


def _remeshed_piece(
    points: np.ndarray, triangles: np.ndarray, index: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points (n, 3) on the piece, triangles (m, 3), and corners (n, 3) and shares (n, 3) of the object's own points."""
    mesh = bpy.data.meshes.new("piece")
    mesh.from_pydata(points.tolist(), [], triangles.tolist())
    edit = bmesh.new()
    edit.from_mesh(mesh)
    bmesh.ops.subdivide_edges(edit, edges=edit.edges, cuts=1, use_grid_fill=True)
    edit.to_mesh(mesh)
    edit.free()
    item = bpy.data.objects.new("piece", mesh)
    bpy.context.scene.collection.objects.link(item)
    reduce: Any = item.modifiers.new("Decimate", "DECIMATE")
    reduce.ratio = _LEFT
    reduce.use_collapse_triangulate = True
    bpy.context.view_layer.update()
    reduced = item.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
    there = np.array([vertex.co for vertex in reduced.vertices], float)
    faces = np.array([polygon.vertices for polygon in reduced.polygons], int)
    bpy.data.objects.remove(item)
    bpy.data.meshes.remove(mesh)
    tree = BVHTree.FromPolygons(points.tolist(), triangles.tolist())
    hits = [tree.find_nearest(Vector(point)) for point in there]
    corners = triangles[[hit[2] for hit in hits]]
    shares = _barycentric(np.array([hit[0] for hit in hits], float), points[corners])
    return np.einsum("nk,nkx->nx", shares, points[corners]), faces, index[corners], shares


def _barycentric(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(n, 3) shares of corners (n, 3, 3) in points (n, 3) of their triangles."""
    first, second, offset = (value - corners[:, 0] for value in (corners[:, 1], corners[:, 2], points))
    normal = np.cross(first, second)
    size = np.maximum(np.einsum("nx,nx->n", normal, normal), 1e-20)
    b = np.einsum("nx,nx->n", np.cross(offset, second), normal) / size
    c = np.einsum("nx,nx->n", np.cross(first, offset), normal) / size
    shares = np.clip(np.stack([1 - b - c, b, c], axis=1), 0, 1)
    normalised: np.ndarray = shares / shares.sum(axis=1, keepdims=True)
    return normalised
