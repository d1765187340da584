"""The two halves of a transfer that need Blender, without a window: what `dice transfer` runs before and after solving.

`read CHARACTER -o CHARACTER.npz` says what a character is; `apply CHARACTER MOTION.npz --take TAKE -o OUT.blend` gives
it a solved motion. What happens is said as JSON lines on standard output.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from dice_core.errors import DiceError, InputError
from dice_core.take import Take, open_take
from dice_core.transfer.files import read_motion, write_character

from .character.applying import apply_motion, check_ik
from .character.files import SUFFIXES, open_character
from .character.landmarks import read_landmarks
from .character.mapping import CharacterMap, load_map
from .character.objects import CharacterObjects, find_objects
from .character.own_timing import own_timing
from .character.reading import find_map, read_character
from .character.take_source import source_of
from .export import export_fbx, export_glb
from .export.presets import DEFAULT_PRESET, preset_of
from .headless import check_writable, say
from .scene.timing import split_fps

__all__ = ["main"]

_FAILED = 1


def main(arguments: Sequence[str]) -> int:
    """Exit status: 0 when all files are written, 2 for bad input, 1 for a failure."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except DiceError as error:
        say("error", message=str(error))
        return error.exit_status
    except (RuntimeError, OSError) as error:
        # Blender's operators raise RuntimeError with its own report.
        say("error", message=str(error).strip().replace("\n", " "))
        return _FAILED
    return 0


def _read(options: argparse.Namespace) -> None:
    scene, objects, mapping = _opened(options, open_take(options.take))
    read = read_character(objects, mapping, scene, read_landmarks(scene))
    if options.arms == "ik":
        check_ik(read)
    write_character(options.output, read.character)
    say(
        "done",
        character=str(options.output),
        convention=mapping.convention,
        bones=len(read.rig.roles),
        expressions=len({expression.source for expression in mapping.expressions}),
        vertices=len(read.character.vertices),
    )


def _apply(options: argparse.Namespace) -> None:
    preset_of(options.preset)
    for path in (options.output, options.fbx, options.glb):
        if path is not None:
            check_writable(path)
    take, motion = open_take(options.take), read_motion(options.motion)
    scene, objects, mapping = _opened(options, take)
    if options.character.suffix.lower() != ".blend" and take.fps > 0:
        scene.render.fps, scene.render.fps_base = split_fps(take.fps)
    read = read_character(objects, mapping, scene, read_landmarks(scene))
    times = np.round(own_timing(take, scene).scene_frames(motion.frame), 3)
    applied = apply_motion(read, motion, source_of(take), times, scene, nla=options.nla, ik=options.arms == "ik")
    for message in applied.warnings:
        say("warning", message=message)
    if options.character.suffix.lower() != ".blend":
        scene.frame_end = int(np.ceil(times[-1]))
    bpy.ops.wm.save_as_mainfile(filepath=str(options.output), compress=True)
    for path, write in ((options.fbx, export_fbx), (options.glb, export_glb)):
        if path is not None:
            _export(write, path, objects, options.preset)
    say(
        "done",
        blend=str(options.output),
        fbx=None if options.fbx is None else str(options.fbx),
        glb=None if options.glb is None else str(options.glb),
        touches=len(motion.touches),
        lost=applied.lost,
    )


def _export(write: Any, path: Path, objects: CharacterObjects, preset: str) -> None:
    """Write what is seen of a character, through a collection that holds it alone."""
    collection = bpy.data.collections.new(objects.armature.name)
    assert bpy.context.scene is not None
    bpy.context.scene.collection.children.link(collection)
    try:
        for item in (*objects.armatures, *objects.meshes):
            collection.objects.link(item)
        for message in write(collection, path, preset=preset).warnings:
            say("warning", message=f"{path.name}: {message}")
    finally:
        bpy.data.collections.remove(collection)


def _opened(options: argparse.Namespace, take: Take) -> tuple[bpy.types.Scene, CharacterObjects, CharacterMap]:
    open_character(options.character)
    scene = bpy.context.scene
    assert scene is not None

    def named(option: str) -> bpy.types.Object | None:
        name = getattr(options, option)
        if name is None:
            return None
        if name not in scene.objects:
            raise InputError(f"{options.character.name} has no object {name}: name one of its objects.")
        return scene.objects[name]

    hands = [hand for hand in (named("hand_left"), named("hand_right")) if hand is not None]
    objects = find_objects(scene, armature=named("armature"), head=named("head"), hands=hands)
    found = find_map(objects, source_of(take))
    if options.map is not None:
        given = load_map(options.map)
        found = CharacterMap(given.bones or found.bones, given.expressions or found.expressions, found.convention)
    return scene, objects, found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dice_blender.transfer_headless")
    steps = parser.add_subparsers(required=True)
    for name, run in (("read", _read), ("apply", _apply)):
        step = steps.add_parser(name)
        step.set_defaults(run=run)
        step.add_argument("character", type=_absolute, help=", ".join(SUFFIXES))
        if name == "apply":
            step.add_argument("motion", type=_absolute)
            step.add_argument("--fbx", type=_absolute)
            step.add_argument("--glb", type=_absolute)
            step.add_argument("--preset", default=DEFAULT_PRESET)
            step.add_argument("--nla", action="store_true")
        step.add_argument("--take", type=_absolute, required=True)
        step.add_argument("-o", "--output", type=_absolute, required=True)
        for part in ("head", "hand-left", "hand-right", "armature"):
            step.add_argument(f"--{part}")
        step.add_argument("--map", type=_absolute)
        step.add_argument("--arms", choices=("fk", "ik"), default="fk")
    return parser


def _absolute(path: str) -> Path:
    """An absolute path, since Blender reads a relative one as relative to the .blend."""
    return Path(path).absolute()


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Blender 4.2 crashes while Python shuts down after a glTF export.
    os._exit(status)
