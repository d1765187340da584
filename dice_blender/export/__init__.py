"""Imported takes to FBX, GLB, Alembic and USD as they are seen, without changing the user's scene.

`export_scene` copies what a take shows (`visibility`) over its frames (`frame_range`) into a scene of their own;
`sampling` reads how Blender evaluates it frame by frame; `arrange` makes of that what is written, by objects
(`body_motion`) or by the `bones` of a `skeleton`, with the `shapes` and the `carriers` that move them, under `names`
that the file has once; `written` puts these steps together, `fbx`, `gltf` and `caches` write the files, and `presets`
says how each program wants them. `seen` compares what is shown before and after a change.
"""

from .caches import USD_SUFFIXES, export_alembic, export_usd
from .fbx import export_fbx
from .gltf import export_glb
from .presets import FRAME_RANGES, PRESETS
from .written import ExportReport

__all__ = [
    "FRAME_RANGES",
    "PRESETS",
    "USD_SUFFIXES",
    "ExportReport",
    "export_alembic",
    "export_fbx",
    "export_glb",
    "export_usd",
]
