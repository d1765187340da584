"""Read exported files with readers that are not Blender's, and compare what they find with what Blender shows.

    python tools/check_exports.py TAKE --modules node_modules --ufbx FOLDER [--pictures FOLDER] [--only unity-rigged]

Every preset as FBX and GLB, in every key mode, as imported and once more after a user's edits. Needs, besides bpy and
scipy: a Chromium, `npm install three gltf-validator` for `--modules`, node, a C compiler, and for `--ufbx` a folder
with ufbx.c and ufbx.h (github.com/ufbx/ufbx). With `assimp-py` installed, assimp reads the files as well.
Prints a line a file; exit status 1 where a surface is 0.5 mm or more off, a name is missing, or a reader complains.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dice_blender.export import PRESETS, export_fbx, export_glb
from dice_blender.scene import KEY_MODES, import_take
from tools.export_check.browser import read_with_three
from tools.export_check.case import Case, case_of
from tools.export_check.edits import edit
from tools.export_check.pictures import blender_picture, view_of
from tools.export_check.readers import check_assimp, check_three, check_ufbx, check_validator, compiled_ufbx

_EXPORTS = {".fbx": export_fbx, ".glb": export_glb}


def main() -> int:
    """Exit status."""
    options = _parser().parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dice-exports-")) if options.folder is None else options.folder
    folder.mkdir(parents=True, exist_ok=True)
    cases = list(_cases(options, folder))
    jobs = [{"id": c.path.name, "url": f"/files/{c.path.name}", "seconds": c.seconds, "view": c.view} for c in cases]
    three = read_with_three(jobs, folder, options.modules.resolve(), options.chromium, 60.0 + 30.0 * len(cases))
    reader = compiled_ufbx(options.ufbx, folder)
    for case in cases:
        check_three(case, three[case.path.name], options.pictures)
        if case.path.suffix == ".fbx":
            check_ufbx(case, reader)
        else:
            check_validator(case, options.modules)
        check_assimp(case)
        worst = ", ".join(f"{reader} {distance:.3f} mm" for reader, distance in case.distances.items())
        print(f"{'WRONG' if case.faults else 'RIGHT'} {case.path.name}: {worst}", flush=True)
        for fault in case.faults[:6]:
            print(f"      {fault}")
    if options.folder is None:
        shutil.rmtree(folder)
    return int(any(case.faults for case in cases))


def _cases(options: argparse.Namespace, folder: Path) -> Iterator[Case]:
    """Each file as soon as it is written, while its take is in Blender."""
    for edited in (False, True):
        for keys in KEY_MODES:
            end = f"-{keys}{'-edited' if edited else ''}"
            names = [(preset, f"{preset}{end}{suffix}") for preset in PRESETS for suffix in _EXPORTS]
            names = [(preset, name) for preset, name in names if not options.only or options.only in name]
            if not names:
                continue
            bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
            imported = import_take(options.take, keys=keys, start_frame=11)
            if edited:
                edit(imported)
            for preset, name in names:
                report = _EXPORTS[Path(name).suffix](imported.collection, folder / name, preset=preset)
                for warning in report.warnings:
                    print(f"      {name}: {warning}")
                case = case_of(imported, folder / name, report.first, report.last)
                case.influences = PRESETS[preset].influences
                if options.pictures is not None:
                    case.view = view_of(imported, options.frame, report.first)
                    blender_picture(options.pictures / f"{end[1:]}-blender.png")
                yield case


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("take", type=Path)
    parser.add_argument("--modules", type=Path, required=True, help="node_modules with three and gltf-validator")
    parser.add_argument("--ufbx", type=Path, required=True, help="folder with ufbx.c and ufbx.h")
    parser.add_argument("--chromium", default="chromium")
    parser.add_argument("--folder", type=Path, help="keep the files here")
    parser.add_argument("--pictures", type=Path, help="write pictures here: three.js's of each file, and Blender's")
    parser.add_argument("--frame", type=int, default=36, help="frame of the take that the pictures show")
    parser.add_argument("--only", help="files whose names hold this text")
    return parser


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # Blender 4.2 crashes while Python shuts down after a glTF export.
    os._exit(status)
