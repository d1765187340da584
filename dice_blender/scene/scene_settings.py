"""The settings of the scene that a take comes into: frame rate, range, resolution, camera, units.

A scene that nobody has worked in gets the take's. In any other nothing is changed: what differs is said, for as long as
it does, and `match` changes it at the user's request.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import bpy

from dice_core.geometry.camera import Camera

from .camera import pixel_aspect
from .timing import LAST_FRAME, split_fps

__all__ = [
    "MISMATCHES",
    "Mismatch",
    "SceneSettings",
    "adopt_settings",
    "is_fresh",
    "match",
    "mismatches",
    "scene_fps",
    "unit_of",
]

# Relative: frame rates closer than this are the same, such as 29.97 and 30/1.001.
_FPS_TOLERANCE = 1e-3
# What Blender's own new file holds, and how it plays and renders.
_FACTORY_OBJECTS = {"Camera", "Cube", "Light"}
_FACTORY_PLAYBACK = (1, 250, 24, 1.0)
_FACTORY_RENDER = (1920, 1080, 100, 1.0, 1.0)

MISMATCHES = {
    "rate": "The scene plays {0} frames a second and the footage {1}, frame by frame: the take plays at another speed",
    "range": "The take plays from frame {0} to {1}, the scene from {2} to {3}",
    "limit": "The take plays from frame {0} to {1}, and Blender's timeline reaches from 0 to {2}: start it elsewhere",
    "size": "The scene renders {0} x {1} pixels and the footage has {2} x {3}",
    "units": "A unit of the scene is {0} metres, and the take is in metres: it looks {1} times its size",
}
"""How a scene may differ from a take, by name."""


@dataclass(frozen=True)
class SceneSettings:
    """What a take needs from its scene.

    width, height : of the footage; aspect : render pixel aspect (x, y); fps : of the footage, 0 for a photo; first,
    last : scene frames; step : scene frames a frame of the footage; scale : of the take's origin.
    """

    width: int
    height: int
    aspect: tuple[float, float]
    fps: float
    first: int
    last: int
    step: float = 1.0
    scale: float = 1.0

    @classmethod
    def of(cls, camera: Camera, fps: float, scene_range: tuple[int, int], step: float) -> SceneSettings:
        """The settings for a take that has just been imported."""
        return cls(camera.width, camera.height, pixel_aspect(camera), fps, *scene_range, step)


@dataclass(frozen=True)
class Mismatch:
    """One way in which a scene differs from a take. kind : of `MISMATCHES`; values : what is put into its text."""

    kind: str
    values: tuple[str, ...]

    @property
    def can_match(self) -> bool:
        """Whether `match` can change it."""
        return self.kind != "limit"

    def __str__(self) -> str:
        return MISMATCHES[self.kind].format(*self.values) + "."


def is_fresh(scene: bpy.types.Scene) -> bool:
    """Whether nobody has worked in the scene yet: it is empty or Blender's new file, and set as Blender sets it."""
    names = {item.name for item in scene.objects}
    untouched = not names or (names <= _FACTORY_OBJECTS and not bpy.data.filepath)
    render = scene.render
    playback = (scene.frame_start, scene.frame_end, render.fps, render.fps_base)
    size = (
        render.resolution_x,
        render.resolution_y,
        render.resolution_percentage,
        render.pixel_aspect_x,
        render.pixel_aspect_y,
    )
    return untouched and playback == _FACTORY_PLAYBACK and size == _FACTORY_RENDER


def unit_of(scene: bpy.types.Scene) -> float:
    """Metres a unit of a scene; where a scene has no units, exporters take them for metres."""
    settings = scene.unit_settings
    return 1.0 if settings.system == "NONE" else float(settings.scale_length) or 1.0


def scene_fps(scene: bpy.types.Scene) -> float:
    """Frames a second of a scene."""
    return scene.render.fps / scene.render.fps_base


def adopt_settings(scene: bpy.types.Scene, wanted: SceneSettings, camera: bpy.types.Object) -> None:
    """Give a fresh scene the take's frame rate, range, resolution and camera; a photo leaves the frame rate alone."""
    for kind in ("rate", "size"):
        match(scene, wanted, kind)
    _set_range(scene, wanted.first, wanted.last)
    scene.camera = camera
    cube = scene.objects.get("Cube")
    if cube is not None:
        # The factory cube surrounds the take's camera.
        cube.hide_viewport = cube.hide_render = True


def match(scene: bpy.types.Scene, wanted: SceneSettings, kind: str) -> None:
    """Change the scene so that it no longer differs from a take.

    kind : of `MISMATCHES`. A range grows and loses nothing; units are a matter of the take's origin, and the limits of
    the timeline stay.
    """
    render = scene.render
    if kind == "rate" and wanted.fps > 0:
        render.fps, render.fps_base = split_fps(wanted.fps)
    elif kind == "range":
        _set_range(scene, min(scene.frame_start, wanted.first), max(scene.frame_end, wanted.last))
    elif kind == "size":
        render.resolution_x, render.resolution_y = wanted.width, wanted.height
        render.resolution_percentage = 100
        render.pixel_aspect_x, render.pixel_aspect_y = wanted.aspect


def _set_range(scene: bpy.types.Scene, first: int, last: int) -> None:
    first, last = (min(max(frame, 0), LAST_FRAME) for frame in (first, last))
    scene.frame_end = last  # first, since Blender keeps the start before it
    scene.frame_start, scene.frame_end = first, last


def mismatches(scene: bpy.types.Scene, wanted: SceneSettings) -> list[Mismatch]:
    """How a scene differs from a take now, the most important first."""
    render = scene.render
    found = []
    same_rate = math.isclose(scene_fps(scene), wanted.fps, rel_tol=_FPS_TOLERANCE)
    if wanted.fps > 0 and wanted.step == 1.0 and not same_rate:
        found.append(Mismatch("rate", (f"{scene_fps(scene):.4g}", f"{wanted.fps:.4g}")))
    if wanted.first < 0 or wanted.last > LAST_FRAME:
        found.append(Mismatch("limit", (f"{wanted.first}", f"{wanted.last}", f"{LAST_FRAME}")))
    elif wanted.first < scene.frame_start or wanted.last > scene.frame_end:
        values = (wanted.first, wanted.last, scene.frame_start, scene.frame_end)
        found.append(Mismatch("range", tuple(map(str, values))))
    wide = wanted.width * wanted.aspect[0] / (wanted.height * wanted.aspect[1])
    rendered = render.resolution_x * render.pixel_aspect_x / (render.resolution_y * render.pixel_aspect_y)
    size = (render.resolution_x, render.resolution_y)
    if size != (wanted.width, wanted.height) or not math.isclose(wide, rendered, rel_tol=_FPS_TOLERANCE):
        found.append(Mismatch("size", tuple(map(str, (*size, wanted.width, wanted.height)))))
    unit = unit_of(scene)
    if scene.unit_settings.system != "NONE" and not math.isclose(unit * wanted.scale, 1.0, rel_tol=_FPS_TOLERANCE):
        found.append(Mismatch("units", (f"{unit:.4g}", f"{unit * wanted.scale:.4g}")))
    return found
