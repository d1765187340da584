"""Import a take into Blender and export it for a game engine.

With the `bpy` package: `python examples/import_in_blender.py CLIP.dicetake OUTPUT_FOLDER`. In Blender itself, with the
extension enabled, import from `bl_ext.user_default.dice_blender` instead of `dice_blender`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy

from dice_blender.export import export_fbx, export_glb
from dice_blender.scene import import_take


def main() -> None:
    take, output = Path(sys.argv[1]), Path(sys.argv[2])
    output.mkdir(parents=True, exist_ok=True)
    # An empty scene takes over the footage's frame rate, length and resolution; any other keeps its own.
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    # "rigged" is the mode for engines; "per-frame" is exact, "compact" makes few shape keys.
    imported = import_take(take, keys="rigged")
    for warning in imported.warnings:
        print(f"note: {warning}")
    for name, item in imported.objects.items():
        print(f"{name}: the object {item.name!r} with {imported.key_counts[name]} shape keys")
    bpy.ops.wm.save_as_mainfile(filepath=str((output / "scene.blend").absolute()))
    export_fbx(imported.collection, output / "scene.fbx", preset="unity")
    export_glb(imported.collection, output / "scene.glb")
    print(f"wrote scene.blend, scene.fbx and scene.glb into {output}")


if __name__ == "__main__":
    main()
