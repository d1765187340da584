"""An imported take that is delayed, slowed down or trimmed, and dents of any depth, against the take itself."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from dice_blender.scene import import_take
from dice_blender.scene.dents import set_dent_strength
from dice_blender.scene.markers import touches_of
from dice_blender.scene.parts import read_timing
from dice_blender.scene.retiming import retime
from dice_core.errors import InputError
from dice_core.take import Take

from .surfaces import TO_BLENDER, captured, evaluated, present, worst_distance

MODES = ("per-frame", "compact", "rigged")


def _move(scene: bpy.types.Scene, collection: bpy.types.Collection, take: Take, **to: object) -> None:
    timing = read_timing(collection)
    assert timing is not None
    retime(scene, collection, timing.moved(**to), touches_of(take.events))


@pytest.mark.parametrize("keys", MODES)
def test_a_take_plays_when_it_is_told_to(scene: bpy.types.Scene, take: Take, keys: str) -> None:
    imported = import_take(take, keys=keys)
    frames = [marker.frame for marker in scene.timeline_markers]
    _move(scene, imported.collection, take, start=201.0)
    _move(scene, imported.collection, take, step=2.5)
    for mesh, item in imported.objects.items():
        assert worst_distance(take, mesh, item, 201, 2.5) < 0.21
        shown = set(present(take, mesh).tolist())
        for index in range(30):
            scene.frame_set(201 + int(np.ceil(2.5 * index)))
            assert item.hide_viewport == (index not in shown)
    assert [marker.frame for marker in scene.timeline_markers] == [round(201 + 2.5 * (f - 1)) for f in frames]
    assert list(imported.collection["dice_range"]) == [201, 274]
    _move(scene, imported.collection, take, start=1.0, step=1.0)
    for mesh, item in imported.objects.items():
        assert worst_distance(take, mesh, item, 1) < 0.21
    assert [marker.frame for marker in scene.timeline_markers] == frames


@pytest.mark.parametrize("keys", MODES)
def test_trimmed_frames_hold_and_come_back(scene: bpy.types.Scene, take: Take, keys: str) -> None:
    imported = import_take(take, keys=keys)
    surfaces, item = captured(take, "head"), imported.objects["head"]
    before = len(scene.timeline_markers)
    _move(scene, imported.collection, take, trim=(15, 20))
    assert list(imported.collection["dice_range"]) == [16, 21]
    for frame, index in ((1, 15), (16, 15), (18, 17), (21, 20), (30, 20)):
        scene.frame_set(frame)
        assert np.linalg.norm(evaluated(item) - surfaces[index], axis=1).max() < 2.1e-4
    assert all(16 <= marker.frame <= 21 for marker in scene.timeline_markers)
    assert item.data.shape_keys.animation_data.action.frame_range[:] == (16, 21)
    _move(scene, imported.collection, take, trim=(0, 29))
    assert worst_distance(take, "head", item, 1) < 0.21
    assert len(scene.timeline_markers) == before


@pytest.mark.parametrize("remove", [True, False], ids=["deleted", "muted"])
def test_a_frame_without_its_key_stays_where_it_is(scene: bpy.types.Scene, take: Take, remove: bool) -> None:
    for mesh, item in import_take(take, start_frame=101).objects.items():
        keys, surfaces = item.data.shape_keys, captured(take, mesh)
        index = int(present(take, mesh)[12])
        name = f"frame_{101 + index:04d}"
        assert name in keys.key_blocks, "keys are named after the frames that they show"
        if remove:
            item.shape_key_remove(keys.key_blocks[name])
        else:
            keys.key_blocks[name].mute = True
        scene.frame_set(101 + index)
        shown = evaluated(item)
        assert np.linalg.norm(shown.mean(axis=0) - surfaces[index].mean(axis=0)) < 1e-5
        # What it is off is how the body turns about its middle over the whole clip: centimetres, not half a metre.
        assert np.linalg.norm(shown - surfaces[index], axis=1).max() < 0.08
        scene.frame_set(101 + index + 1)
        assert np.linalg.norm(evaluated(item) - surfaces[index + 1], axis=1).max() < 1e-5


def test_names_follow_a_delayed_take(scene: bpy.types.Scene, take: Take) -> None:
    imported = import_take(take)
    keys = imported.objects["head"].data.shape_keys
    keys.key_blocks["frame_0005"].name = "smile"
    _move(scene, imported.collection, take, start=3.0)
    names = [block.name for block in keys.key_blocks[1:]]
    assert names == ["smile" if n == 7 else f"frame_{n:04d}" for n in range(3, 33)]
    assert worst_distance(take, "head", imported.objects["head"], 3) < 0.01


@pytest.mark.parametrize("keys", MODES)
def test_dents_are_as_deep_as_asked_for(scene: bpy.types.Scene, take: Take, keys: str) -> None:
    imported = import_take(take, keys=keys)
    counts = {mesh: len(item.data.shape_keys.key_blocks) for mesh, item in imported.objects.items()}
    for strength in (1.0, 0.0, 0.4, 2.0, 1.3, 0.0, 1.0):
        set_dent_strength(imported.collection, strength, take)
        for mesh, item in imported.objects.items():
            undeformed = take.array(f"{mesh}.vertices") @ TO_BLENDER.T
            deformation = take.array(f"{mesh}.deformation") @ TO_BLENDER.T
            for index in present(take, mesh)[::4].tolist():
                scene.frame_set(1 + index)
                wanted = undeformed[index] + strength * deformation[index]
                assert np.linalg.norm(evaluated(item) - wanted, axis=1).max() < 3.1e-4, strength
            for block in item.data.shape_keys.key_blocks:
                assert block.slider_min == 0
                scaled = keys == "rigged" and block.name.startswith("contact.")
                assert block.slider_max == pytest.approx(max(1.0, strength) if scaled else 1.0)
    assert worst_distance(take, "head", imported.objects["head"], 1) < 0.21
    if keys == "rigged":
        assert counts == {mesh: len(item.data.shape_keys.key_blocks) for mesh, item in imported.objects.items()}


def test_dents_need_the_take_once(scene: bpy.types.Scene, take: Take) -> None:
    imported = import_take(take, keys="compact")
    before = [len(item.data.shape_keys.key_blocks) for item in imported.objects.values()]
    with pytest.raises(InputError, match="folder is missing"):
        set_dent_strength(imported.collection, 2.0)
    assert [len(item.data.shape_keys.key_blocks) for item in imported.objects.values()] == before
    set_dent_strength(imported.collection, 2.0, take)
    set_dent_strength(imported.collection, 0.5)


def test_dents_deepen_in_a_retimed_take(scene: bpy.types.Scene, take: Take) -> None:
    imported = import_take(take, keys="per-frame")
    _move(scene, imported.collection, take, start=50.0, step=2.0)
    set_dent_strength(imported.collection, 2.0, take)
    _move(scene, imported.collection, take, start=10.0, step=1.0)
    wanted = (take.array("head.vertices") + 2 * take.array("head.deformation")) @ TO_BLENDER.T
    scene.frame_set(10 + 14)
    assert np.linalg.norm(evaluated(imported.objects["head"]) - wanted[14], axis=1).max() < 2e-4
