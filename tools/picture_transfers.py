"""Put a take onto every test character, and picture each in a touching frame from two sides: one sheet.

    python tools/picture_transfers.py TAKE FOLDER -o docs/transfer.jpg

FOLDER holds NAME.blend of each character (`tools/make_characters.py`); what `dice transfer` makes of them and the
single pictures go there, too, and are not made again. Cycles, so no graphics card is needed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import bpy
import cv2
import numpy as np
from mathutils import Vector

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dice_blender.character.objects import find_objects
from dice_blender.character.reading import find_map, read_character, unit_of
from dice_blender.character.take_source import TakeSource

SIZE = 260
# Metres from the face, millimetres of the lens, and radians to the character's own left, of the two views. Set by hand.
_DISTANCE, _LENS = 1.2, 75.0
_VIEWS = (-0.35, -1.15)
_COLUMNS = 4
_QUALITY = 74


def main() -> int:
    """Exit status."""
    options = _parser().parse_args()
    tiles = []
    for blend in sorted(options.folder.glob("*.blend")):
        if blend.name.endswith(".touch.blend") or (options.only and blend.stem not in options.only):
            continue
        result = blend.with_name(f"{blend.stem}.touch.blend")
        report = blend.with_name(f"{blend.stem}.touch.json")
        if not result.exists():
            command = [sys.executable, "-m", "dice_core", "transfer", str(options.take), "--onto", str(blend)]
            command += ["-o", str(result), "--report", str(report)]
            if subprocess.run(command, check=False, cwd=Path(__file__).resolve().parent.parent).returncode:
                print(f"{blend.stem} is left out")
                continue
        tiles.append(_tile(result, json.loads(report.read_text())))
        print(blend.stem, flush=True)
    rows = [tiles[k : k + _COLUMNS] for k in range(0, len(tiles), _COLUMNS)]
    blank = np.full_like(tiles[0], 255)
    sheet = np.vstack([np.hstack([*row, *[blank] * (_COLUMNS - len(row))]) for row in rows])
    cv2.imwrite(str(options.output), sheet, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return 0


def _tile(path: Path, report: dict) -> np.ndarray:
    """Both views of a character in the middle of its longest touch, with its name below."""
    pictures = [path.with_name(f"{path.stem}.{number}.png") for number in range(len(_VIEWS))]
    if not all(picture.exists() for picture in pictures):
        _render(path, report, pictures)
    views = [cv2.imread(str(picture)) for picture in pictures]
    tile = np.hstack(views)
    name = path.name.removesuffix(".touch.blend").replace("_", " ")
    cv2.putText(tile, name, (8, SIZE - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), 1, cv2.LINE_AA)
    return tile


def _render(path: Path, report: dict, pictures: list[Path]) -> None:
    bpy.ops.wm.open_mainfile(filepath=str(path))
    scene = bpy.context.scene
    touch = max(report["touches"], key=lambda touch: touch["last_frame"] - touch["first_frame"])
    scene.frame_set(scene.frame_start + (touch["first_frame"] + touch["last_frame"]) // 2)
    for item in scene.objects:
        item.hide_render = item.type != "MESH"
    target = _middle_of_face() / unit_of(scene)
    _light(scene)
    for angle, picture in zip(_VIEWS, pictures, strict=True):
        _look(scene, target, angle + _turn_of_character())
        scene.render.filepath = str(picture.absolute())
        bpy.ops.render.render(write_still=True)


def _middle_of_face() -> np.ndarray:
    """(3,) metres, world: the middle of the face as it is posed in this frame."""
    objects = find_objects(bpy.context.scene)
    character = read_character(objects, find_map(objects, TakeSource("sample_truth")), bpy.context.scene).character
    own = character.object_vertex[character.head_vertices & (character.object == 0)]
    shown = objects.head.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = np.array([list(shown.matrix_world @ shown.data.vertices[int(v)].co) for v in own[::17]])
    return points.mean(axis=0) * unit_of(bpy.context.scene)


def _turn_of_character() -> float:
    armature = find_objects(bpy.context.scene).armature
    return float(armature.rotation_euler.z)


def _look(scene: bpy.types.Scene, target: np.ndarray, angle: float) -> None:
    unit = unit_of(scene)
    camera = bpy.data.objects.get("Picture") or bpy.data.objects.new("Picture", bpy.data.cameras.new("Picture"))
    if camera.name not in scene.collection.objects:
        scene.collection.objects.link(camera)
    camera.data.lens, camera.data.clip_start, camera.data.clip_end = _LENS, 0.01 / unit, 100 / unit
    towards = Vector((np.sin(angle), -np.cos(angle), 0.08))
    camera.location = Vector(target) + towards * (_DISTANCE / unit)
    camera.rotation_euler = (-towards).to_track_quat("-Z", "Y").to_euler()
    scene.camera = camera


def _light(scene: bpy.types.Scene) -> None:
    for name, energy, angles in (("Key", 2.4, (0.9, 0.1, -0.7)), ("Fill", 0.8, (1.0, 0.0, 1.3))):
        lamp = bpy.data.objects.new(name, bpy.data.lights.new(name, "SUN"))
        lamp.data.energy, lamp.rotation_euler = energy, angles
        scene.collection.objects.link(lamp)
    material = bpy.data.materials.new("Clay")
    material.use_nodes = True
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (0.55, 0.36, 0.28, 1.0)
    shader.inputs["Roughness"].default_value = 0.55
    for item in scene.objects:
        if item.type == "MESH":
            item.data.materials.clear()
            item.data.materials.append(material)
    scene.world = bpy.data.worlds.new("Picture")
    scene.world.use_nodes = True
    background = next(node for node in scene.world.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value = (0.7, 0.7, 0.72, 1.0)
    background.inputs["Strength"].default_value = 0.6
    render = scene.render
    render.engine, render.resolution_x, render.resolution_y, render.resolution_percentage = "CYCLES", SIZE, SIZE, 100
    render.image_settings.file_format = "PNG"
    render.threads_mode, render.threads = "FIXED", 1
    scene.cycles.samples, scene.cycles.max_bounces, scene.cycles.use_denoising = 24, 2, False
    scene.view_settings.view_transform = "Standard"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("take", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", action="append", metavar="NAME")
    return parser


if __name__ == "__main__":
    sys.exit(main())
