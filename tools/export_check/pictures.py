"""Pictures of one frame of a take: the view for a reader, and Blender's own rendering."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from dice_blender.scene import ImportedTake

__all__ = ["blender_picture", "view_of"]


def view_of(imported: ImportedTake, frame: int, first: int) -> dict[str, Any]:
    """What the picture shows: `frame` frames after the first, through the take's camera."""
    scene = bpy.context.scene
    scene.frame_set(first + frame)
    camera = imported.camera
    to_y_up = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]])
    matrix = to_y_up @ np.array(camera.matrix_world.normalized())
    width, height = scene.render.resolution_x, scene.render.resolution_y
    fov = 2 * math.atan(math.tan(camera.data.angle / 2) * height / max(width, height))
    return {
        "second": frame * scene.render.fps_base / scene.render.fps,
        "fov": math.degrees(fov),
        "matrix": matrix.T.ravel().tolist(),
        "width": width,
        "height": height,
    }


def blender_picture(path: Path) -> None:
    """Blender's own picture of the current frame, once a scene."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples = "CYCLES", 16
    scene.view_settings.view_transform = "Standard"
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.rotation_euler = 2.2, (math.radians(50), math.radians(-20), 0.0)
    scene.collection.objects.link(sun)
    scene.world = bpy.data.worlds.new("World")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs[0].default_value = (0.35, 0.35, 0.35, 1.0)
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
