"""Imported takes to FBX and GLB, without touching the user's scene.

`workshop` copies a take's objects into a scene of their own, `sampling` reads their motion frame by frame, `skeleton`
gives a game engine the one skeleton that it wants; `fbx` and `gltf` write the files.
"""

from .fbx import PRESETS, export_fbx
from .gltf import export_glb

__all__ = ["PRESETS", "export_fbx", "export_glb"]
