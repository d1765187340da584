"""What each reader finds in an exported file, compared with what Blender shows; faults are noted in the case."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from .case import Case
from .compare import Reference, compare, plain

__all__ = ["check_assimp", "check_three", "check_ufbx", "check_validator", "compiled_ufbx"]

# Millimetres.
_LIMIT = 0.5
# Largest difference of a linear colour component.
_COLOUR_LIMIT = 0.01
_VALIDATE = """
const validator = require("gltf-validator");
const bytes = new Uint8Array(require("fs").readFileSync(process.argv[1]));
validator.validateBytes(bytes).then((report) => console.log(JSON.stringify(report.issues)));
"""


def check_three(case: Case, result: dict[str, Any], pictures: Path | None) -> None:
    """Surfaces, names and colours that three.js found; its picture goes into the folder `pictures`."""
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
        # A picture is multiplied by the colour, which then has to be white.
        expected = [1, 1, 1] if name in result["pictured"] else case.colours.get(name, [-1, -1, -1])
        if not np.allclose(colour, expected, atol=_COLOUR_LIMIT):
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


def compiled_ufbx(sources: Path, folder: Path) -> Path:
    """The program that reads FBX with ufbx, built in `folder`. sources : folder with ufbx.c and ufbx.h."""
    program = folder / "read_fbx"
    source = Path(__file__).with_name("read_fbx.c")
    subprocess.run(
        ["cc", "-O1", "-o", str(program), f"-I{sources}", str(source), str(sources / "ufbx.c"), "-lm"], check=True
    )
    return program


def check_ufbx(case: Case, program: Path) -> None:
    """Surfaces, names and influences that ufbx finds, and its warnings."""
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


def check_validator(case: Case, modules: Path) -> None:
    """Errors and warnings of Khronos's glTF validator. modules : the node_modules that hold it."""
    environment = os.environ | {"NODE_PATH": str(modules.resolve())}
    command = ["node", "-e", _VALIDATE, str(case.path)]
    issues = json.loads(subprocess.run(command, capture_output=True, check=True, text=True, env=environment).stdout)
    for message in issues["messages"]:
        if message["severity"] <= 1:
            case.faults.append(f"gltf-validator: {message['code']} {message['message']} {message.get('pointer', '')}")


def check_assimp(case: Case) -> None:
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


def _compared(case: Case, reader: str, name: str, found: np.ndarray, reference: Reference) -> float:
    distance, faults = compare(found, reference)
    case.faults += [f"{reader}: {name} {fault}" for fault in faults]
    if not distance < _LIMIT:
        case.faults.append(f"{reader}: {name} is {distance:.2f} mm off")
    return distance
