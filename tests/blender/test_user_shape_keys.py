"""Shape keys that the user has added to an imported body outlive an import again; those of the take do not."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
import pytest

from dice_blender.scene import import_take
from dice_blender.scene.animation import curves_of
from dice_blender.scene.dents import set_dent_strength
from dice_core.take import Take

from .surfaces import captured, evaluated, present, worst_distance

MODES = ("per-frame", "compact", "rigged")


def _points(block: Any) -> np.ndarray:
    points = np.empty(3 * len(block.data), np.float32)
    block.data.foreach_get("co", points)
    return points.reshape(-1, 3)


def _add(item: bpy.types.Object, name: str, offset: np.ndarray, relative: Any = None) -> Any:
    block: Any = item.shape_key_add(name=name, from_mix=False)
    if relative is not None:
        block.relative_key = relative
    block.data.foreach_set("co", (_points(block.relative_key) + offset).astype(np.float32).ravel())
    return block


@pytest.mark.parametrize("nla", [False, True], ids=["actions", "nla"])
@pytest.mark.parametrize("keys", MODES)
@pytest.mark.parametrize("again", MODES)
def test_own_shape_keys_stay(scene: bpy.types.Scene, small_take: Take, keys: str, again: str, nla: bool) -> None:
    imported = import_take(small_take, keys=keys, nla=nla)
    head = imported.objects["head"]
    count = len(head.data.vertices)
    bump = np.zeros((count, 3))
    bump[:50, 2] = 0.01
    side = np.roll(bump, 60, axis=0)
    mine = _add(head, "Scar", bump)
    second = _add(head, "Scar, deeper", side, mine)
    third = _add(head, "Beside a frame", side, head.data.shape_keys.key_blocks[2])
    mine.value = 0.5
    second.value, second.mute = 1.0, True
    third.vertex_group = "contact"
    for frame, value in ((1, 0.0), (21, 1.0)):
        mine.value = value
        mine.keyframe_insert("value", frame=frame)
    # One of the take's that was renamed is still the take's.
    head.data.shape_keys.key_blocks[1].name = "First"
    made = import_take(small_take, keys=again, replace=imported.collection)
    fresh = len(import_take(small_take, keys=again).objects["head"].data.shape_keys.key_blocks)
    blocks = head.data.shape_keys.key_blocks
    assert len(blocks) == fresh + 3
    assert "First" not in blocks
    scar, deeper, beside = (blocks[name] for name in ("Scar", "Scar, deeper", "Beside a frame"))
    assert np.abs(_points(scar) - _points(blocks[0]) - bump).max() < 1e-6
    assert deeper.relative_key == scar
    assert np.abs(_points(deeper) - _points(scar) - side).max() < 1e-6
    assert beside.relative_key == blocks[0]
    assert np.abs(_points(beside) - _points(blocks[0]) - side).max() < 1e-6
    assert (deeper.value, deeper.mute, beside.vertex_group) == (1.0, True, "contact")
    paths = [curve.data_path for curve in curves_of(head.data.shape_keys)]
    assert len(paths) == len(set(paths))
    assert all(head.data.shape_keys.path_resolve(path) is not None for path in paths)
    scene.frame_set(11)
    assert scar.value == pytest.approx(0.5, abs=0.01)
    # With it off, what is seen is the take.
    for curve in curves_of(head.data.shape_keys):
        if "Scar" in curve.data_path:
            curve.mute = True
    scar.value = 0.0
    for mesh, item in made.objects.items():
        assert worst_distance(small_take, mesh, item, 1) < 0.21
    set_dent_strength(imported.collection, 2.0, small_take)
    import_take(small_take, keys="compact", replace=imported.collection)
    assert [b.name for b in head.data.shape_keys.key_blocks if b.name.startswith("contact.")] == []
    assert "dice_dents" not in head.data.shape_keys
    assert worst_distance(small_take, "head", head, 1) < 0.21


def test_own_shape_keys_that_another_mesh_cannot_have_are_told(
    scene: bpy.types.Scene, small_take: Take, plain_take: Take
) -> None:
    imported = import_take(small_take, keys="rigged")
    head = imported.objects["head"]
    _add(head, "Scar", np.zeros((len(head.data.vertices), 3)))
    told = import_take(plain_take, keys="compact", replace=imported.collection).warnings
    assert [f"{head.name} has another mesh" in line and "Scar" in line for line in told].count(True) == 1
    again = import_take(small_take, keys="compact", replace=imported.collection).warnings
    assert not any("another mesh" in line for line in again), "there were none to lose"


def test_bones_are_out_of_sight_where_the_hand_is(scene: bpy.types.Scene, small_take: Take) -> None:
    imported = import_take(small_take, keys="rigged")
    rig, hand = imported.armatures["hand_right"], imported.objects["hand_right"]
    shown = set(present(small_take, "hand_right").tolist())
    assert 0 < len(shown) < 30
    surfaces = captured(small_take, "hand_right")
    for index in range(30):
        scene.frame_set(1 + index)
        bpy.context.view_layer.update()
        assert rig.hide_viewport == rig.hide_render == (index not in shown)
        if index in shown:
            assert np.linalg.norm(evaluated(hand) - surfaces[index], axis=1).max() < 2.1e-4
