"""The same scenes by Blender's Cycles: light that goes under the skin, soft shadows, reflections. For looks and tests.

Blender's world stands for camera space (x right, y down, z forward), so its camera is turned upside down to look along
+z. Strengths follow the rasteriser's lights; what is left was set by hand, by the look of the pictures.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import bpy
import cv2
import numpy as np
from mathutils import Vector

from accuracy.animation import Animation
from accuracy.pictures import GAMMA, SHUTTER, DrawnScene, Studio
from dice_core.geometry.camera import Camera

__all__ = ["CyclesStudio"]

SAMPLES, BLURRED_SAMPLES = 24, 12
"""Of Cycles for each pixel, in a sharp picture and in each of the `EXPOSURES` of a blurred one."""

EXPOSURES = 4
LIGHT_DISTANCE = 1.5
"""Metres from the head to the lights."""

LIGHT_SIZE = 0.16
"""Metres of the key light for each pixel of the rasteriser's soft edge of shadows."""

SCATTER_METRES = 0.004
"""How far red light goes under the skin."""


class CyclesStudio(Studio):
    """Renders the frames of one animation. Replaces what the open Blender file holds."""

    def __init__(self, animation: Animation) -> None:
        super().__init__(animation)
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self._set_up_render()
        self._set_up_camera()
        self._set_up_lights()
        self._object = self._body()

    def _light(self, scene: DrawnScene) -> np.ndarray:
        times = [SHUTTER * ((k + 0.5) / EXPOSURES - 0.5) for k in range(EXPOSURES)] if self._recipe.blur else [0.0]
        bpy.context.scene.cycles.samples = BLURRED_SAMPLES if len(times) > 1 else SAMPLES
        total = np.zeros_like(self._background)
        for time in times:
            vertices = scene.vertices + time * scene.drift
            self._object.data.vertices.foreach_set("co", vertices.astype(np.float32).ravel())
            self._object.data.update()
            total += self._rendered()
        return total / len(times)

    def _rendered(self) -> np.ndarray:
        """(h, w, 3) linear light, before the background."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "picture.png"
            bpy.context.scene.render.filepath = str(file)
            bpy.ops.render.render(write_still=True)
            read = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        assert read is not None
        pixels = read.astype(np.float64) / np.iinfo(read.dtype).max
        share = pixels[..., 3:]
        return share * pixels[..., 2::-1] ** GAMMA + (1 - share) * self._background

    def _set_up_render(self) -> None:
        scene = bpy.context.scene
        scene.render.engine = "CYCLES"
        scene.cycles.device = "CPU"
        scene.cycles.use_adaptive_sampling = False
        scene.cycles.use_denoising = True
        scene.cycles.denoiser = "OPENIMAGEDENOISE"
        scene.cycles.seed = self._recipe.look % 1000
        scene.render.threads_mode, scene.render.threads = "FIXED", 1
        scene.render.resolution_x, scene.render.resolution_y = self._camera.width, self._camera.height
        scene.render.film_transparent = True
        scene.render.image_settings.file_format = "PNG"
        scene.render.image_settings.color_mode, scene.render.image_settings.color_depth = "RGBA", "16"
        scene.view_settings.view_transform = "Standard"
        world = bpy.data.worlds.new("World")
        world.use_nodes = True
        world.node_tree.nodes["Background"].inputs["Strength"].default_value = self._lights.sky
        world.node_tree.nodes["Background"].inputs["Color"].default_value = (*self._lights.tints[1], 1.0)
        scene.world = world

    def _set_up_camera(self) -> None:
        camera: Camera = self._camera
        data = bpy.data.cameras.new("Camera")
        data.sensor_fit, data.sensor_width = "HORIZONTAL", 36.0
        data.lens = camera.fx * data.sensor_width / camera.width
        data.clip_start = 0.02
        item = bpy.data.objects.new("Camera", data)
        item.rotation_euler = (np.pi, 0.0, 0.0)
        bpy.context.collection.objects.link(item)
        bpy.context.scene.camera = item

    def _set_up_lights(self) -> None:
        lights, target = self._lights, Vector(self._animation.moments[0].translation)
        # A light of P watts gives P / (pi d^2) at a distance d, and a white surface sends on 1 / pi of that.
        watts = np.pi**2 * LIGHT_DISTANCE**2
        for name, way, strength, size, tint in (
            ("Key", lights.key, lights.key_strength, LIGHT_SIZE * lights.softness, lights.tints[0]),
            ("Fill", lights.fill_from, lights.fill, 1.5, lights.tints[1]),
        ):
            data = bpy.data.lights.new(name, "AREA")
            data.size, data.energy, data.color = float(size), float(watts * strength), tint.tolist()
            item = bpy.data.objects.new(name, data)
            item.location = target + LIGHT_DISTANCE * Vector(way)
            item.rotation_euler = (target - item.location).to_track_quat("-Z", "Y").to_euler()
            item.visible_camera = False
            bpy.context.collection.objects.link(item)

    def _body(self) -> bpy.types.Object:
        """All pieces as one mesh with texture coordinates, colours and their shares."""
        data = bpy.data.meshes.new("Body")
        data.from_pydata(np.zeros((len(self._texel), 3)).tolist(), [], self._faces.tolist())
        data.polygons.foreach_set("use_smooth", np.ones(len(self._faces), bool))
        atlas = self._skins.tinted(self._tint)
        height, width = atlas.shape[:2]
        place = (self._texel + 0.5) / [width, height]
        corners = np.column_stack([place[:, 0], 1 - place[:, 1]])[self._faces.ravel()]
        data.uv_layers.new(name="skin").uv.foreach_set("vector", corners.astype(np.float32).ravel())
        colour = np.column_stack([np.clip(self._colour, 0, 1) ** GAMMA, np.ones(len(self._colour))])
        data.attributes.new("plain", "FLOAT_COLOR", "POINT").data.foreach_set(
            "color", colour.astype(np.float32).ravel()
        )
        data.attributes.new("share", "FLOAT", "POINT").data.foreach_set("value", self._mix.astype(np.float32))
        data.materials.append(_skin(_image(atlas), self._lights.gloss))
        item = bpy.data.objects.new("Body", data)
        bpy.context.collection.objects.link(item)
        return item


def _image(atlas: np.ndarray) -> bpy.types.Image:
    height, width = atlas.shape[:2]
    image = bpy.data.images.new("Skin", width, height)
    rgba = np.concatenate([np.clip(atlas, 0, 1), np.ones((height, width, 1))], axis=2)
    image.pixels.foreach_set(rgba[::-1].astype(np.float32).ravel())
    image.pack()
    return image


def _skin(image: bpy.types.Image, gloss: float) -> bpy.types.Material:
    """The painted skin and, by its share, the plain colour of a vertex."""
    material = bpy.data.materials.new("Skin")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    shader = nodes["Principled BSDF"]
    texture, mix = nodes.new("ShaderNodeTexImage"), nodes.new("ShaderNodeMix")
    texture.image, texture.extension = image, "EXTEND"
    mix.data_type = "RGBA"
    for name, output, target in (("share", "Fac", "Factor"), ("plain", "Color", "B")):
        attribute = nodes.new("ShaderNodeAttribute")
        attribute.attribute_name = name
        links.new(attribute.outputs[output], mix.inputs[target])
    links.new(texture.outputs["Color"], mix.inputs["A"])
    links.new(mix.outputs["Result"], shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = 0.65 - 0.3 * gloss
    shader.subsurface_method = "BURLEY"
    shader.inputs["Subsurface Weight"].default_value = 0.3
    shader.inputs["Subsurface Radius"].default_value = (1.0, 0.35, 0.2)
    shader.inputs["Subsurface Scale"].default_value = SCATTER_METRES
    return material
