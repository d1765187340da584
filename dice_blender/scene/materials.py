"""Neutral materials that can show contact."""

from __future__ import annotations

import bpy

from .contact import CONTACT_ATTRIBUTE, CONTACT_PROPERTY

__all__ = ["SHOW_CONTACT", "skin_material"]

SHOW_CONTACT = "show_contact"
"""Custom property of a mesh object: 0 neutral skin, 1 contact in colour."""

# Linear RGB.
_SKIN = {"head": (0.62, 0.38, 0.28), "hand_left": (0.60, 0.36, 0.27), "hand_right": (0.60, 0.36, 0.27)}
_CONTACT = (0.9, 0.05, 0.02, 1.0)
_ROUGHNESS = 0.55


def skin_material(item: bpy.types.Object, mesh_name: str) -> bpy.types.Material:
    """A skin-like material; contact shows in red as far as the object's `show_contact` property says.

    The red is the attribute `contact` (largest over the take) times the object's keyed property `contact` (this frame).
    """
    material = bpy.data.materials.new(f"{item.name} Skin")
    if material.node_tree is None:
        material.use_nodes = True
    colour = (*_SKIN[mesh_name], 1.0)
    material.diffuse_color = colour
    material.roughness = _ROUGHNESS
    tree = material.node_tree
    skin = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
    skin.inputs["Base Color"].default_value = colour
    skin.inputs["Roughness"].default_value = _ROUGHNESS
    touch = tree.nodes.new("ShaderNodeBsdfDiffuse")
    touch.inputs["Color"].default_value = _CONTACT
    vertex = _attribute(tree, "GEOMETRY", CONTACT_ATTRIBUTE, (-1000, 500))
    moment = _attribute(tree, "OBJECT", CONTACT_PROPERTY, (-1000, 300))
    switch = _attribute(tree, "OBJECT", SHOW_CONTACT, (-1000, 100))
    product = _multiply(tree, vertex, moment, (-750, 400))
    amount = _multiply(tree, product, switch, (-550, 300))
    # Whole shaders are mixed, not colours, and there is one Principled shader: exporters find the skin's plain colour.
    mix = tree.nodes.new("ShaderNodeMixShader")
    tree.links.new(amount, mix.inputs[0])
    tree.links.new(skin.outputs[0], mix.inputs[1])
    tree.links.new(touch.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], output.inputs["Surface"])
    skin.location, touch.location, mix.location, output.location = (-300, 200), (-300, -200), (50, 300), (300, 300)
    item[SHOW_CONTACT] = 0.0
    item.id_properties_ui(SHOW_CONTACT).update(
        min=0.0, max=1.0, description="How far the material shows contact in colour"
    )
    item.data.materials.append(material)
    return material


def _attribute(tree: bpy.types.NodeTree, kind: str, name: str, location: tuple[float, float]) -> bpy.types.NodeSocket:
    node = tree.nodes.new("ShaderNodeAttribute")
    node.attribute_type = kind
    node.attribute_name = name
    node.location = location
    return node.outputs["Fac"]


def _multiply(
    tree: bpy.types.NodeTree, a: bpy.types.NodeSocket, b: bpy.types.NodeSocket, location: tuple[float, float]
) -> bpy.types.NodeSocket:
    node = tree.nodes.new("ShaderNodeMath")
    node.operation = "MULTIPLY"
    node.location = location
    tree.links.new(a, node.inputs[0])
    tree.links.new(b, node.inputs[1])
    return node.outputs[0]
