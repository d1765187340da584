"""Alembic, read by Blender's importer, and USD, read by Pixar's library: surfaces, names, times."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from dice_blender.export import export_alembic, export_usd
from dice_blender.scene import ImportedTake, import_take
from dice_blender.scene.skin import PICTURE, pictures_of, show_picture
from dice_core.errors import InputError
from dice_core.take import Take

from .surfaces import evaluated
from .user_edits import EDITS

MODES = ("per-frame", "compact", "rigged")
FRAMES = (0, 7, 15, 19, 29)


def _shown(scene: bpy.types.Scene, imported: ImportedTake) -> dict[tuple[str, int], np.ndarray]:
    wanted = {}
    for index in FRAMES:
        scene.frame_set(imported.frame_start + index)
        for item in imported.objects.values():
            if not item.hide_viewport:
                wanted[item.name, index] = evaluated(item)
    return wanted


def _close(found: np.ndarray, wanted: np.ndarray) -> bool:
    return found.shape == wanted.shape and float(np.linalg.norm(found - wanted, axis=1).max()) < 5e-4


@pytest.mark.parametrize("keys", MODES)
def test_alembic_shows_what_blender_shows(scene: bpy.types.Scene, small_take: Take, tmp_path: Path, keys: str) -> None:
    imported = import_take(small_take, keys=keys, start_frame=40)
    bystander = bpy.data.objects.new("Bystander", bpy.data.meshes.new("Bystander"))
    scene.collection.objects.link(bystander)
    EDITS["mirrored_parent"](imported)
    wanted = _shown(scene, imported)
    report = export_alembic(imported.collection, tmp_path / "take.abc")
    assert (report.first, report.last) == (40, 69)
    rate = scene.render.fps, scene.render.fps_base
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = rate
    bpy.ops.wm.alembic_import(filepath=str(tmp_path / "take.abc"), as_background_job=False)
    meshes = {item.name: item for item in bpy.data.objects if item.type == "MESH"}
    assert set(meshes) == {"Head", "Hand_R"}
    for (name, index), points in wanted.items():
        bpy.context.scene.frame_set(index)
        assert _close(evaluated(meshes[name.replace(".", "_")]), points), (name, index)
    bpy.context.scene.frame_set(19)
    away = evaluated(meshes["Hand_R"])
    assert np.ptp(away, axis=0).max() < 1e-3, "an absent hand is a point"


def _usd() -> Any:
    if hasattr(bpy.utils, "expose_bundled_modules"):
        bpy.utils.expose_bundled_modules()
    return pytest.importorskip("pxr.UsdGeom")


@pytest.mark.parametrize("keys", MODES)
def test_usd_shows_what_blender_shows(scene: bpy.types.Scene, small_take: Take, tmp_path: Path, keys: str) -> None:
    geometry = _usd()
    from pxr import Usd

    imported = import_take(small_take, keys=keys, start_frame=40)
    EDITS["mirrored_parent"](imported)
    wanted = _shown(scene, imported)
    export_usd(imported.collection, tmp_path / "take.usdc", camera=True)
    stage = Usd.Stage.Open(str(tmp_path / "take.usdc"))
    meshes = [prim for prim in stage.Traverse() if prim.IsA(geometry.Mesh)]
    cameras = [prim for prim in stage.Traverse() if prim.IsA(geometry.Camera)]
    named = {prim.GetParent().GetName(): prim for prim in meshes}
    assert set(named) == {"Head", "Hand_R"}
    assert len(cameras) == 1
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (0, 29)
    assert stage.GetTimeCodesPerSecond() == pytest.approx(small_take.fps, rel=1e-3)
    assert geometry.GetStageUpAxis(stage) == "Z"
    for (name, index), points in wanted.items():
        prim = named[name.replace(".", "_")]
        local = np.array(geometry.Mesh(prim).GetPointsAttr().Get(index))
        world = np.array(geometry.Xformable(prim).ComputeLocalToWorldTransform(index))
        found = (local @ world[:3, :3] + world[3, :3]) * geometry.GetStageMetersPerUnit(stage)
        assert _close(found, points), (name, index)


def test_usd_refers_to_the_pictures_that_it_writes(scene: bpy.types.Scene, small_take: Take, tmp_path: Path) -> None:
    picture = bpy.data.images.new("drawn", 4, 4)
    picture.filepath_raw, picture.file_format = str(tmp_path / "drawn.png"), "PNG"
    picture.save()
    picture.pack()
    picture.name = picture[PICTURE] = "Renamed Skin"
    imported = import_take(small_take, keys="compact")
    material = imported.objects["head"].data.materials[0]
    show_picture(material, picture)
    export_usd(imported.collection, tmp_path / "take.usda")
    named = re.findall(r"@(\./textures/[^@]+)@", (tmp_path / "take.usda").read_text())
    assert len(named) == 1
    assert (tmp_path / named[0]).is_file()
    assert picture in pictures_of(material)
    assert (picture.name, picture.packed_files[0].filepath) == ("Renamed Skin", str(tmp_path / "drawn.png"))
    assert not [image for image in bpy.data.images if image.name.startswith("Renamed Skin.")]


def test_only_files_of_the_kind_are_written(scene: bpy.types.Scene, small_take: Take, tmp_path: Path) -> None:
    imported = import_take(small_take, keys="compact")
    before = sorted(block.name for block in bpy.data.objects)
    for write, name in ((export_alembic, "a.usd"), (export_usd, "a.abc"), (export_usd, "no folder/a.usd")):
        with pytest.raises(InputError, match="choose another output"):
            write(imported.collection, tmp_path / name)
    assert not list(tmp_path.iterdir())
    assert sorted(block.name for block in bpy.data.objects) == before
    # A frame range of its own, moved to the origin.
    scene.frame_start, scene.frame_end = 5, 8
    report = export_usd(imported.collection, tmp_path / "a.usda", frames="scene", at_origin=True)
    assert (report.first, report.last) == (5, 8)
    assert "endTimeCode = 3" in (tmp_path / "a.usda").read_text()
