"""The sample's scene in Blender: two bodies, clothes, light and a camera, in the take's camera space.

Blender's world stands for camera space (x right, y down, z forward), so its camera is turned upside down to look along
+z. Lights and materials were set by hand, by the look of the pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

from dice_core.bodies import load_hand, load_head
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh, triangles, vertex_normals
from dice_core.geometry.rotations import rotation_matrices
from sample.clothes import COLLAR_RINGS, SLEEVE_RINGS, boundary_ring, collar, ring_quads, sleeve
from sample.materials import cloth, eye_material, flesh, skin_material, wall
from sample.paint import Picture, paint_eyes, paint_face, paint_hand
from sample.performance import HAND_SCALE, HAND_SHAPE, HEAD_PLACE
from sample.physics import Animation, person_meshes
from sample.reach import AWAY_PATH

__all__ = ["SampleScene"]

LIGHTS = (
    # place (metres, camera space), size (metres), watts, colour
    ((0.52, -0.50, 0.02), 0.28, 12.0, (1.0, 0.95, 0.89)),
    ((-0.70, -0.25, -0.10), 0.60, 3.0, (0.88, 0.93, 1.0)),
)
"""Key from the side away from the hand, so that it grazes the pressed cheek; fill."""

AMBIENT = 0.18

BACKGROUND_DEPTH = 1.5
"""Metres."""

INNER_REGIONS = ("mouth_inner", "tongue")
EYE_REGIONS = ("eyeball.L", "eyeball.R")


class SampleScene:
    """A scene that is made once and then rendered frame by frame.

    camera : the take's; samples : of Cycles for each pixel. Replaces what the open Blender file holds.
    """

    def __init__(self, camera: Camera, samples: int) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self._camera = camera
        self._head_mesh, self._hand_mesh = person_meshes()
        _set_up_render(camera, samples)
        _set_up_camera(camera)
        _set_up_lights()
        _set_up_wall()
        self._head = self._make_head()
        self._hand = self._make_hand()
        self._wrist = boundary_ring(_quads(self._hand_mesh), self._hand_mesh.rest_vertices, np.array([0.0, 1.0, 0.0]))
        self._neck = boundary_ring(_quads(self._head_mesh), self._head_mesh.rest_vertices, np.array([0.0, 1.0, 0.0]))
        dark = cloth("Cloth", (0.030, 0.045, 0.075))
        self._sleeve = _tube("Sleeve", SLEEVE_RINGS, len(self._wrist), dark)
        self._collar = _tube("Collar", COLLAR_RINGS, len(self._neck), dark)

    def render(self, animation: Animation, frame: int, file: Path) -> None:
        """Render one frame to a PNG file."""
        arrays, now = animation.arrays, animation.moments[frame]
        _move(self._head, arrays["head.vertices"][frame] + arrays["head.deformation"][frame])
        hand = animation.hand_vertices[frame].astype(np.float64)
        _move(self._hand, hand)
        ring = hand[self._wrist]
        knuckles = hand[self._hand_mesh.region_vertices("middle")].mean(axis=0)
        axis = _ring_axis(ring, knuckles)
        _move(self._sleeve, sleeve(ring, axis, AWAY_PATH * now.away))
        neck = self._head_mesh.rest_vertices[self._neck].astype(np.float64)
        _move(self._collar, collar(neck, (rotation_matrices(now.rotation), now.translation), HEAD_PLACE))
        bpy.context.scene.render.filepath = str(file)
        bpy.ops.render.render(write_still=True)

    def _make_head(self) -> bpy.types.Object:
        mesh = self._head_mesh
        face, eyes = (paint(load_head(), mesh.rest_vertices) for paint in (paint_face, paint_eyes))
        item = _body(
            mesh,
            lambda corner: np.where(
                np.isin(mesh.region[corner], [mesh.region_names.index(name) for name in EYE_REGIONS])[:, None],
                eyes.coordinates(mesh.rest_vertices[corner]),
                face.coordinates(mesh.rest_vertices[corner]),
            ),
        )
        _attribute(item, "hair", _hair(mesh))
        item.data.materials.append(skin_material("Head skin", _image("Face", face), hair=True))
        item.data.materials.append(eye_material("Eyes", _image("Eyes", eyes)))
        item.data.materials.append(flesh("Mouth", (0.22, 0.045, 0.04)))
        first = mesh.region[mesh.face_corners.reshape(-1, 4)]
        slot = np.zeros(len(first), np.int32)
        for index, names in ((1, EYE_REGIONS), (2, INNER_REGIONS)):
            inside = np.isin(first, [mesh.region_names.index(name) for name in names])
            slot[inside.sum(axis=1) >= 3] = index
        item.data.polygons.foreach_set("material_index", slot)
        return item

    def _make_hand(self) -> bpy.types.Object:
        mesh, hand = self._hand_mesh, load_hand("right")
        picture = paint_hand(hand, mesh.rest_vertices, mesh.joints, hand.keypoints_rest(HAND_SHAPE, HAND_SCALE))
        item = _body(mesh, lambda corner: picture.coordinates(mesh.rest_vertices[corner]))
        normals = vertex_normals(mesh.rest_vertices.astype(np.float64), triangles(mesh))
        _attribute(item, "painted", np.clip(normals[:, 2] * 3 + 0.3, 0, 1))
        item.data.materials.append(skin_material("Hand skin", _image("Hand", picture), hair=False))
        return item


def _set_up_render(camera: Camera, samples: int) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = True
    scene.cycles.denoiser = "OPENIMAGEDENOISE"
    scene.cycles.denoising_prefilter = "FAST"
    scene.cycles.use_light_tree = False
    scene.cycles.seed = 1
    scene.cycles.max_bounces = 2
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    scene.render.use_persistent_data = True
    scene.render.resolution_x, scene.render.resolution_y = camera.width, camera.height
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"
    scene.view_settings.exposure = 0.0
    world = bpy.data.worlds.new("World")
    world.use_nodes = True
    background = world.node_tree.nodes["Background"]
    background.inputs["Color"].default_value = (0.80, 0.88, 1.0, 1.0)
    background.inputs["Strength"].default_value = AMBIENT
    scene.world = world


def _set_up_camera(camera: Camera) -> None:
    """The take's camera: half a turn about x, and square pixels about the picture's middle."""
    data = bpy.data.cameras.new("Camera")
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = 36.0
    data.lens = camera.fx * data.sensor_width / camera.width
    longer = max(camera.width, camera.height)
    data.shift_x = ((camera.width - 1) / 2 - camera.cx) / longer
    data.shift_y = (camera.cy - (camera.height - 1) / 2) / longer
    item = bpy.data.objects.new("Camera", data)
    item.rotation_euler = (np.pi, 0.0, 0.0)
    bpy.context.collection.objects.link(item)
    bpy.context.scene.camera = item


def _set_up_lights() -> None:
    target = Vector(HEAD_PLACE)
    for number, (place, size, watts, colour) in enumerate(LIGHTS):
        data = bpy.data.lights.new(f"Light {number}", "AREA")
        data.size, data.energy, data.color = size, watts, colour
        item = bpy.data.objects.new(data.name, data)
        item.location = place
        item.rotation_euler = (target - Vector(place)).to_track_quat("-Z", "Y").to_euler()
        bpy.context.collection.objects.link(item)


def _set_up_wall() -> None:
    size = 1.5
    data = bpy.data.meshes.new("Wall")
    data.from_pydata([(-size, -size, 0), (-size, size, 0), (size, size, 0), (size, -size, 0)], [], [(0, 1, 2, 3)])
    data.materials.append(wall("Wall", (0.16, 0.18, 0.20), (0.33, 0.36, 0.38)))
    item = bpy.data.objects.new("Wall", data)
    item.location = (0.0, 0.0, BACKGROUND_DEPTH)
    item.visible_diffuse = item.visible_glossy = False
    bpy.context.collection.objects.link(item)


def _body(mesh: Mesh, coordinates: Callable[[np.ndarray], np.ndarray]) -> bpy.types.Object:
    """An object with the mesh's quads, its rest pose as an attribute and painted-picture coordinates at the corners."""
    item = _object(mesh.name, mesh.rest_vertices, _quads(mesh))
    layer = item.data.uv_layers.new(name="front")
    layer.uv.foreach_set("vector", coordinates(mesh.face_corners).astype(np.float32).ravel())
    rest = item.data.attributes.new("rest", "FLOAT_VECTOR", "POINT")
    rest.data.foreach_set("vector", mesh.rest_vertices.astype(np.float32).ravel())
    return item


def _object(name: str, vertices: np.ndarray, quads: np.ndarray) -> bpy.types.Object:
    data = bpy.data.meshes.new(name)
    data.from_pydata(vertices.tolist(), [], quads.tolist())
    data.polygons.foreach_set("use_smooth", np.ones(len(quads), bool))
    item = bpy.data.objects.new(name, data)
    bpy.context.collection.objects.link(item)
    subdivision = item.modifiers.new("Subdivision", "SUBSURF")
    subdivision.levels = subdivision.render_levels = 1
    subdivision.boundary_smooth = "PRESERVE_CORNERS"
    return item


def _tube(name: str, rings: int, around: int, material: bpy.types.Material) -> bpy.types.Object:
    item = _object(name, np.zeros((rings * around, 3)), ring_quads(rings, around))
    item.data.materials.append(material)
    return item


def _attribute(item: bpy.types.Object, name: str, values: np.ndarray) -> None:
    attribute = item.data.attributes.new(name, "FLOAT", "POINT")
    attribute.data.foreach_set("value", values.astype(np.float32))


def _image(name: str, picture: Picture) -> bpy.types.Image:
    height, width = picture.colour.shape[:2]
    image = bpy.data.images.new(name, width, height)
    rgba = np.concatenate([np.clip(picture.colour, 0, 1), np.ones((height, width, 1))], axis=2)
    image.pixels.foreach_set(rgba[::-1].astype(np.float32).ravel())
    image.pack()
    return image


def _hair(mesh: Mesh) -> np.ndarray:
    """(V,) 0 to 1: the scalp, with a soft edge."""
    hair = mesh.region_vertices("scalp").astype(float)
    faces = triangles(mesh)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    i, j = np.concatenate([edges, edges[:, ::-1]]).T
    valence = np.maximum(np.bincount(i, minlength=len(hair)), 1)
    for _ in range(3):
        hair = (hair + np.bincount(i, hair[j], minlength=len(hair)) / valence) / 2
    return np.where(mesh.region_vertices("ear.L", "ear.R"), 0, hair)


def _quads(mesh: Mesh) -> np.ndarray:
    return mesh.face_corners.reshape(-1, 4)


def _ring_axis(ring: np.ndarray, toward: np.ndarray) -> np.ndarray:
    """(3,) unit normal of a ring's plane, on the side of a point."""
    axis = np.linalg.svd(ring - ring.mean(axis=0))[2][2]
    return axis * np.sign(axis @ (toward - ring.mean(axis=0)))


def _move(item: bpy.types.Object, vertices: np.ndarray) -> None:
    item.data.vertices.foreach_set("co", vertices.astype(np.float32).ravel())
    item.data.update()
