"""The DICE camera projects as the take's camera does, to a fraction of a pixel."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from dice_blender.scene import import_take
from dice_blender.scene.camera import build_camera, pixel_aspect
from dice_core.geometry.camera import Camera
from dice_core.take import Take

from .surfaces import TO_BLENDER

CAMERAS = {
    "centred": Camera.from_fov(1920, 1080, 45.0),
    "landscape": Camera(900.0, 900.0, 700.0, 300.0, 1280, 720),
    "portrait": Camera(1500.0, 1500.0, 500.0, 1010.0, 1080, 1920),
    "square": Camera(800.0, 800.0, 250.0, 262.0, 512, 512),
    "wide pixels": Camera(800.0, 1000.0, 340.0, 250.0, 720, 576),
    "tall pixels": Camera(1000.0, 800.0, 340.0, 250.0, 720, 576),
    "portrait, tall pixels": Camera(1000.0, 850.0, 300.0, 500.0, 576, 1024),
}


def _seen_by_blender(scene: bpy.types.Scene, item: bpy.types.Object, points: np.ndarray, camera: Camera) -> np.ndarray:
    """(n, 2) pixels, the first pixel's centre at (0, 0), of camera-space points."""
    views = np.array([world_to_camera_view(scene, item, Vector(p)) for p in points @ TO_BLENDER.T])
    return np.stack([views[:, 0] * camera.width - 0.5, (1 - views[:, 1]) * camera.height - 0.5], axis=1)


@pytest.mark.parametrize("name", CAMERAS)
def test_projection_agrees(scene: bpy.types.Scene, name: str) -> None:
    camera = CAMERAS[name]
    item = build_camera(camera)
    scene.collection.objects.link(item)
    scene.render.resolution_x, scene.render.resolution_y = camera.width, camera.height
    scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = pixel_aspect(camera)
    bpy.context.view_layer.update()
    points = np.random.default_rng(1).uniform([-0.2, -0.2, 0.4], [0.2, 0.2, 0.9], (50, 3))
    seen = _seen_by_blender(scene, item, points, camera)
    assert np.abs(seen - camera.project(points)).max() < 0.05


def test_the_imported_meshes_lie_where_the_footage_shows_them(scene: bpy.types.Scene, take: Take) -> None:
    imported = import_take(take)
    assert scene.camera == imported.camera
    bpy.context.view_layer.update()
    points = take.array("head.vertices")[12][::40]
    seen = _seen_by_blender(scene, imported.camera, points, take.camera)
    assert np.abs(seen - take.camera.project(points)).max() < 0.05


def test_a_render_shows_a_point_at_its_pixel(scene: bpy.types.Scene) -> None:
    """The same with the renderer itself: a small ball is drawn centred on its projection."""
    camera = Camera(300.0, 300.0, 70.0, 35.0, 160, 120)
    item = build_camera(camera)
    scene.collection.objects.link(item)
    scene.camera = item
    scene.render.resolution_x, scene.render.resolution_y = camera.width, camera.height
    place = np.array([0.05, 0.03, 0.5])
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.012, location=TO_BLENDER @ place)
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 8
    scene.render.film_transparent = True
    scene.render.filepath = f"{bpy.app.tempdir}ball.png"
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    pixels = np.array(image.pixels).reshape(camera.height, camera.width, 4)[::-1, :, 3]
    rows, columns = np.indices(pixels.shape)
    centre = np.array([(columns * pixels).sum(), (rows * pixels).sum()]) / pixels.sum()
    assert np.abs(centre - camera.project(place)).max() < 0.15
