"""Textures of head and hands from the footage of a take, in the UVs of their meshes."""

from dice_core.texture.bake import BakedTextures, bake_textures

__all__ = ["BakedTextures", "bake_textures"]
