"""A take to a .blend, and to an FBX and a GLB, in a Blender without a window: what `dice blend` runs.

Says what it does as JSON lines on standard output, among whatever Blender prints there.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import bpy

from dice_core.errors import DiceError, InputError
from dice_core.take import open_take

from .export import export_fbx, export_glb
from .export.presets import DEFAULT_PRESET, DEFAULT_RANGE, preset_of, range_of
from .scene import ImportedTake, import_take
from .scene.keys import DEFAULT_KEYS, key_mode
from .scene.object_data import tree_of

__all__ = ["ExportOptions", "check_writable", "main", "run", "say"]

_FAILED = 1
# Linear grey of the world, and watts per square metre of the sun above the camera's left shoulder. Set by hand.
_WORLD_GREY = 0.25
_SUN_STRENGTH = 3.0
_SUN_ANGLES = (math.radians(50), math.radians(-20), 0.0)


def main(arguments: Sequence[str]) -> int:
    """Exit status: 0 when all files are written, 2 for bad input, 1 for a failure."""
    options = _parser().parse_args(arguments)
    try:
        run(
            options.take,
            options.output,
            keys=options.keys,
            fbx=options.fbx,
            glb=options.glb,
            export=ExportOptions(options.preset, options.frames, options.at_origin, options.camera),
        )
    except DiceError as error:
        say("error", message=str(error))
        return error.exit_status
    except (RuntimeError, OSError) as error:
        # Blender's operators raise RuntimeError with its own report.
        say("error", message=str(error).strip().replace("\n", " "))
        return _FAILED
    return 0


@dataclass(frozen=True)
class ExportOptions:
    """How FBX and GLB are written: the arguments of `export_fbx`."""

    preset: str = DEFAULT_PRESET
    frames: str = DEFAULT_RANGE
    at_origin: bool = False
    camera: bool = False


def run(
    take: Path, output: Path, *, keys: str, fbx: Path | None, glb: Path | None, export: ExportOptions
) -> ImportedTake:
    """Make the files.

    keys : a name of `KEY_MODES`.
    Raises DiceError for an unknown name, a take that cannot be read or a file that cannot be written.
    """
    key_mode(keys)
    preset_of(export.preset)
    range_of(export.frames)
    for path in (output, fbx, glb):
        if path is not None:
            check_writable(path)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    imported = import_take(open_take(take), keys=keys)
    for message in imported.warnings:
        say("warning", message=message)
    assert bpy.context.scene is not None
    _light(bpy.context.scene)
    _look_through_camera()
    bpy.ops.wm.save_as_mainfile(filepath=str(output), compress=True)
    for path, write in ((fbx, export_fbx), (glb, export_glb)):
        if path is not None:
            for message in write(imported.collection, path, **asdict(export)).warnings:
                say("warning", message=f"{path.name}: {message}")
    say(
        "done",
        blend=str(output),
        fbx=None if fbx is None else str(fbx),
        glb=None if glb is None else str(glb),
        keys=keys,
        meshes={
            name: {"keys": imported.key_counts[name], "error_mm": round(imported.errors[name] * 1000, 4)}
            for name in imported.objects
        },
    )
    return imported


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dice_blender.headless")
    parser.add_argument("take", type=Path)
    parser.add_argument("-o", "--output", type=_absolute, required=True)
    parser.add_argument("--keys", default=DEFAULT_KEYS)
    parser.add_argument("--fbx", type=_absolute)
    parser.add_argument("--preset", default=DEFAULT_PRESET)
    parser.add_argument("--glb", type=_absolute)
    parser.add_argument("--frames", default=DEFAULT_RANGE)
    parser.add_argument("--at-origin", action="store_true")
    parser.add_argument("--camera", action="store_true")
    return parser


def _absolute(path: str) -> Path:
    """An absolute path, since Blender reads a relative one as relative to the .blend."""
    return Path(path).absolute()


def check_writable(path: Path) -> None:
    """Make the folder of a file that is going to be written, and make sure that the file can be.

    Raises InputError where it cannot.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
        if path.stat().st_size == 0:
            path.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path} cannot be written ({reason}): choose another output.") from error


def _light(scene: bpy.types.Scene) -> None:
    """Light for a scene that has none, so that a render shows something."""
    world = bpy.data.worlds.new("World")
    scene.world = world
    background: Any = next(node for node in tree_of(world).nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value = (_WORLD_GREY, _WORLD_GREY, _WORLD_GREY, 1.0)
    sun: Any = bpy.data.lights.new("Light", "SUN")
    sun.energy = _SUN_STRENGTH
    item = bpy.data.objects.new("Light", sun)
    item.rotation_euler = _SUN_ANGLES
    scene.collection.objects.link(item)


def _look_through_camera() -> None:
    """Open the file's 3D views on what the DICE Camera sees."""
    for screen in bpy.data.screens:
        for area in screen.areas:
            for space in area.spaces:
                if isinstance(space, bpy.types.SpaceView3D) and space.region_3d is not None:
                    space.region_3d.view_perspective = "CAMERA"


def say(event: str, **values: Any) -> None:
    """One JSON line on standard output."""
    sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Blender 4.2 crashes while Python shuts down after a glTF export; by now every file is written.
    os._exit(status)
