"""Read transferred characters' FBX and GLB files with three.js, and compare what it finds with what Blender shows.

    python tools/check_transfers.py RESULT.blend FILE.fbx [FILE.glb ...] --modules node_modules [--pictures FOLDER]

RESULT.blend and the files come from one `dice transfer --fbx --glb`. Needs, besides bpy and scipy: a Chromium, and
`npm install three` for `--modules`. Prints a line a file, and below it what else was seen; exit status 1 where a
surface is missing, inside out, or 0.5 mm or more off.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dice_blender.character.objects import find_objects
from dice_blender.scene.animation import curves_of
from tools.export_check.browser import read_with_three
from tools.export_check.case import case_of
from tools.export_check.pictures import view_of
from tools.export_check.readers import check_three

# Millimetres, and metres from which the face is seen.
_LIMIT, _DISTANCE = 0.5, 0.9
_SERIOUS = ("finds no", "inside out")  # of the faults; materials and doubled names are the character's own


@dataclass
class _Character:
    """What the reader's helpers need of a take. objects : meshes by name; camera : what the picture is seen through."""

    objects: dict[str, bpy.types.Object]
    camera: bpy.types.Object


def main() -> int:
    """Exit status."""
    options = _parser().parse_args()
    bpy.ops.wm.open_mainfile(filepath=str(options.blend.absolute()))
    objects = find_objects(bpy.context.scene)
    times = [curve.range() for curve in curves_of(objects.armature)]
    first, last = round(min(time[0] for time in times)), round(max(time[1] for time in times))
    camera = bpy.data.objects.new("View", bpy.data.cameras.new("View"))
    bpy.context.scene.collection.objects.link(camera)
    character = _Character({item.name: item for item in objects.meshes}, camera)
    _aim(camera, objects.head, (first + last) // 2)
    folder = options.files[0].absolute().parent
    cases = [case_of(character, path, first, last) for path in options.files]
    for case in cases:
        case.view = view_of(character, (last - first) // 2, first)
    jobs = [{"id": c.path.name, "url": f"/files/{c.path.name}", "seconds": c.seconds, "view": c.view} for c in cases]
    found = read_with_three(jobs, folder, options.modules.resolve(), options.chromium, 120.0 + 60.0 * len(cases))
    if options.pictures is not None:
        options.pictures.mkdir(parents=True, exist_ok=True)
    wrong = False
    for case in cases:
        check_three(case, found[case.path.name], options.pictures)
        distance = case.distances.get("three.js", float("inf"))
        wrong |= not distance < _LIMIT or any(kind in fault for kind in _SERIOUS for fault in case.faults)
        print(f"{case.path.name}: three.js {distance:.3f} mm")
        for fault in case.faults:
            print(f"  {fault}")
    return int(wrong)


def _aim(camera: bpy.types.Object, head: bpy.types.Object, frame: int) -> None:
    """Look at the upper part of a character from its right."""
    scene = bpy.context.scene
    scene.frame_set(frame)
    shown = head.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = np.array([list(shown.matrix_world @ vertex.co) for vertex in shown.data.vertices])
    top = points[points[:, 2] > points[:, 2].max() - 0.25]
    towards = Vector((-0.7, -0.7, 0.05)).normalized()
    camera.location = Vector(top.mean(axis=0)) + towards * _DISTANCE
    camera.rotation_euler = (-towards).to_track_quat("-Z", "Y").to_euler()
    scene.render.resolution_x = scene.render.resolution_y = 420
    bpy.context.view_layer.update()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("blend", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--modules", type=Path, required=True, help="node_modules with three")
    parser.add_argument("--chromium", default="chromium")
    parser.add_argument("--pictures", type=Path, help="write three.js's pictures here")
    return parser


if __name__ == "__main__":
    sys.exit(main())
