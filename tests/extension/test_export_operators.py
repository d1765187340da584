"""The export operators: what they offer, what they find to export, and what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from dice_blender.export import export_glb
from dice_blender.operators.export import take_to_export, wants_rigged
from dice_blender.scene import import_take
from tests.blender.glb_reader import Glb
from tests.blender.synthetic_take import Recipe, write_synthetic_take


@pytest.fixture
def take(tmp_path: Path) -> Path:
    recipe = Recipe(frames=6, rings=8, enters=1, absent_from=0, absent_to=0)
    return write_synthetic_take(tmp_path / "short.dicetake", recipe).path


def test_an_engine_is_offered_rigged_keys_with_one_click(extension: Any, take: Path, tmp_path: Path) -> None:
    bpy.ops.dice.import_take(filepath=str(take), keys="per-frame")
    collection = take_to_export(bpy.context)
    assert all(wants_rigged(collection, preset) for preset in ("unity", "unreal", "godot"))
    assert not wants_rigged(collection, "generic")
    path = tmp_path / "a.glb"
    assert bpy.ops.dice.export_glb(filepath=str(path), preset="godot", rigged=True) == {"FINISHED"}
    keys = Glb(path).document["meshes"]
    assert any("jawOpen" in mesh.get("extras", {}).get("targetNames", ()) for mesh in keys)
    assert take_to_export(bpy.context)["dice_keys"] == "rigged"
    assert not wants_rigged(take_to_export(bpy.context), "godot")
    # It is remembered by the take, and not by the dialog.
    assert bpy.ops.dice.export_glb(filepath=str(path), preset="godot") == {"FINISHED"}


def test_a_single_picture_is_not_called_heavy(extension: Any, tmp_path: Path) -> None:
    recipe = Recipe(frames=1, rings=8, enters=0, absent_from=0, absent_to=0)
    bpy.ops.dice.import_take(filepath=str(write_synthetic_take(tmp_path / "one.dicetake", recipe).path))
    assert not wants_rigged(take_to_export(bpy.context), "unity")


@pytest.mark.parametrize("local", [False, True], ids=["scene's camera", "view's own camera"])
@pytest.mark.parametrize("operator", ["export_glb", "export_fbx"])
def test_an_export_leaves_the_view_in_its_camera(
    extension: Any, take: Path, tmp_path: Path, operator: str, local: bool
) -> None:
    bpy.ops.dice.import_take(filepath=str(take))
    window = bpy.context.window_manager.windows[0]
    space: Any = next(area.spaces.active for area in window.screen.areas if area.type == "VIEW_3D")
    own = bpy.data.objects.new("Own", bpy.data.cameras.new("Own"))
    bpy.context.scene.collection.objects.link(own)
    space.use_local_camera = local
    if local:
        space.camera = own
    space.region_3d.view_perspective = "CAMERA"
    space.region_3d.view_camera_zoom, space.region_3d.view_camera_offset = 12.0, (0.1, -0.05)
    getattr(bpy.ops.dice, operator)(filepath=str(tmp_path / "out"))
    assert space.region_3d.view_perspective == "CAMERA"
    assert space.use_local_camera == local
    assert space.camera == (own if local else bpy.context.scene.camera)
    assert space.region_3d.view_camera_zoom == 12.0
    assert tuple(space.region_3d.view_camera_offset) == pytest.approx((0.1, -0.05))


def test_import_again_exports_as_the_first_import_did(extension: Any, take: Path, tmp_path: Path) -> None:
    bpy.ops.dice.import_take(filepath=str(take), keys="per-frame")
    bpy.ops.dice.reimport_take(keys="rigged")
    again, fresh = tmp_path / "again.glb", tmp_path / "fresh.glb"
    bpy.ops.dice.export_glb(filepath=str(again), preset="unity")
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    export_glb(import_take(take, keys="rigged").collection, fresh, preset="unity")
    assert Glb(again).document["nodes"] == Glb(fresh).document["nodes"]


def test_a_collection_from_another_file_can_be_exported(extension: Any, take: Path, tmp_path: Path) -> None:
    assert not bpy.ops.dice.export_glb.poll()
    bpy.ops.dice.import_take(filepath=str(take), keys="rigged")
    name = take_to_export(bpy.context).name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "a.blend")) as (_, wanted):
        wanted.collections = [name]
    bpy.context.scene.collection.children.link(bpy.data.collections[name])
    assert bpy.ops.dice.export_glb.poll()
    assert bpy.ops.dice.export_glb(filepath=str(tmp_path / "a.glb"), camera=True, at_origin=True) == {"FINISHED"}
    assert "DICE Camera" in Glb(tmp_path / "a.glb").node_names


def test_linked_objects_can_be_exported(extension: Any, take: Path, tmp_path: Path) -> None:
    bpy.ops.dice.import_take(filepath=str(take), keys="rigged")
    name = take_to_export(bpy.context).name
    bpy.ops.dice.export_glb(filepath=str(tmp_path / "own.glb"))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "a.blend"), link=True) as (_, wanted):
        wanted.collections = [name]
    bpy.context.scene.collection.children.link(bpy.data.collections[name])
    export_glb(bpy.data.collections[name], tmp_path / "linked.glb")
    own, linked = Glb(tmp_path / "own.glb"), Glb(tmp_path / "linked.glb")
    # What is linked cannot lend its names.
    for mesh in ("Head", "Hand.R"):
        assert np.allclose(own.surface(mesh, 3 / 29.97), linked.surface(f"{mesh}_2", 3 / 24), atol=1e-4)


def test_an_export_that_fails_says_why_and_changes_nothing(extension: Any, take: Path, tmp_path: Path) -> None:
    bpy.ops.dice.import_take(filepath=str(take), keys="rigged")
    names = sorted(block.name for block in bpy.data.objects)
    for operator in (bpy.ops.dice.export_fbx, bpy.ops.dice.export_glb):
        with pytest.raises(RuntimeError, match="cannot be written"):
            operator(filepath=str(take / "take.json" / "a.out"))
    for item in take_to_export(bpy.context).all_objects:
        item.hide_set(True)
    with pytest.raises(RuntimeError, match="hidden"):
        bpy.ops.dice.export_fbx(filepath=str(tmp_path / "a.fbx"))
    assert sorted(block.name for block in bpy.data.objects) == names
