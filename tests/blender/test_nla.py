"""A take on NLA tracks: it plays as before, can be moved in time, exported, imported again and removed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from scipy.spatial import cKDTree

from dice_blender.export import export_glb
from dice_blender.scene import ImportedTake, import_take
from dice_blender.scene.dents import set_dent_strength
from dice_blender.scene.markers import touches_of
from dice_blender.scene.nla import is_layer, put_on_tracks, take_off_tracks
from dice_blender.scene.parts import parts_in, read_timing
from dice_blender.scene.removal import remove_import
from dice_blender.scene.retiming import retime
from dice_core.take import Take

from .glb_reader import Glb
from .surfaces import captured, evaluated, present, worst_distance

MODES = ("per-frame", "compact", "rigged")


def _strips(imported: ImportedTake) -> list[Any]:
    items = [*imported.objects.values(), *imported.armatures.values()]
    blocks = [b for i in items for b in (i, getattr(i.data, "shape_keys", None))]
    found = [b.animation_data for b in blocks if b is not None and b.animation_data is not None]
    return [s for data in found for track in data.nla_tracks for s in track.strips]


def _move(scene: bpy.types.Scene, collection: bpy.types.Collection, take: Take, **to: Any) -> None:
    timing = read_timing(collection)
    assert timing is not None
    retime(scene, collection, timing.moved(**to), touches_of(take.events))


@pytest.mark.parametrize("keys", MODES)
def test_a_layer_plays_as_the_take_does(scene: bpy.types.Scene, small_take: Take, keys: str) -> None:
    imported = import_take(small_take, keys=keys, nla=True)
    assert is_layer(imported.collection)
    strips = _strips(imported)
    assert len(strips) == len({strip.action for strip in strips}) >= 4
    for item in imported.objects.values():
        for block in (item, item.data.shape_keys):
            assert block.animation_data.action is None
            assert [track.name for track in block.animation_data.nla_tracks] == ["small"]
    for start, step in ((1.0, 1.0), (201.0, 1.0), (201.0, 2.5), (-40.0, 0.5)):
        _move(scene, imported.collection, small_take, start=start, step=step)
        for strip in strips:
            span = start, start + 29 * step
            assert (strip.frame_start, strip.frame_end) == pytest.approx(span, abs=0.02)
            assert (strip.action_frame_start, strip.action_frame_end) == pytest.approx(span, abs=0.02)
        if step >= 1:
            for mesh, item in imported.objects.items():
                assert worst_distance(small_take, mesh, item, start, step) < 0.21
                shown = set(present(small_take, mesh).tolist())
                for index in (0, 3, 4, 17, 18, 20, 21, 29):
                    scene.frame_set(int(np.ceil(start + step * index)))
                    assert item.hide_viewport == (index not in shown)
    assert take_off_tracks(imported.collection) == len(strips)
    assert not _strips(imported)
    _move(scene, imported.collection, small_take, start=1.0, step=1.0)
    assert worst_distance(small_take, "head", imported.objects["head"], 1) < 0.21


@pytest.mark.parametrize("keys", MODES)
def test_a_trimmed_layer_holds_and_exports_what_plays(
    scene: bpy.types.Scene, small_take: Take, tmp_path: Path, keys: str
) -> None:
    imported = import_take(small_take, keys=keys, nla=True)
    surfaces = captured(small_take, "head")
    _move(scene, imported.collection, small_take, trim=(15, 20))
    for frame, index in ((1, 15), (16, 15), (18, 17), (21, 20), (30, 20)):
        scene.frame_set(frame)
        assert np.linalg.norm(evaluated(imported.objects["head"]) - surfaces[index], axis=1).max() < 2.1e-4
    report = export_glb(imported.collection, tmp_path / "a.glb")
    assert (report.first, report.last) == (16, 21)
    shown = Glb(tmp_path / "a.glb").surface("Head", 2 / small_take.fps)
    assert cKDTree(shown).query(surfaces[17])[0].max() < 5e-4


def test_an_animators_own_layer_lies_on_top(scene: bpy.types.Scene, small_take: Take, tmp_path: Path) -> None:
    imported = import_take(small_take, keys="compact", nla=True)
    head = imported.objects["head"]
    scene.frame_set(10)
    head.location = (0.0, 9.0, 0.0)
    head.keyframe_insert("location", frame=10)
    mine = head.animation_data.action
    assert mine is not None
    scene.frame_set(20)
    assert head.location.y == pytest.approx(9.0)
    set_dent_strength(imported.collection, 2.0, small_take)
    again = import_take(small_take, keys="rigged", replace=imported.collection)
    assert head.animation_data.action == mine, "an import again writes into its own strips"
    assert len(head.animation_data.nla_tracks) == 1
    assert not [s for s in _strips(again) if s.action is None]
    head.animation_data.action = None
    assert worst_distance(small_take, "hand_right", again.objects["hand_right"], 1) < 0.21
    # Where an action of the user's own is, the take's strip stays under it.
    head.animation_data.action = mine
    count = len(_strips(again))
    assert take_off_tracks(imported.collection) == count - 1
    assert [strip.action.name for strip in _strips(again)] == ["Head"]


@pytest.mark.parametrize("keys", MODES)
@pytest.mark.parametrize("again", MODES)
def test_strips_stay_where_they_were_put(scene: bpy.types.Scene, small_take: Take, keys: str, again: str) -> None:
    imported = import_take(small_take, keys=keys, nla=True)
    for strip in _strips(imported):
        strip.frame_start, strip.frame_end = strip.frame_start + 50, strip.frame_end + 50
    done = import_take(small_take, keys=again, replace=imported.collection)
    for mesh, item in done.objects.items():
        assert worst_distance(small_take, mesh, item, 51) < 0.21
    assert {(s.frame_start, s.frame_end) for s in _strips(done)} == {(51, 80)}
    _move(scene, done.collection, small_take, start=11.0)
    assert worst_distance(small_take, "head", done.objects["head"], 61) < 0.21


@pytest.mark.parametrize("keys", MODES)
def test_nothing_stays_of_a_layer_that_is_removed(scene: bpy.types.Scene, small_take: Take, keys: str) -> None:
    imported = import_take(small_take, keys=keys, nla=True)
    assert bpy.data.actions
    remove_import(imported.collection)
    assert not bpy.data.actions
    assert not bpy.data.objects


def test_a_layer_survives_saving(scene: bpy.types.Scene, small_take: Take, tmp_path: Path) -> None:
    imported = import_take(small_take, keys="rigged", nla=True)
    name = imported.collection.name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    collection = bpy.data.collections[name]
    assert is_layer(collection)
    assert worst_distance(small_take, "head", parts_in(collection)["head"], 1) < 0.21
    assert put_on_tracks(collection) == 0


def test_a_strip_that_is_being_tweaked_is_written_to(scene: bpy.types.Scene, small_take: Take) -> None:
    imported = import_take(small_take, keys="compact", nla=True)
    head = imported.objects["head"]
    data = head.animation_data
    data.nla_tracks.active = data.nla_tracks[0]
    data.nla_tracks[0].strips[0].select = True
    data.use_tweak_mode = True
    assert data.use_tweak_mode
    assert data.action is not None
    again = import_take(small_take, keys="compact", replace=imported.collection)
    count = len(_strips(again))
    assert take_off_tracks(imported.collection) == count - 1
    data.use_tweak_mode = False
    assert take_off_tracks(imported.collection) == 1
    assert worst_distance(small_take, "head", head, 1) < 0.21
