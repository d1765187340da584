"""Imported takes to FBX and GLB as they are seen, without changing the user's scene.

`export_scene` copies what a take shows (`visibility`) over its frames (`frame_range`) into a scene of their own;
`sampling` reads how Blender evaluates it frame by frame; `arrange` makes of that what is written, by objects
(`body_motion`) or by the `bones` of a `skeleton`, with the `shapes` and the `carriers` that move them, under `names`
that the file has once; `written` puts these steps together, `fbx` and `gltf` write the files, and `presets` says how
each program wants them.
"""

from .fbx import export_fbx
from .gltf import export_glb
from .presets import FRAME_RANGES, PRESETS
from .written import ExportReport

__all__ = ["FRAME_RANGES", "PRESETS", "ExportReport", "export_fbx", "export_glb"]
