"""The settings of the scene that a take comes into: frame rate, range, resolution, camera."""

from __future__ import annotations

import math
from dataclasses import dataclass

import bpy

from dice_core.geometry.camera import Camera

from .camera import pixel_aspect
from .timing import split_fps

__all__ = ["SceneSettings", "adapt_to_scene", "apply_settings", "is_fresh", "scene_fps"]

# Relative: frame rates closer than this are the same, such as 29.97 and 30/1.001.
_FPS_TOLERANCE = 1e-3
# What Blender's own new file holds.
_FACTORY_OBJECTS = {"Camera", "Cube", "Light"}


def is_fresh(scene: bpy.types.Scene) -> bool:
    """Whether nobody has worked in the scene yet: it is empty, or it is Blender's new file as it comes."""
    names = {item.name for item in scene.objects}
    return not names or (names <= _FACTORY_OBJECTS and not bpy.data.filepath)


def scene_fps(scene: bpy.types.Scene) -> float:
    """Frames a second of a scene."""
    return scene.render.fps / scene.render.fps_base


@dataclass(frozen=True)
class SceneSettings:
    """What a take needs from its scene.

    camera : of the footage; fps : of the footage, 0 for a photo; first, last : scene frames; retimed : whether the take
    already follows the scene's frame rate.
    """

    camera: Camera
    fps: float
    first: int
    last: int
    retimed: bool = False


def apply_settings(scene: bpy.types.Scene, wanted: SceneSettings, camera: bpy.types.Object) -> None:
    """Give a fresh scene the take's frame rate, range, resolution and camera; a photo leaves the frame rate alone."""
    render = scene.render
    if wanted.fps > 0:
        render.fps, render.fps_base = split_fps(wanted.fps)
    scene.frame_start, scene.frame_end = wanted.first, wanted.last
    render.resolution_x, render.resolution_y = wanted.camera.width, wanted.camera.height
    render.resolution_percentage = 100
    render.pixel_aspect_x, render.pixel_aspect_y = pixel_aspect(wanted.camera)
    scene.camera = camera
    cube = scene.objects.get("Cube")
    if cube is not None:
        # The factory cube surrounds the take's camera.
        cube.hide_viewport = cube.hide_render = True


def adapt_to_scene(scene: bpy.types.Scene, wanted: SceneSettings, camera: bpy.types.Object) -> list[str]:
    """Fit a take into a scene in use, which keeps its settings; only its range grows, and it gets a missing camera.

    Returns sentences about how the scene differs from the take.
    """
    notes = []
    render, seen = scene.render, wanted.camera
    if (render.resolution_x, render.resolution_y) != (seen.width, seen.height):
        notes.append(
            f"The scene renders {render.resolution_x} x {render.resolution_y} pixels and the footage has "
            f"{seen.width} x {seen.height}: set the resolution to match it through the DICE Camera."
        )
    same_rate = math.isclose(scene_fps(scene), wanted.fps, rel_tol=_FPS_TOLERANCE)
    if wanted.fps > 0 and not wanted.retimed and not same_rate:
        notes.append(
            f"The scene plays {scene_fps(scene):.4g} frames a second and the footage {wanted.fps:.4g}: "
            "frames are kept one to one, so the take plays at another speed unless it is retimed."
        )
    scene.frame_start = min(scene.frame_start, wanted.first)
    scene.frame_end = max(scene.frame_end, wanted.last)
    if scene.camera is None:
        scene.camera = camera
    return notes
