"""Pictures on the skin: the packaged neutral one, and those that are baked from footage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from dice_core.errors import InputError
from dice_core.skins import skin_picture

from .object_data import mesh_of, tree_of
from .parts import MESH_PROPERTY, parts_in

__all__ = ["PICTURE", "pictures_of", "show_picture", "show_textures", "skin_image"]

PICTURE = "dice_skin"
"""Custom property of the images that are skins: the layout of a packaged one, or the mesh that a baked one is for."""
_NODE = "DICE Skin"
"""Of the node in a skin's material that shows the picture."""


def skin_image(layout: str) -> bpy.types.Image | None:
    """The packaged skin for a layout of UVs, packed into the file, one for all bodies; None where there is none."""
    path = skin_picture(layout)
    if path is None:
        return None
    known = next((image for image in bpy.data.images if image.get(PICTURE) == layout and image.library is None), None)
    if known is not None:
        return known
    image = bpy.data.images.load(str(path))
    image.name = layout.replace("_", " ").title()
    image.pack()
    image[PICTURE] = layout
    return image


def show_textures(collection: bpy.types.Collection, folder: Path) -> list[str]:
    """Have the skins of an import show the baked pictures in a folder; they are packed into the file.

    Pictures that were shown before go, where nothing else uses them. Returns the names of the meshes that got one.
    Raises InputError where there is none for any of them, or one cannot be read; nothing is changed then.
    """
    bodies = {str(item[MESH_PROPERTY]): item for item in parts_in(collection).values() if item.get(MESH_PROPERTY)}
    loaded: dict[str, bpy.types.Image] = {}
    try:
        for name, item in bodies.items():
            path = folder / f"{name}.png"
            if path.is_file():
                image: Any = bpy.data.images.load(str(path))
                image.name = f"{item.name} Skin"
                loaded[name] = image
                image[PICTURE] = name
                if not image.has_data and not image.size[0]:
                    raise InputError(f"{path} cannot be read: bake the texture again.")
                image.pack()
        skins = {name: _skin_of(bodies[name]) for name in loaded}
        if not loaded or not any(skins.values()):
            raise InputError(f"There is no texture for this take in {folder}: bake it again.")
    except (InputError, RuntimeError) as error:
        bpy.data.batch_remove(set(loaded.values()))
        raise InputError(str(error).strip()) from error
    for name, image in loaded.items():
        skin = skins[name]
        if skin is None:
            bpy.data.images.remove(image)
            continue
        before = pictures_of(skin)
        show_picture(skin, image)
        bpy.data.batch_remove({picture for picture in before if not picture.users})
    return [name for name in loaded if skins[name] is not None]


def _skin_of(item: bpy.types.Object) -> bpy.types.Material | None:
    """The material that shows an object's skin: the first with a Principled shader."""
    for material in mesh_of(item).materials:
        if material is not None and any(node.type == "BSDF_PRINCIPLED" for node in tree_of(material).nodes):
            return material
    return None


def pictures_of(material: bpy.types.Material) -> list[bpy.types.Image]:
    """The skins that a material shows."""
    if material.node_tree is None:
        return []
    images = [getattr(node, "image", None) for node in material.node_tree.nodes]
    return list(dict.fromkeys(image for image in images if image is not None and image.get(PICTURE)))


def show_picture(material: bpy.types.Material, image: bpy.types.Image) -> bool:
    """Have a material's skin show a picture in the mesh's UVs. Returns False where it has no Principled shader."""
    tree = tree_of(material)
    shader: Any = next((node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"), None)
    if shader is None:
        return False
    node: Any = tree.nodes.get(_NODE)
    if node is None:
        node = tree.nodes.new("ShaderNodeTexImage")
        node.name = node.label = _NODE
        node.location = (shader.location[0] - 350, shader.location[1])
    node.image = image
    node.extension = "EXTEND"  # UVs beside the picture, as of the back of a head, have the colour of its edge
    tree.links.new(node.outputs["Color"], shader.inputs["Base Color"])
    return True
