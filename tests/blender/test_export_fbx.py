"""FBX, read back by Blender's importer: topology, names and motion; and the user's scene as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from dice_blender.export import PRESETS, export_fbx, export_glb
from dice_blender.scene import import_take
from dice_blender.scene.armature import editing
from dice_core.errors import InputError
from dice_core.take import Take

from .surfaces import OBJECTS, evaluated, present, worst_distance
from .synthetic_take import EXPRESSIONS, Recipe, write_synthetic_take
from .user_edits import EDITS


def _read_back(path: Path, take: Take) -> bpy.types.Scene:
    """The file in an empty scene; the importer puts time 0 at frame 1."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 30, 30 / take.fps
    if bpy.app.version >= (4, 5):
        bpy.ops.wm.fbx_import(filepath=str(path))
    else:
        bpy.ops.import_scene.fbx(filepath=str(path))
    return scene


def _disconnect_bones() -> None:
    """Blender's importers connect a bone to a parent that ends where it begins, and its location is ignored then."""
    for item in [item for item in bpy.data.objects if item.type == "ARMATURE"]:
        with editing(item):
            for bone in item.data.edit_bones:
                bone.use_connect = False


def _step(scene: bpy.types.Scene, take: Take) -> float:
    """Scene frames a frame of the take: the importer before 4.5 takes 29.97 frames a second for 30."""
    rate = scene.render.fps / scene.render.fps_base if bpy.app.version >= (4, 5) else scene.render.fps
    return rate / take.fps


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("keys", ["per-frame", "compact", "rigged"])
def test_the_motion_survives(scene: bpy.types.Scene, take: Take, tmp_path: Path, keys: str, preset: str) -> None:
    imported = import_take(take, keys=keys, start_frame=40)
    names = {mesh: [key.name for key in item.data.shape_keys.key_blocks] for mesh, item in imported.objects.items()}
    export_fbx(imported.collection, tmp_path / "take.fbx", preset=preset)
    scene = _read_back(tmp_path / "take.fbx", take)
    for mesh, keyed in names.items():
        item = bpy.data.objects[OBJECTS[mesh]]
        assert len(item.data.vertices) == len(take.meshes[mesh].rest_vertices)
        assert [key.name for key in item.data.shape_keys.key_blocks][1:] == keyed[1:]
        assert worst_distance(take, mesh, item, 1, _step(scene, take)) < 0.2


@pytest.mark.parametrize("preset", ["unity", "unreal"])
def test_game_engines_get_one_skeleton_with_one_root(
    scene: bpy.types.Scene, take: Take, tmp_path: Path, preset: str
) -> None:
    export_fbx(import_take(take, keys="rigged").collection, tmp_path / "take.fbx", preset=preset)
    _read_back(tmp_path / "take.fbx", take)
    (armature,) = [item for item in bpy.data.objects if item.type == "ARMATURE"]
    assert [bone.name for bone in armature.data.bones if bone.parent is None] == ["root"]
    assert {"Head_bone", "wrist.R", "index-3.R"} <= {bone.name for bone in armature.data.bones}
    meshes = [item for item in bpy.data.objects if item.type == "MESH"]
    assert all(item.find_armature() == armature for item in meshes)
    keys = bpy.data.objects["Head"].data.shape_keys.key_blocks
    assert set(EXPRESSIONS) <= set(keys.keys())


def test_two_hands_share_a_skeleton_without_sharing_bones(scene: bpy.types.Scene, tmp_path: Path) -> None:
    take = write_synthetic_take(tmp_path / "two.dicetake", Recipe(frames=8, rings=10, two_hands=True))
    export_fbx(import_take(take, keys="rigged").collection, tmp_path / "two.fbx", preset="unity")
    scene = _read_back(tmp_path / "two.fbx", take)
    for mesh in ("hand_left", "hand_right", "head"):
        assert worst_distance(take, mesh, bpy.data.objects[OBJECTS[mesh]], 1, _step(scene, take)) < 0.2


def test_an_absent_hand_shrinks_to_a_point(scene: bpy.types.Scene, take: Take, tmp_path: Path) -> None:
    export_fbx(import_take(take).collection, tmp_path / "take.fbx")
    scene = _read_back(tmp_path / "take.fbx", take)
    shown = set(present(take, "hand_right").tolist())
    for index in range(len(take.frames)):
        frame = 1 + index * _step(scene, take)
        scene.frame_set(int(frame), subframe=frame - int(frame))
        scale = bpy.data.objects["Hand.R"].matrix_world.to_scale()
        assert scale.x == pytest.approx(1.0 if index in shown else 0.001, rel=1e-3)


def test_edits_of_the_user_are_exported(scene: bpy.types.Scene, take: Take, tmp_path: Path) -> None:
    imported = import_take(take, keys="rigged")
    imported.origin.location = (0.5, 0, 0)
    imported.collection.name = "Mine"
    head = imported.objects["head"]
    head.name = "Hero"
    limit = head.constraints.new("LIMIT_LOCATION")
    limit.use_max_z, limit.max_z, limit.owner_space = True, -5.0, "WORLD"
    export_fbx(imported.collection, tmp_path / "take.fbx")
    scene = _read_back(tmp_path / "take.fbx", take)
    scene.frame_set(5)
    assert bpy.data.objects["Hero"].matrix_world.translation.z == pytest.approx(-5.0, abs=1e-4)
    assert bpy.data.objects["Hero"].matrix_world.translation.x > 0.4


@pytest.mark.parametrize("preset", ["generic", "unity"])
@pytest.mark.parametrize(
    "edit",
    [
        "mirrored_parent",
        "scaled_rig",
        "deformed_head",
        "retimed_keys",
        "nla_strips",
        "uneven_scale",
    ],
)
def test_what_is_seen_arrives(scene: bpy.types.Scene, small_take: Take, tmp_path: Path, edit: str, preset: str) -> None:
    imported = import_take(small_take, keys="rigged")
    EDITS[edit](imported)
    report = export_fbx(imported.collection, tmp_path / "take.fbx", preset=preset)
    frames = np.linspace(report.first, report.last, 4).round().astype(int)
    wanted: dict[int, dict[str, np.ndarray]] = {}
    for frame in frames.tolist():
        scene.frame_set(frame)
        shown = [item for item in imported.objects.values() if not item.hide_viewport]
        wanted[frame - report.first] = {item.name: evaluated(item) for item in shown}
    scene = _read_back(tmp_path / "take.fbx", small_take)
    if edit == "uneven_scale":
        _disconnect_bones()
    for index, bodies in wanted.items():
        frame = 1 + index * _step(scene, small_take)
        scene.frame_set(int(frame), subframe=frame - int(frame))
        for name, surface in bodies.items():
            assert np.linalg.norm(evaluated(bpy.data.objects[name]) - surface, axis=1).max() < 0.5e-3


def _state(scene: bpy.types.Scene) -> dict[str, object]:
    layer = bpy.context.view_layer
    return {
        "scene": bpy.context.window.scene.name,
        "scenes": sorted(bpy.data.scenes.keys()),
        "frame": (scene.frame_current, scene.frame_start, scene.frame_end),
        "objects": sorted(item.name for item in bpy.data.objects),
        "meshes": sorted(bpy.data.meshes.keys()),
        "actions": sorted(bpy.data.actions.keys()),
        "armatures": sorted(bpy.data.armatures.keys()),
        "materials": sorted(bpy.data.materials.keys()),
        "shape keys": sorted(bpy.data.shape_keys.keys()),
        "active": layer.objects.active.name,
        "selected": sorted(item.name for item in layer.objects if item.select_get()),
        "mode": bpy.context.mode,
        "transforms": [np.round(item.matrix_basis, 6).tolist() for item in sorted(scene.objects, key=lambda o: o.name)],
        "hidden": [item.hide_viewport for item in scene.objects],
    }


@pytest.mark.parametrize("export", [export_fbx, export_glb])
@pytest.mark.parametrize("preset", ["generic", "unity"])
@pytest.mark.parametrize("keys", ["per-frame", "rigged"])
def test_the_users_scene_stays_as_it_is(
    scene: bpy.types.Scene, take: Take, tmp_path: Path, keys: str, preset: str, export: Any
) -> None:
    imported = import_take(take, keys=keys)
    scene.frame_set(13)
    head = imported.objects["head"]
    bpy.context.view_layer.objects.active = head
    head.select_set(True)
    # Moved by hand and not keyed: an evaluation of this frame would lose it.
    imported.objects["hand_right"].scale = (1.5, 1, 1)
    if keys == "rigged":
        head.location.x += 0.25
    bpy.ops.object.mode_set(mode="EDIT")
    before = _state(scene)
    export(imported.collection, tmp_path / "take.out", preset=preset)
    assert _state(scene) == before
    bpy.ops.object.mode_set(mode="OBJECT")


def test_bad_requests_get_a_sentence(scene: bpy.types.Scene, take: Take, tmp_path: Path) -> None:
    imported = import_take(take)
    with pytest.raises(InputError, match="unity, unreal, godot, generic"):
        export_fbx(imported.collection, tmp_path / "x.fbx", preset="maya")
    empty = bpy.data.collections.new("Empty")
    with pytest.raises(InputError, match="no mesh"):
        export_fbx(empty, tmp_path / "x.fbx")
    names = sorted(bpy.data.objects.keys())
    with pytest.raises(InputError, match="cannot be written"):
        export_fbx(imported.collection, tmp_path / "no" / "such" / "folder" / "x.fbx")
    assert sorted(bpy.data.objects.keys()) == names
