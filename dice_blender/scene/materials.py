"""Neutral materials that can show contact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np

from dice_core.geometry.mesh import Mesh

from .contact import CONTACT, CONTACT_REACH, CONTACT_TIME, FRAME_PROPERTY
from .eyes import eye_faces
from .object_data import describe_property, mesh_of, tree_of
from .skin import show_picture, skin_image

__all__ = ["MADE_HERE", "SHOW_CONTACT", "add_materials"]

SHOW_CONTACT = "show_contact"
"""Custom property of a mesh object: 0 neutral skin, 1 contact in colour."""
MADE_HERE = "dice_material"
"""Custom property of the materials that an import has made."""

# Linear RGB and roughness of the parts of a head that are not skin, and the regions that they cover.
_PARTS = {
    "Eyes": (("eyeball.L", "eyeball.R"), (0.75, 0.73, 0.70), 0.15),
    "Mouth": (("mouth_inner", "tongue", "gums"), (0.35, 0.07, 0.06), 0.35),
    "Teeth": (("teeth_upper", "teeth_lower"), (0.75, 0.70, 0.58), 0.2),
    "Lashes": (("lashes.L", "lashes.R"), (0.02, 0.012, 0.009), 0.6),
    "Irises": (("iris.L", "iris.R"), (0.05, 0.085, 0.1), 0.08),
    "Pupils": (("pupil.L", "pupil.R"), (0.005, 0.005, 0.005), 0.08),
}
# Linear RGB, set by hand.
_SKIN = {"head": (0.62, 0.38, 0.28), "hand_left": (0.60, 0.36, 0.27), "hand_right": (0.60, 0.36, 0.27)}
_CONTACT_COLOUR = (0.9, 0.05, 0.02, 1.0)
_ROUGHNESS = 0.55


def add_materials(item: bpy.types.Object, mesh: Mesh, layout: str = "") -> None:
    """Skin, and for a head eyes, mouth and more; on the skin, contact shows as far as the object's `show_contact` says.

    mesh : the body that the object shows; layout : the packaged skin that its UVs are for, "" for a plain colour.
    Materials that the object has already stay as the user has them.
    """
    if item.get(SHOW_CONTACT) is None:
        item[SHOW_CONTACT] = 0.0
        describe_property(item, SHOW_CONTACT, "How far the material shows contact in colour")
    mesh_data = mesh_of(item)
    if len(mesh_data.materials):
        return
    skin = _plain(f"{item.name} Skin", _SKIN[mesh.name], _ROUGHNESS)
    _show_contact(skin)
    picture = skin_image(layout)
    if picture is not None:
        show_picture(skin, picture)
    mesh_data.materials.append(skin)
    slots = np.zeros(len(mesh.face_sizes), np.int32)
    for (name, colour, roughness), faces in _parts(mesh):
        if faces.any():
            slots[faces] = len(mesh_data.materials)
            mesh_data.materials.append(_plain(f"{item.name} {name}", colour, roughness))
    mesh_data.polygons.foreach_set("material_index", slots)


def _parts(mesh: Mesh) -> list[tuple[tuple[str, tuple[float, float, float], float], np.ndarray]]:
    """Name, colour and roughness of what is not skin, and its faces, (F,) bool."""
    starts = np.cumsum(mesh.face_sizes) - mesh.face_sizes
    parts = []
    for name, (regions, colour, roughness) in _PARTS.items():
        covered = mesh.region_vertices(*(region for region in regions if region in mesh.region_names))
        parts.append(((name, colour, roughness), np.logical_and.reduceat(covered[mesh.face_corners], starts)))
    if "iris.L" not in mesh.region_names:  # a take whose irises are faces of the eyeballs
        for name, faces in zip(("Irises", "Pupils"), eye_faces(mesh), strict=True):
            parts.append(((name, *_PARTS[name][1:]), faces))
    return parts


def _plain(name: str, colour: tuple[float, float, float], roughness: float) -> bpy.types.Material:
    """A material of one colour."""
    material: Any = bpy.data.materials.new(name)
    material[MADE_HERE] = True
    material.diffuse_color = (*colour, 1.0)
    material.roughness = roughness
    shader: Any = next(node for node in tree_of(material).nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (*colour, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    return material


def _show_contact(material: bpy.types.Material) -> None:
    """Mix in red where and while vertices are in contact, as far as the object wants it shown."""
    tree = tree_of(material)
    skin = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
    touch: Any = tree.nodes.new("ShaderNodeBsdfDiffuse")
    touch.inputs["Color"].default_value = _CONTACT_COLOUR
    strength = _attribute(tree, "GEOMETRY", CONTACT, (-1000, 600))
    now = _attribute(tree, "OBJECT", FRAME_PROPERTY, (-1000, 400))
    middle = _attribute(tree, "GEOMETRY", CONTACT_TIME, (-1000, 200))
    reach = _attribute(tree, "GEOMETRY", CONTACT_REACH, (-1000, 0))
    switch = _attribute(tree, "OBJECT", SHOW_CONTACT, (-1000, -200))
    touching = _math(tree, "COMPARE", (now, middle, reach), (-750, 300))
    seen = _math(tree, "MULTIPLY", (strength, touching), (-550, 400))
    amount = _math(tree, "MULTIPLY", (seen, switch), (-350, 500))
    # Whole shaders are mixed, not colours, and there is one Principled shader: exporters find the skin's plain colour.
    mix = tree.nodes.new("ShaderNodeMixShader")
    for socket, source in zip(mix.inputs, (amount, skin.outputs[0], touch.outputs[0]), strict=True):
        tree.links.new(source, socket)
    tree.links.new(mix.outputs[0], output.inputs["Surface"])
    skin.location, touch.location, mix.location, output.location = (-300, 200), (-300, -200), (50, 300), (300, 300)


def _attribute(tree: bpy.types.NodeTree, kind: str, name: str, location: tuple[float, float]) -> bpy.types.NodeSocket:
    node: Any = tree.nodes.new("ShaderNodeAttribute")
    node.attribute_type = kind
    node.attribute_name = name
    node.location = location
    socket: bpy.types.NodeSocket = node.outputs["Fac"]
    return socket


def _math(
    tree: bpy.types.NodeTree, operation: str, values: Sequence[bpy.types.NodeSocket], location: tuple[float, float]
) -> bpy.types.NodeSocket:
    node: Any = tree.nodes.new("ShaderNodeMath")
    node.operation = operation
    node.location = location
    for value, socket in zip(values, node.inputs, strict=False):
        tree.links.new(value, socket)
    result: bpy.types.NodeSocket = node.outputs[0]
    return result
