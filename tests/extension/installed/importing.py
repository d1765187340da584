"""Imports of every kind, and exports."""

# ruff: noqa: PT017 (no pytest in here)

from __future__ import annotations

import os
import time
from typing import Any

import bpy
from harness import FOLDER, check_import, fresh, step


@step
def every_key_mode_again() -> None:
    scene = bpy.context.scene
    for keys in ("compact", "rigged", "per-frame"):
        assert bpy.ops.dice.reimport_take(keys=keys) == {"FINISHED"}
        entry = scene.dice.takes[0]
        assert entry.keys == keys
        assert len(scene.dice.takes) == 1
        heads = [item for item in bpy.data.objects if item.name.startswith("Head") and item.type == "MESH"]
        assert len(heads) == 1, "the earlier import is gone"
    assert len([action for action in bpy.data.actions if action.users == 0]) == 0


@step
def import_twice_and_elsewhere() -> None:
    scene, take = bpy.context.scene, str(FOLDER / "ready.dicetake")
    assert bpy.ops.dice.import_take(filepath=take) == {"FINISHED"}
    assert bpy.ops.dice.import_take(filepath=take + "/take.json", keys="compact") == {"FINISHED"}
    assert len([item for item in scene.objects if item.type == "CAMERA"]) == 2, "the import and the first one"
    assert bpy.ops.dice.import_take(filepath=take, existing="COPY") == {"FINISHED"}
    assert len([item for item in scene.objects if item.type == "CAMERA"]) == 3
    assert len(scene.dice.takes) == 3
    fresh()
    scene = bpy.context.scene
    bpy.ops.object.empty_add()
    scene.render.fps, scene.frame_start, scene.frame_end = 60, 101, 110
    assert bpy.ops.dice.import_take(filepath=take, use_start=True, start_frame=201, retime=True) == {"FINISHED"}
    entry = scene.dice.takes[0]
    bpy.ops.dice.jump_to_touch(index=0)
    assert scene.frame_current in {marker.frame for marker in scene.timeline_markers}
    assert entry.touches[0].first_scene_frame > 201
    assert scene.render.fps == 60
    check_import(entry)


@step
def import_of_300_frames() -> dict[str, Any]:
    if not (FOLDER / "long.dicetake").exists():
        return {"skipped": True}
    seconds = {}
    busy = os.getloadavg()[0] > (os.cpu_count() or 1)  # then the clock shows others' work, and is only reported
    for keys, most in (("per-frame", 10), ("compact", 3), ("rigged", 3)):
        fresh()
        start = time.monotonic()
        assert bpy.ops.dice.import_take(filepath=str(FOLDER / "long.dicetake"), keys=keys) == {"FINISHED"}
        seconds[keys] = round(time.monotonic() - start, 2)
        assert busy or seconds[keys] < most, seconds
        assert bpy.context.scene.dice.takes[0].frames == 300
    return seconds | {"busy": busy}


@step
def not_a_take() -> None:
    (FOLDER / "empty.dicetake").mkdir(exist_ok=True)
    for path in (FOLDER / "empty.dicetake", FOLDER / "nowhere.dicetake"):
        try:
            bpy.ops.dice.import_take(filepath=str(path))
        except RuntimeError as error:
            assert "take" in str(error)
            assert "Traceback" not in str(error)
        else:
            raise AssertionError(path)


@step
def export_files() -> dict[str, int]:
    fresh()
    bpy.ops.dice.import_take(filepath=str(FOLDER / "ready.dicetake"), keys="rigged")
    sizes = {}
    for preset in ("unity", "unreal", "generic"):
        path = FOLDER / f"{preset}.fbx"
        assert bpy.ops.dice.export_fbx(filepath=str(path), preset=preset) == {"FINISHED"}
        sizes[path.name] = path.stat().st_size
    path = FOLDER / "all.glb"
    assert bpy.ops.dice.export_glb(filepath=str(path)) == {"FINISHED"}
    sizes[path.name] = path.stat().st_size
    assert min(sizes.values()) > 10_000
    return sizes
