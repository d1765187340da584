"""GLB: Khronos's validator finds no error, and Blender's importer finds the motion again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils.kdtree import KDTree

from dice_blender.export import export_glb
from dice_blender.scene import import_take
from dice_core.take import Take

from .surfaces import OBJECTS, captured, evaluated, present

_VALIDATE = """
const validator = require("gltf-validator");
const bytes = new Uint8Array(require("fs").readFileSync(process.argv[1]));
validator.validateBytes(bytes).then((report) => console.log(JSON.stringify(report.issues)));
"""


@cache
def _modules() -> str | None:
    """Folder with the npm package `gltf-validator`: GLTF_VALIDATOR if that is set, else a cached `npm install`."""
    if "GLTF_VALIDATOR" in os.environ:
        return os.environ["GLTF_VALIDATOR"]
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return None
    folder = Path.home() / ".cache" / "dice" / "gltf-validator"
    if not (folder / "node_modules" / "gltf-validator").exists():
        folder.mkdir(parents=True, exist_ok=True)
        install = [npm, "install", "--prefix", str(folder), "--fetch-retries=0", "gltf-validator@2.0.0-dev.3.10"]
        if subprocess.run(install, capture_output=True, check=False, timeout=120).returncode:
            return None
    return str(folder / "node_modules")


@pytest.mark.parametrize("keys", ["per-frame", "compact", "rigged"])
def test_the_validator_finds_no_error(scene: bpy.types.Scene, take: Take, tmp_path: Path, keys: str) -> None:
    modules = _modules()
    if modules is None:
        pytest.skip("needs node and the npm package gltf-validator")
    path = tmp_path / "take.glb"
    export_glb(import_take(take, keys=keys).collection, path)
    command = ["node", "-e", _VALIDATE, str(path)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, env=os.environ | {"NODE_PATH": modules})
    issues = json.loads(done.stdout)
    assert issues["numErrors"] == 0, issues["messages"][:3]


@pytest.mark.parametrize("keys", ["per-frame", "compact", "rigged"])
def test_the_motion_survives(scene: bpy.types.Scene, take: Take, tmp_path: Path, keys: str) -> None:
    imported = import_take(take, keys=keys, start_frame=7)
    names = {mesh: set(item.data.shape_keys.key_blocks.keys()) for mesh, item in imported.objects.items()}
    export_glb(imported.collection, tmp_path / "take.glb")
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    # 29.97 as a whole rate: Blender's importer multiplies by `fps_base` where it should divide.
    scene.render.fps = round(100 * take.fps)
    bpy.ops.import_scene.gltf(filepath=str(tmp_path / "take.glb"))
    for mesh, keyed in names.items():
        item = next(i for i in bpy.data.objects if i.type == "MESH" and i.name.startswith(OBJECTS[mesh]))
        assert set(item.data.shape_keys.key_blocks.keys()) - {"Basis"} == keyed - {"Basis"}
        surfaces, frames = captured(take, mesh), present(take, mesh)
        # Vertices are split along the seams of the UVs: each copy belongs to the vertex it lies on in one frame.
        scene.frame_set(100 * int(frames[-1]))
        tree = KDTree(surfaces.shape[1])
        for index, point in enumerate(surfaces[frames[-1]]):
            tree.insert(point, index)
        tree.balance()
        owners = np.array([tree.find(point)[1] for point in evaluated(item)])
        assert len(np.unique(owners)) > 0.98 * surfaces.shape[1]
        for frame in frames:
            scene.frame_set(100 * int(frame))
            worst = np.linalg.norm(evaluated(item) - surfaces[frame][owners], axis=1).max()
            assert worst < 0.5e-3


def test_materials_keep_their_colour(scene: bpy.types.Scene, take: Take, tmp_path: Path) -> None:
    path = tmp_path / "take.glb"
    export_glb(import_take(take).collection, path)
    content = path.read_bytes()
    length = int.from_bytes(content[12:16], "little")
    materials = json.loads(content[20 : 20 + length])["materials"]
    colours = {m["name"]: m["pbrMetallicRoughness"]["baseColorFactor"] for m in materials}
    assert colours["Head Skin"] == pytest.approx([0.62, 0.38, 0.28, 1], abs=1e-6)
