"""Read exported files with readers that are not Blender's, and compare what they find with what Blender shows.

    python tools/check_exports.py TAKE --modules node_modules --ufbx FOLDER [--pictures FOLDER] [--only unity-rigged]

Every preset as FBX and GLB, in every key mode, as imported and once more after a user's edits. Needs, besides bpy and
scipy: a Chromium, `npm install three gltf-validator` for `--modules`, node, a C compiler, and for `--ufbx` a folder
with ufbx.c and ufbx.h (github.com/ufbx/ufbx). With `assimp-py` installed, assimp reads the files as well.
Prints a line a file; exit status 1 where a surface is 0.5 mm or more off, a name is missing, or a reader complains.
"""

from __future__ import annotations

import argparse
import base64
import importlib.util
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dice_blender.export import PRESETS, export_fbx, export_glb
from dice_blender.scene import KEY_MODES, ImportedTake, import_take
from tools.export_check.browser import read_with_three
from tools.export_check.compare import Reference, compare, plain

_TIMES = 5
# Millimetres.
_LIMIT = 0.5
# Largest difference of a linear colour component.
_COLOUR_LIMIT = 0.01
_VALIDATE = """
const validator = require("gltf-validator");
const bytes = new Uint8Array(require("fs").readFileSync(process.argv[1]));
validator.validateBytes(bytes).then((report) => console.log(JSON.stringify(report.issues)));
"""


@dataclass
class Case:
    """A file and what Blender shows. seconds : (F,) times in the file; colours : linear, by material."""

    path: Path
    seconds: list[float]
    bodies: dict[str, Reference]
    colours: dict[str, list[float]]
    influences: int | None
    view: dict[str, Any] | None = None
    faults: list[str] = field(default_factory=list)
    distances: dict[str, float] = field(default_factory=dict)


def main() -> int:
    """Exit status."""
    options = _parser().parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dice-exports-")) if options.folder is None else options.folder
    folder.mkdir(parents=True, exist_ok=True)
    cases = list(_cases(options, folder))
    jobs = [{"id": c.path.name, "url": f"/files/{c.path.name}", "seconds": c.seconds, "view": c.view} for c in cases]
    three = read_with_three(jobs, folder, options.modules.resolve(), options.chromium, 60.0 + 30.0 * len(cases))
    reader = _compiled(options.ufbx, folder)
    for case in cases:
        _check_three(case, three[case.path.name], options.pictures)
        if case.path.suffix == ".fbx":
            _check_ufbx(case, reader)
        else:
            _check_validator(case, options.modules)
        _check_assimp(case)
        worst = ", ".join(f"{reader} {distance:.3f} mm" for reader, distance in case.distances.items())
        print(f"{'WRONG' if case.faults else 'RIGHT'} {case.path.name}: {worst}", flush=True)
        for fault in case.faults[:6]:
            print(f"      {fault}")
    if options.folder is None:
        shutil.rmtree(folder)
    return int(any(case.faults for case in cases))


def _cases(options: argparse.Namespace, folder: Path) -> Any:
    for edited in (False, True):
        for keys in KEY_MODES:
            bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
            imported = import_take(options.take, keys=keys, start_frame=11)
            if edited:
                _edit(imported)
            for preset in PRESETS:
                for suffix, export in ((".fbx", export_fbx), (".glb", export_glb)):
                    name = f"{preset}-{keys}{'-edited' if edited else ''}{suffix}"
                    if options.only and options.only not in name:
                        continue
                    report = export(imported.collection, folder / name, preset=preset)
                    for warning in report.warnings:
                        print(f"      {name}: {warning}")
                    case = _reference(imported, folder / name, report.first, report.last)
                    case.influences = PRESETS[preset].influences
                    if options.pictures is not None:
                        case.view = _view(imported, options.frame, report.first)
                        _blender_picture(options.pictures / f"{keys}{'-edited' if edited else ''}-blender.png")
                    yield case


def _edit(imported: ImportedTake) -> None:
    """What a user might do: mirror and scale, move keys, a driver, a modifier, another name, a muted strip."""
    # Readers do not agree on what a mirrored camera sees.
    imported.camera.parent = None
    imported.origin.scale = (-1.2, 1.2, 1.2)
    imported.origin.rotation_euler = (0.05, -0.1, 0.08)
    head = imported.objects["head"]
    head.name = "Hero"
    deform = head.modifiers.new("Twist", "SIMPLE_DEFORM")
    deform.deform_method, deform.angle, deform.deform_axis = "TWIST", math.radians(20), "Z"
    driver = imported.origin.driver_add("location", 0).driver
    driver.expression = "0.002 * frame"
    for item in [*imported.objects.values(), *imported.armatures.values()]:
        _move_keys(item, 30)
        _move_keys(item.data.shape_keys if item.type == "MESH" else None, 30)
    item = head
    track = item.animation_data.nla_tracks.new()
    strip = track.strips.new("wrong", 1, bpy.data.actions.new("Nothing"))
    strip.mute = track.mute = True
    for rig in imported.armatures.values():
        rig.hide_viewport = True


def _move_keys(block: Any, frames: float) -> None:
    data = None if block is None else block.animation_data
    if data is None or data.action is None:
        return
    action = data.action
    layered = hasattr(action, "layers") and len(action.layers)
    curves = action.layers[0].strips[0].channelbag(data.action_slot).fcurves if layered else action.fcurves
    for curve in curves:
        for point in curve.keyframe_points:
            point.co.x += frames
            point.handle_left.x += frames
            point.handle_right.x += frames


def _reference(imported: ImportedTake, path: Path, first: int, last: int) -> Case:
    scene = bpy.context.scene
    frames = np.linspace(first, last, _TIMES).round().astype(int).tolist()
    fps = scene.render.fps / scene.render.fps_base
    found: dict[str, list[tuple[np.ndarray, bool, float]]] = {item.name: [] for item in imported.objects.values()}
    for frame in frames:
        scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        for name, values in found.items():
            item = bpy.data.objects[name]
            hidden = item.hide_viewport
            mesh = item.evaluated_get(graph).data
            points = np.empty(len(mesh.vertices) * 3, np.float32)
            mesh.vertices.foreach_get("co", points)
            world = np.array(item.evaluated_get(graph).matrix_world)
            points = points.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]
            points = points[:, [0, 2, 1]] * [1, 1, -1]
            mesh.calc_loop_triangles()
            corners = np.empty(len(mesh.loop_triangles) * 3, np.int32)
            mesh.loop_triangles.foreach_get("vertices", corners)
            a, b, c = points[corners.reshape(-1, 3)].transpose(1, 0, 2)
            # A mirrored object shows its faces the other way round.
            volume = np.einsum("ij,ij->", a, np.cross(b, c)) * np.sign(np.linalg.det(world[:3, :3]))
            values.append((points, not hidden, float(volume)))
    bodies = {name: Reference(*map(np.array, zip(*values, strict=True))) for name, values in found.items()}
    colours = {}
    for item in imported.objects.values():
        for slot in item.material_slots:
            shader = next(node for node in slot.material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
            colours[slot.material.name] = list(shader.inputs["Base Color"].default_value[:3])
    return Case(path, [(frame - first) / fps for frame in frames], bodies, colours, None)


def _check_three(case: Case, result: dict[str, Any], pictures: Path | None) -> None:
    if "failure" in result:
        case.faults.append(f"three.js: {result['failure'][:300]}")
        return
    case.faults += [f"three.js says: {message[:200]}" for message in result["messages"]]
    nodes = [plain(name) for name in result["nodes"] if name]
    for name in case.bodies:
        if plain(name) not in nodes:
            case.faults.append(f"three.js finds no {name}")
    case.faults += [f"three.js: {n} is not alone" for n in sorted(set(nodes)) if nodes.count(n) > 1]
    if any(".0" in name for name in result["nodes"]):
        case.faults.append("three.js: numbered names")
    for name, colour in result["colours"].items():
        if not np.allclose(colour, case.colours.get(name, [-1, -1, -1]), atol=_COLOUR_LIMIT):
            case.faults.append(f"three.js: {name} has the colour {colour}")
    worst = 0.0
    for name, reference in case.bodies.items():
        frames = []
        for t, meshes in enumerate(result["frames"]):
            own = [m for m in meshes if plain(name) in [plain(n) for n in m["chain"]]]
            parts = [np.frombuffer(base64.b64decode(m["positions"]), np.float32).reshape(-1, 3) for m in own]
            frames.append(np.concatenate(parts) if parts else np.zeros((1, 3)))
            volume = sum(m["volume"] for m in own)
            if reference.visible[t] and np.sign(volume) != np.sign(reference.volumes[t]):
                case.faults.append(f"three.js: {name} is inside out at time {t}")
        worst = max(worst, _compared(case, "three.js", name, np.array(frames), reference))
    case.distances["three.js"] = worst
    if pictures is not None and "picture" in result:
        (pictures / f"{case.path.name}.png").write_bytes(base64.b64decode(result["picture"].split(",")[1]))


def _compared(case: Case, reader: str, name: str, found: np.ndarray, reference: Reference) -> float:
    distance, faults = compare(found, reference)
    case.faults += [f"{reader}: {name} {fault}" for fault in faults]
    if not distance < _LIMIT:
        case.faults.append(f"{reader}: {name} is {distance:.2f} mm off")
    return distance


def _compiled(sources: Path, folder: Path) -> Path:
    program = folder / "read_fbx"
    source = Path(__file__).parent / "export_check" / "read_fbx.c"
    subprocess.run(
        ["cc", "-O1", "-o", str(program), f"-I{sources}", str(source), str(sources / "ufbx.c"), "-lm"], check=True
    )
    return program


def _check_ufbx(case: Case, program: Path) -> None:
    out = case.path.with_suffix(".f32")
    done = subprocess.run(
        [str(program), str(case.path), str(out), *map(str, case.seconds)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        case.faults.append(f"ufbx: {done.stderr.strip()}")
        return
    said = json.loads(done.stdout)
    case.faults += [f"ufbx says: {warning}" for warning in said["warnings"]]
    names = said["nodes"]
    case.faults += [f"ufbx: {name} is not alone" for name in sorted(set(names)) if names.count(name) > 1]
    if case.influences is not None and said["influences"] > case.influences:
        case.faults.append(f"ufbx: {said['influences']} bones move a vertex")
    points = np.fromfile(out, np.float32).reshape(len(case.seconds), -1, 3)
    ends = np.cumsum([count for _, count in said["meshes"]])
    parts = dict(zip([name for name, _ in said["meshes"]], np.split(points, ends[:-1], axis=1), strict=True))
    worst = 0.0
    for name, reference in case.bodies.items():
        if name not in parts:
            case.faults.append(f"ufbx finds no {name}")
            continue
        worst = max(worst, _compared(case, "ufbx", name, parts[name], reference))
    case.distances["ufbx"] = worst


def _check_validator(case: Case, modules: Path) -> None:
    environment = os.environ | {"NODE_PATH": str(modules.resolve())}
    command = ["node", "-e", _VALIDATE, str(case.path)]
    issues = json.loads(subprocess.run(command, capture_output=True, check=True, text=True, env=environment).stdout)
    for message in issues["messages"]:
        if message["severity"] <= 1:
            case.faults.append(f"gltf-validator: {message['code']} {message['message']} {message.get('pointer', '')}")


def _check_assimp(case: Case) -> None:
    """Names and the number of meshes: the Python bindings show no animation."""
    if importlib.util.find_spec("assimp_py") is None:
        return
    import assimp_py

    scene = assimp_py.import_file(str(case.path), assimp_py.Process_Triangulate)
    names = []
    waiting = [scene.root_node]
    while waiting:
        node = waiting.pop()
        names.append(node.name)
        waiting += node.children
    for name in case.bodies:
        if name not in names:
            case.faults.append(f"assimp finds no {name}")
    case.distances["assimp's names"] = 0.0


def _view(imported: ImportedTake, frame: int, first: int) -> dict[str, Any]:
    """What the picture shows: `frame` frames after the first, through the take's camera."""
    scene = bpy.context.scene
    scene.frame_set(first + frame)
    camera = imported.camera
    to_y_up = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]])
    matrix = to_y_up @ np.array(camera.matrix_world.normalized())
    width, height = scene.render.resolution_x, scene.render.resolution_y
    fov = 2 * math.atan(math.tan(camera.data.angle / 2) * height / max(width, height))
    return {
        "second": frame * scene.render.fps_base / scene.render.fps,
        "fov": math.degrees(fov),
        "matrix": matrix.T.ravel().tolist(),
        "width": width,
        "height": height,
    }


def _blender_picture(path: Path) -> None:
    """Blender's own picture of the current frame, once a scene."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples = "CYCLES", 16
    scene.view_settings.view_transform = "Standard"
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.rotation_euler = 2.2, (math.radians(50), math.radians(-20), 0.0)
    scene.collection.objects.link(sun)
    scene.world = bpy.data.worlds.new("World")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs[0].default_value = (0.35, 0.35, 0.35, 1.0)
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


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
