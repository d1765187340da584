"""Surfaces as Blender evaluates them, and as the take has them."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from dice_core.take import Take

# x right, y down, z forward -> x right, y forward, z up; written out here once more, independently of the product.
TO_BLENDER = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
OBJECTS = {"head": "Head", "hand_left": "Hand.L", "hand_right": "Hand.R"}


def evaluated(item: bpy.types.Object) -> np.ndarray:
    """(V, 3) world positions, metres, with shape keys, modifiers and animation at the current frame."""
    copy = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = copy.to_mesh()
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    world = np.array(copy.matrix_world)
    copy.to_mesh_clear()
    return points.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]


def captured(take: Take, mesh: str) -> np.ndarray:
    """(T, V, 3) surface of the take in Blender's axes, deformation included."""
    return (take.array(f"{mesh}.vertices") + take.array(f"{mesh}.deformation")) @ TO_BLENDER.T


def present(take: Take, mesh: str) -> np.ndarray:
    """Indices of the frames that show a mesh."""
    return np.flatnonzero(take.array(f"tracked_{mesh}"))


def worst_distance(
    take: Take,
    mesh: str,
    item: bpy.types.Object,
    start: float,
    step: float = 1.0,
    places: Sequence[float] | None = None,
) -> float:
    """Largest distance, millimetres, of any vertex from the take in any frame that shows the mesh.

    start : scene frame of the take's first frame; step : scene frames a frame of the take; places : of each frame,
    counted in frames from the first, where they are not one after the other.
    """
    surfaces = captured(take, mesh)
    worst = 0.0
    for index in present(take, mesh):
        frame = start + step * (int(index) if places is None else places[int(index)])
        bpy.context.scene.frame_set(int(frame), subframe=frame - int(frame))
        worst = max(worst, float(np.linalg.norm(evaluated(item) - surfaces[index], axis=1).max()))
    return worst * 1000
