"""The settings of the scene that a take comes into: frame rate, range, resolution."""

from __future__ import annotations

import math
from dataclasses import dataclass

import bpy

from dice_core.geometry.camera import Camera

from .camera import pixel_aspect
from .timing import split_fps

__all__ = ["Stage", "is_fresh", "join_stage", "scene_fps", "set_stage"]

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
class Stage:
    """What a take asks of its scene.

    fps : of the footage, 0 for stills; first, last : scene frames; retimed : whether the take already follows the
    scene's frame rate.
    """

    camera: Camera
    fps: float
    first: int
    last: int
    retimed: bool = False


def set_stage(scene: bpy.types.Scene, stage: Stage, camera: bpy.types.Object) -> None:
    """Make a fresh scene the take's: frame rate, range, resolution, camera."""
    render = scene.render
    if stage.fps > 0:
        render.fps, render.fps_base = split_fps(stage.fps)
    scene.frame_start, scene.frame_end = stage.first, stage.last
    render.resolution_x, render.resolution_y = stage.camera.width, stage.camera.height
    render.resolution_percentage = 100
    render.pixel_aspect_x, render.pixel_aspect_y = pixel_aspect(stage.camera)
    scene.camera = camera
    cube = scene.objects.get("Cube")
    if cube is not None:
        # The factory cube surrounds the take's camera.
        cube.hide_viewport = cube.hide_render = True


def join_stage(scene: bpy.types.Scene, stage: Stage, camera: bpy.types.Object) -> list[str]:
    """Fit a take into a scene in use, which stays as it is but for a longer range and a camera where it has none.

    Returns sentences about how the scene differs from the take.
    """
    notes = []
    render, seen = scene.render, stage.camera
    if (render.resolution_x, render.resolution_y) != (seen.width, seen.height):
        notes.append(
            f"The scene renders {render.resolution_x} x {render.resolution_y} pixels and the footage has "
            f"{seen.width} x {seen.height}: set the resolution to match it through the DICE Camera."
        )
    same_rate = math.isclose(scene_fps(scene), stage.fps, rel_tol=_FPS_TOLERANCE)
    if stage.fps > 0 and not stage.retimed and not same_rate:
        notes.append(
            f"The scene plays {scene_fps(scene):.4g} frames a second and the footage {stage.fps:.4g}: "
            "frames are kept one to one, so the take plays at another speed unless it is retimed."
        )
    scene.frame_start = min(scene.frame_start, stage.first)
    scene.frame_end = max(scene.frame_end, stage.last)
    if scene.camera is None:
        scene.camera = camera
    return notes
