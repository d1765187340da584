"""Materials of the sample: skin, eyes, the inside of the mouth, cloth and wall.

Colours and strengths were set by hand, by the look of the pictures.
"""

from __future__ import annotations

import bpy

__all__ = ["cloth", "eye_material", "flesh", "skin_material", "wall"]

HAIR = (0.018, 0.011, 0.008, 1.0)
BARE_HAND = (0.57, 0.315, 0.235, 1.0)
"""Linear RGB. The palm's side, which no picture covers, is a little redder than the back."""

SCATTER_METRES = 0.004
"""How far red light goes under the skin."""


def skin_material(name: str, picture: bpy.types.Image, *, hair: bool) -> bpy.types.Material:
    """Skin with light under it and pores; `hair` : cropped hair where the attribute of this name says."""
    material, nodes, shader = _principled(name)
    links = material.node_tree.links
    texture = _picture(material, picture)
    rest = nodes.new("ShaderNodeAttribute")
    rest.attribute_name = "rest"
    share = nodes.new("ShaderNodeAttribute")
    share.attribute_name = "hair" if hair else "painted"
    mix = nodes.new("ShaderNodeMix")
    mix.data_type = "RGBA"
    if hair:
        links.new(_speckled(material, share.outputs["Fac"], rest.outputs["Vector"]), mix.inputs["Factor"])
        links.new(texture.outputs["Color"], mix.inputs["A"])
        mix.inputs["B"].default_value = HAIR
    else:
        links.new(share.outputs["Fac"], mix.inputs["Factor"])
        mix.inputs["A"].default_value = BARE_HAND
        links.new(texture.outputs["Color"], mix.inputs["B"])
    links.new(mix.outputs["Result"], shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = 0.5
    shader.inputs["Specular IOR Level"].default_value = 0.4
    # A fifth faster than random walks, and no visible difference at this size.
    shader.subsurface_method = "BURLEY"
    shader.inputs["Subsurface Weight"].default_value = 0.35
    shader.inputs["Subsurface Radius"].default_value = (1.0, 0.35, 0.2)
    shader.inputs["Subsurface Scale"].default_value = SCATTER_METRES
    _bump(material, shader, rest.outputs["Vector"], scale=900.0, strength=0.12)
    return material


def eye_material(name: str, picture: bpy.types.Image) -> bpy.types.Material:
    """Wet and painted."""
    material, _, shader = _principled(name)
    material.node_tree.links.new(_picture(material, picture).outputs["Color"], shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = 0.08
    return material


def flesh(name: str, colour: tuple[float, float, float]) -> bpy.types.Material:
    """The inside of the mouth."""
    material, _, shader = _principled(name)
    shader.inputs["Base Color"].default_value = (*colour, 1.0)
    shader.inputs["Roughness"].default_value = 0.35
    return material


def cloth(name: str, colour: tuple[float, float, float]) -> bpy.types.Material:
    """Knitted cotton."""
    material, nodes, shader = _principled(name)
    shader.inputs["Base Color"].default_value = (*colour, 1.0)
    shader.inputs["Roughness"].default_value = 0.9
    shader.inputs["Sheen Weight"].default_value = 0.3
    place = nodes.new("ShaderNodeTexCoord")
    _bump(material, shader, place.outputs["Object"], scale=500.0, strength=0.3)
    return material


def wall(name: str, edge: tuple[float, float, float], middle: tuple[float, float, float]) -> bpy.types.Material:
    """A backdrop, brightest behind the head; it shines by itself, which is quick to render and free of noise."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    place, gradient, ramp = (nodes.new(f"ShaderNode{kind}") for kind in ("TexCoord", "TexGradient", "ValToRGB"))
    glow, output = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeOutputMaterial")
    gradient.gradient_type = "QUADRATIC_SPHERE"
    ramp.color_ramp.elements[0].color, ramp.color_ramp.elements[1].color = (*edge, 1.0), (*middle, 1.0)
    links.new(place.outputs["Object"], gradient.inputs["Vector"])
    links.new(gradient.outputs["Fac"], ramp.inputs["Fac"])
    links.new(ramp.outputs["Color"], glow.inputs["Color"])
    links.new(glow.outputs["Emission"], output.inputs["Surface"])
    return material


def _principled(name: str) -> tuple[bpy.types.Material, bpy.types.Nodes, bpy.types.Node]:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes = material.node_tree.nodes
    return material, nodes, nodes["Principled BSDF"]


def _picture(material: bpy.types.Material, picture: bpy.types.Image) -> bpy.types.Node:
    nodes = material.node_tree.nodes
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = picture
    texture.extension = "EXTEND"
    place = nodes.new("ShaderNodeUVMap")
    place.uv_map = "front"
    material.node_tree.links.new(place.outputs["UV"], texture.inputs["Vector"])
    return texture


def _speckled(
    material: bpy.types.Material, share: bpy.types.NodeSocket, place: bpy.types.NodeSocket
) -> bpy.types.NodeSocket:
    """Hairs that get rarer toward the edge: the share, sharpened by noise a third of a millimetre fine."""
    nodes, links = material.node_tree.nodes, material.node_tree.links
    noise = nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = 1500.0
    links.new(place, noise.inputs["Vector"])
    total = nodes.new("ShaderNodeMath")
    total.operation = "MULTIPLY_ADD"
    links.new(share, total.inputs[0])
    total.inputs[1].default_value = 1.3
    links.new(noise.outputs["Fac"], total.inputs[2])
    ramp = nodes.new("ShaderNodeMapRange")
    ramp.inputs["From Min"].default_value, ramp.inputs["From Max"].default_value = 0.85, 1.35
    ramp.inputs["To Max"].default_value = 0.92
    links.new(total.outputs["Value"], ramp.inputs["Value"])
    return ramp.outputs["Result"]


def _bump(
    material: bpy.types.Material,
    shader: bpy.types.Node,
    place: bpy.types.NodeSocket,
    *,
    scale: float,
    strength: float,
) -> None:
    nodes, links = material.node_tree.nodes, material.node_tree.links
    noise = nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = scale
    noise.inputs["Detail"].default_value = 1.0
    links.new(place, noise.inputs["Vector"])
    bump = nodes.new("ShaderNodeBump")
    bump.inputs["Strength"].default_value = strength
    bump.inputs["Distance"].default_value = 0.0004
    links.new(noise.outputs["Fac"], bump.inputs["Height"])
    links.new(bump.outputs["Normal"], shader.inputs["Normal"])
