"""Materials of an export: copies under names of their own, reduced to what every reader finds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..scene.object_data import mesh_of
from .export_scene import ExportScene

__all__ = ["colour_for_fbx", "own_materials", "pictures_for_usd"]

_COLOUR = "Color"


def own_materials(copies: ExportScene, meshes: Sequence[bpy.types.Object]) -> list[bpy.types.Material]:
    """Give the meshes copies of their materials, each with its Principled shader at the output, and return these."""
    made: dict[bpy.types.Material, bpy.types.Material] = {}
    for item in meshes:
        for slot in item.material_slots:
            material = slot.material
            if material is None:
                continue
            if material not in made:
                copy = material.copy()
                assert copy is not None
                copies.loan.give(copy, copies.names.unused(material.name))
                _expose_principled(copy)
                made[material] = copy
            slot.material = made[material]
    return list(made.values())


def colour_for_fbx(materials: Sequence[bpy.types.Material], meshes: Sequence[bpy.types.Object]) -> None:
    """Have colours arrive as Blender shows them: readers take an FBX file's colours as sRGB, and multiply what is
    given by the material, its texture and the vertices. Blender's exporter writes linear values, and all three.
    """
    for item in meshes:
        _keep_used_colours(item)
    for material in materials:
        shader = _principled(material)
        _encode(material)
        if shader is not None:
            colour = shader.inputs["Base Color"]
            value = (1.0, 1.0, 1.0) if colour.is_linked else _srgb(colour.default_value[:3])
            colour.default_value = (*value, 1.0)


def pictures_for_usd(materials: Sequence[bpy.types.Material]) -> None:
    """Give materials copies of their packed pictures whose files are called as the pictures are: Blender's exporter
    writes a packed picture by its path, and refers to it by its name.
    """
    made: dict[bpy.types.Image, bpy.types.Image] = {}
    for material in materials:
        nodes: Any = () if material.node_tree is None else material.node_tree.nodes
        for node in nodes:
            image = getattr(node, "image", None)
            if image is None or image.packed_file is None:
                continue
            if image not in made:
                made[image] = image.copy()
                path = f"//{made[image].name}{Path(image.filepath_raw).suffix}"
                made[image].filepath_raw = path
                for packed in made[image].packed_files:
                    packed.filepath = path
            node.image = made[image]


def _encode(material: Any) -> None:
    """The colour that Blender's exporter takes where a material has no Principled shader."""
    *colour, alpha = material.diffuse_color
    material.diffuse_color = (*_srgb(colour), alpha)


def _keep_used_colours(item: bpy.types.Object) -> None:
    """Leave a mesh with the vertex colours that its materials show, white where they show none."""
    mesh: Any = mesh_of(item)
    if not len(mesh.color_attributes):
        return
    shown = [_shown_attribute(slot.material, mesh) for slot in item.material_slots]
    slots = np.zeros(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", slots)
    sizes = np.zeros(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("loop_total", sizes)
    slots = np.repeat(slots, sizes)
    colours = np.ones((len(mesh.loops), 4), np.float32)
    for index, name in enumerate(shown):
        if name is not None:
            colours[slots == index] = _corner_colours(mesh, name)[slots == index]
    for name in [attribute.name for attribute in mesh.color_attributes]:
        mesh.color_attributes.remove(mesh.color_attributes[name])
    if any(name is not None for name in shown):
        kept = mesh.color_attributes.new(_COLOUR, "FLOAT_COLOR", "CORNER")
        kept.data.foreach_set("color", colours.ravel())


def _shown_attribute(material: bpy.types.Material | None, mesh: Any) -> str | None:
    """Name of the colour attribute that a material shows as its base colour."""
    shader = None if material is None else _principled(material)
    if shader is None or not shader.inputs["Base Color"].is_linked:
        return None
    node = shader.inputs["Base Color"].links[0].from_node
    if node.type == "VERTEX_COLOR":
        active = mesh.color_attributes[mesh.color_attributes.render_color_index].name
        name = node.layer_name or active
    elif node.type == "ATTRIBUTE":
        name = node.attribute_name
    else:
        return None
    return name if name in mesh.color_attributes else None


def _corner_colours(mesh: Any, name: str) -> np.ndarray:
    """(corners, 4) linear RGBA."""
    attribute = mesh.color_attributes[name]
    flat = np.empty(len(attribute.data) * 4, np.float32)
    attribute.data.foreach_get("color", flat)
    colours = flat.reshape(-1, 4)
    if attribute.domain == "CORNER":
        return colours
    vertices = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", vertices)
    corners: np.ndarray = colours[vertices]
    return corners


def _expose_principled(material: bpy.types.Material) -> None:
    """Put a material's Principled shader at its output: exporters look for it there alone."""
    shader, output = _principled(material), _output(material)
    if shader is not None and output is not None:
        assert material.node_tree is not None
        material.node_tree.links.new(shader.outputs[0], output.inputs["Surface"])


def _principled(material: bpy.types.Material) -> Any:
    """The first Principled shader on the way to the output, None where there is none."""
    output = _output(material)
    waiting = [] if output is None else [output.inputs["Surface"]]
    while waiting:
        socket = waiting.pop(0)
        for link in socket.links:
            if link.from_node.type == "BSDF_PRINCIPLED":
                return link.from_node
            waiting += [other for other in link.from_node.inputs if other.type == "SHADER"]
    return None


def _output(material: bpy.types.Material) -> Any:
    tree = material.node_tree
    if tree is None:
        return None
    outputs: list[Any] = [node for node in tree.nodes if node.type == "OUTPUT_MATERIAL"]
    return next((node for node in outputs if node.is_active_output), outputs[0] if outputs else None)


def _srgb(linear: Sequence[float]) -> list[float]:
    """Linear RGB as sRGB (IEC 61966-2-1)."""
    values = np.clip(np.asarray(linear, float), 0.0, 1.0)
    encoded: list[float] = np.where(values <= 0.0031308, 12.92 * values, 1.055 * values ** (1 / 2.4) - 0.055).tolist()
    return encoded
