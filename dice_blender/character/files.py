"""A character's file into Blender: .blend as it is, FBX and glTF into an empty scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from dice_core.errors import InputError

__all__ = ["SUFFIXES", "open_character"]

SUFFIXES = (".blend", ".fbx", ".glb", ".gltf")


def open_character(path: Path) -> None:
    """Open a .blend, or import another file into an empty scene.

    Raises InputError where the file is missing, of another kind or damaged.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{path.name} is no character that can be opened: give a {', '.join(SUFFIXES)} file.")
    if not path.is_file():
        raise InputError(f"There is no file {path}: give the character's .blend, .fbx or .glb.")
    try:
        if suffix == ".blend":
            bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
            return
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        if suffix == ".fbx":
            _import_fbx(path)
        else:
            # Bones as artists know them, each towards the next, instead of the file's own axes.
            bpy.ops.import_scene.gltf(filepath=str(path), bone_heuristic="TEMPERANCE")
    except RuntimeError as error:
        reason = " ".join(str(error).split()) or "it is damaged"
        raise InputError(
            f"{path.name} cannot be opened ({reason}): save it anew in the program it comes from."
        ) from error


def _import_fbx(path: Path) -> None:
    operators: Any = bpy.ops
    if hasattr(bpy.types, "WM_OT_fbx_import"):
        operators.wm.fbx_import(filepath=str(path))
    else:
        operators.import_scene.fbx(filepath=str(path))
