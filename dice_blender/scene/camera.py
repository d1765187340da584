"""The take's camera in Blender: same lens, same principal point, same view of the footage."""

from __future__ import annotations

import math
from typing import Any

import bpy

from dice_core.geometry.camera import Camera

from .object_data import camera_of

__all__ = ["CAMERA_NAME", "build_camera", "lens_aspect", "match_lens", "pixel_aspect"]

CAMERA_NAME = "DICE Camera"
# Millimetres: full frame, the size that lenses are usually named for. Only its ratio to the focal length matters.
_SENSOR = 36.0
_CLIP_START, _CLIP_END = 0.01, 100.0
# Of a camera: fx, fy, cx, cy, width and height of the footage's camera, in pixels.
_LENS = "dice_lens"


def build_camera(camera: Camera) -> bpy.types.Object:
    """A camera object at the origin that looks along +y with z up.

    The sensor is fitted along the longer side of the footage, so that the field of view holds at any resolution of the
    same proportions. Blender's frame ends at the outer edges of the pixels, half a pixel beyond their centres.
    """
    item = bpy.data.objects.new(CAMERA_NAME, bpy.data.cameras.new(CAMERA_NAME))
    item.rotation_euler = (math.pi / 2, 0.0, 0.0)
    match_lens(item, camera)
    return item


def match_lens(item: bpy.types.Object, camera: Camera) -> None:
    """Give a camera object the lens of the footage's camera, where it has not been given that already.

    What the user has changed since stays.
    """
    data: Any = camera_of(item)
    lens = [camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height]
    if list(data.get(_LENS, ())) == lens:
        return
    data[_LENS] = lens
    landscape = camera.width >= camera.height * _vertical_stretch(camera)
    side = camera.width if landscape else camera.height * _vertical_stretch(camera)
    data.sensor_fit = "HORIZONTAL" if landscape else "VERTICAL"
    data.sensor_width = data.sensor_height = _SENSOR
    data.lens_unit = "MILLIMETERS"
    data.lens = camera.fx * _SENSOR / side
    data.shift_x = (camera.width / 2 - (camera.cx + 0.5)) / side
    data.shift_y = ((camera.cy + 0.5) - camera.height / 2) * _vertical_stretch(camera) / side
    data.clip_start, data.clip_end = _CLIP_START, _CLIP_END


def lens_aspect(item: bpy.types.Object) -> float:
    """Width in heights of what the footage's camera saw, by its pixels' own proportions; 0 where nothing is noted."""
    lens = list(camera_of(item).get(_LENS, ()))
    if not lens:
        return 0.0
    fx, fy, _, _, width, height = lens
    return float(width / fx / (height / fy))


def pixel_aspect(camera: Camera) -> tuple[float, float]:
    """Blender's render pixel aspect (x, y), each at least 1, for footage whose pixels are not square."""
    stretch = _vertical_stretch(camera)
    return (1.0, stretch) if stretch >= 1 else (1 / stretch, 1.0)


def _vertical_stretch(camera: Camera) -> float:
    """Height of a pixel in widths."""
    return camera.fx / camera.fy
