"""Imported takes to FBX and GLB, without changing the user's scene.

`export_scene` copies a take's objects into a scene of their own, `sampling` reads their motion frame by frame,
`skeleton` gives a game engine the one skeleton that it needs; `fbx` and `gltf` write the files, and `presets` says how
each program wants its FBX.
"""

from .fbx import export_fbx
from .gltf import export_glb
from .presets import PRESETS

__all__ = ["PRESETS", "export_fbx", "export_glb"]
