"""What is exported is what the viewport shows: each edit that a user may make, read back by a reader of our own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from scipy.spatial import cKDTree

from dice_blender.export import ExportReport, export_glb
from dice_blender.scene import ImportedTake, import_take
from dice_blender.scene.parts import read_timing
from dice_blender.scene.retiming import retime as move_in_time
from dice_core.errors import InputError
from dice_core.take import Take

from .glb_reader import Glb
from .surfaces import evaluated
from .user_edits import EDITS, moving_parent, retime

_LIMIT = 0.5e-3


def _frames(report: ExportReport, count: int = 5) -> list[int]:
    return np.linspace(report.first, report.last, count).round().astype(int).tolist()


def _shown(item: bpy.types.Object, scene: bpy.types.Scene, frames: list[int]) -> np.ndarray:
    """(V, F, 3) where the viewport shows an object in each frame."""
    surfaces = []
    for frame in frames:
        scene.frame_set(frame)
        surfaces.append(evaluated(item))
    return np.array(surfaces).transpose(1, 0, 2)


def _distance(glb: Glb, name: str, wanted: np.ndarray, seconds: list[float]) -> float:
    """Metres between the vertices of a mesh in the file and those wanted, (V, F, 3), at most, both ways."""
    found = np.array([glb.surface(name, second) for second in seconds]).transpose(1, 0, 2)
    worst = 0.0
    for points, targets in ((found, wanted), (wanted, found)):
        _, nearest = cKDTree(targets.reshape(len(targets), -1)).query(points.reshape(len(points), -1))
        worst = max(worst, float(np.linalg.norm(points - targets[nearest], axis=2).max()))
    return worst


def _check(imported: ImportedTake, path: Path, names: dict[str, str], **options: Any) -> Glb:
    """Export, and compare. names : object in Blender to node in the file; all else is not in the file."""
    scene = bpy.context.scene
    report = export_glb(imported.collection, path, **options)
    glb = Glb(path)
    assert set(glb.mesh_nodes) == set(names.values())
    fps = scene.render.fps / scene.render.fps_base
    for own, name in names.items():
        item = bpy.data.objects[own]
        frames = _frames(report)
        visible = []
        for frame in frames:
            scene.frame_set(frame)
            if not item.hide_viewport:
                visible.append(frame)
        assert visible
        wanted = _shown(item, scene, visible)
        assert _distance(glb, name, wanted, [(f - report.first) / fps for f in visible]) < _LIMIT
    return glb


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize(("keys", "preset"), [("per-frame", "generic"), ("compact", "unity"), ("rigged", "generic")])
def test_edits_arrive(
    scene: bpy.types.Scene, small_take: Take, tmp_path: Path, keys: str, preset: str, edit: str
) -> None:
    imported = import_take(small_take, keys=keys)
    EDITS[edit](imported)
    _check(imported, tmp_path / "seen.glb", {"Head": "Head", "Hand.R": "Hand.R"}, preset=preset)


@pytest.mark.parametrize("edit", ["mirrored_parent", "uneven_scale", "deformed_head", "scaled_rig", "nla_strips"])
def test_edits_arrive_on_one_skeleton(scene: bpy.types.Scene, small_take: Take, tmp_path: Path, edit: str) -> None:
    imported = import_take(small_take, keys="rigged")
    EDITS[edit](imported)
    _check(imported, tmp_path / "seen.glb", {"Head": "Head", "Hand.R": "Hand.R"}, preset="unreal")


def test_keys_decide_the_frames(scene: bpy.types.Scene, small_take: Take, tmp_path: Path) -> None:
    imported = import_take(small_take, keys="rigged")
    last = len(small_take.frames)
    retime(imported, 1.0, 100.0)
    report = export_glb(imported.collection, tmp_path / "a.glb")
    assert (report.first, report.last) == (101, 100 + last)
    scene.frame_start, scene.frame_end = 90, 105
    report = export_glb(imported.collection, tmp_path / "b.glb", frames="scene")
    assert (report.first, report.last) == (90, 105)
    fps = scene.render.fps / scene.render.fps_base
    assert Glb(tmp_path / "b.glb").seconds == pytest.approx(15 / fps, abs=1e-3)
    with pytest.raises(InputError, match="keys, scene"):
        export_glb(imported.collection, tmp_path / "c.glb", frames="all")


@pytest.mark.parametrize("keys", ["per-frame", "compact", "rigged"])
def test_a_trimmed_take_exports_what_plays(scene: bpy.types.Scene, small_take: Take, tmp_path: Path, keys: str) -> None:
    imported = import_take(small_take, keys=keys, start_frame=11)
    timing = read_timing(imported.collection)
    assert timing is not None
    move_in_time(scene, imported.collection, timing.moved(trim=(5, 12)), [])
    report = export_glb(imported.collection, tmp_path / "a.glb")
    assert (report.first, report.last) == (16, 23)
    _check(imported, tmp_path / "b.glb", {"Head": "Head", "Hand.R": "Hand.R"})
    move_in_time(scene, imported.collection, timing, [])
    report = export_glb(imported.collection, tmp_path / "c.glb")
    assert (report.first, report.last) == (11, 40)


def test_what_is_hidden_stays_out(scene: bpy.types.Scene, small_take: Take, tmp_path: Path) -> None:
    imported = import_take(small_take, keys="rigged")
    hand, head = imported.objects["hand_right"], imported.objects["head"]
    only_head = {"Head": "Head"}
    hand.hide_set(True)
    _check(imported, tmp_path / "eye.glb", only_head)
    hand.hide_set(False)
    inner = bpy.data.collections.new("Inner")
    imported.collection.children.link(inner)
    imported.collection.objects.unlink(hand)
    inner.objects.link(hand)
    layer = bpy.context.view_layer.layer_collection.children[imported.collection.name].children["Inner"]
    layer.exclude = True
    _check(imported, tmp_path / "excluded.glb", only_head)
    layer.exclude = False
    layer.hide_viewport = True
    report = export_glb(imported.collection, tmp_path / "closed eye.glb")
    assert set(Glb(tmp_path / "closed eye.glb").mesh_nodes) == {"Head"}
    assert any("Hand.R" in warning for warning in report.warnings)
    layer.hide_viewport = False
    head.hide_viewport = head.hide_render = True
    export_glb(imported.collection, tmp_path / "both.glb")
    assert set(Glb(tmp_path / "both.glb").mesh_nodes) == {"Hand.R"}
    head.hide_set(True)
    hand.hide_set(True)
    with pytest.raises(InputError, match="hidden"):
        export_glb(imported.collection, tmp_path / "nothing.glb")


@pytest.mark.parametrize("keys", ["per-frame", "compact", "rigged"])
def test_what_only_renders_show_is_in_its_place(
    scene: bpy.types.Scene, small_take: Take, tmp_path: Path, keys: str
) -> None:
    """The monitor icon spares the viewport the work: the object is still part of the picture."""
    imported = import_take(small_take, keys=keys)
    imported.objects["head"].hide_viewport = True
    report = export_glb(imported.collection, tmp_path / "monitor.glb")
    imported.objects["head"].hide_viewport = False
    fps = scene.render.fps / scene.render.fps_base
    wanted = _shown(imported.objects["head"], scene, _frames(report))
    seconds = [(frame - report.first) / fps for frame in _frames(report)]
    assert _distance(Glb(tmp_path / "monitor.glb"), "Head", wanted, seconds) < _LIMIT


@pytest.mark.parametrize("preset", ["generic", "godot"])
@pytest.mark.parametrize("keys", ["per-frame", "compact", "rigged"])
def test_an_absent_hand_is_out_of_sight_and_never_glides_in(
    scene: bpy.types.Scene, small_take: Take, tmp_path: Path, keys: str, preset: str
) -> None:
    imported = import_take(small_take, keys=keys)
    report = export_glb(imported.collection, tmp_path / "absent.glb", preset=preset)
    glb = Glb(tmp_path / "absent.glb")
    fps = scene.render.fps / scene.render.fps_base
    present = small_take.array("tracked_hand_right") > 0
    for t in np.flatnonzero(~present):
        assert np.ptp(glb.surface("Hand.R", t / fps), axis=0).max() < 1e-3
    for t in np.flatnonzero(present[1:] & ~present[:-1]) + 1:
        shown = glb.surface("Hand.R", t / fps)
        for share in (0.1, 0.5, 0.9):
            between = glb.surface("Hand.R", (t - 1 + share) / fps)
            # Growing in its place: no vertex leaves the box of the hand that appears.
            low, high = shown.min(axis=0), shown.max(axis=0)
            assert (between > low - 2e-3).all()
            assert (between < high + 2e-3).all()
    assert report.last - report.first + 1 == len(small_take.frames)


def test_a_linked_duplicate_is_a_body_of_its_own(scene: bpy.types.Scene, small_take: Take, tmp_path: Path) -> None:
    imported = import_take(small_take, keys="compact")
    twin = imported.objects["head"].copy()
    imported.collection.objects.link(twin)
    twin.animation_data_clear()
    twin.location = (0.5, 0, 0)
    _check(imported, tmp_path / "twin.glb", {"Head": "Head", "Head.001": "Head_2", "Hand.R": "Hand.R"})


def test_a_take_in_another_scene(scene: bpy.types.Scene, small_take: Take, tmp_path: Path) -> None:
    other = bpy.data.scenes.new("Other")
    imported = import_take(small_take, keys="rigged", scene=other)
    imported.origin.location.x = 0.3
    report = export_glb(imported.collection, tmp_path / "other.glb")
    bpy.context.window.scene = other
    fps = other.render.fps / other.render.fps_base
    wanted = _shown(imported.objects["head"], other, _frames(report))
    seconds = [(frame - report.first) / fps for frame in _frames(report)]
    assert _distance(Glb(tmp_path / "other.glb"), "Head", wanted, seconds) < _LIMIT


def test_a_modifier_that_adds_vertices_is_left_out_with_a_word(
    scene: bpy.types.Scene, small_take: Take, tmp_path: Path
) -> None:
    imported = import_take(small_take, keys="rigged")
    head = imported.objects["head"]
    count = len(head.data.vertices)
    smooth = head.modifiers.new("Smoother", "SUBSURF")
    report = export_glb(imported.collection, tmp_path / "subsurf.glb")
    assert any("Smoother" in warning for warning in report.warnings)
    assert smooth.show_viewport
    smooth.show_viewport = False
    scene.frame_set(report.first)
    wanted = evaluated(head)
    assert len(wanted) == count
    assert _distance(Glb(tmp_path / "subsurf.glb"), "Head", wanted[:, None], [0.0]) < _LIMIT


def test_the_users_objects_stay_where_they_were_dragged(
    scene: bpy.types.Scene, small_take: Take, tmp_path: Path
) -> None:
    """Moved by hand and not keyed yet: evaluating another frame in the user's scene would lose it."""
    imported = import_take(small_take, keys="rigged")
    moving_parent(imported)
    scene.frame_set(7)
    parent, rig = imported.origin.parent, imported.armatures["hand_right"]
    parent.location = (3, 4, 5)
    rig.pose.bones[0].location = (0.1, 0.2, 0.3)
    imported.objects["head"].hide_viewport = True
    export_glb(imported.collection, tmp_path / "dragged.glb")
    assert tuple(parent.location) == (3, 4, 5)
    assert rig.pose.bones[0].location[:] == pytest.approx((0.1, 0.2, 0.3))
    assert imported.objects["head"].hide_viewport
    assert scene.frame_current == 7
