"""Reduce Keys, NLA tracks, Alembic and USD as the panel offers them: what they say, and that one undo is enough."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import bpy
import pytest

from dice_blender.scene.animation import curves_of
from dice_blender.scene.nla import is_layer
from dice_blender.scene.parts import parts_in
from tests.blender.synthetic_take import Recipe, write_synthetic_take

from .test_panels import draw


@pytest.fixture
def take(tmp_path: Path) -> Path:
    return write_synthetic_take(tmp_path / "short.dicetake", Recipe(frames=12, rings=8, enters=1)).path


def _collection() -> bpy.types.Collection:
    settings = bpy.context.scene.dice
    return settings.takes[settings.active_take].collection


def _count() -> int:
    """Number of keys on bones, objects and shape keys."""
    items = parts_in(_collection()).values()
    blocks = [block for item in items for block in (item, getattr(item.data, "shape_keys", None))]
    return sum(len(curve.keyframe_points) for block in blocks for curve in curves_of(block))


def _drawn() -> str:
    return str(draw("DICE_PT_animation").mock_calls)


def test_reducing_states_its_error_and_can_be_undone(
    extension: Any, take: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bpy.ops.ed.undo_push(message="start")
    bpy.ops.dice.import_take("EXEC_DEFAULT", True, filepath=str(take), keys="rigged")
    before = _count()
    assert "Reduced" not in _drawn()
    capfd.readouterr()
    assert bpy.ops.dice.reduce_keys("EXEC_DEFAULT", True, distance=1.0, angle=0.02, weight=0.02) == {"FINISHED"}
    said = capfd.readouterr().out
    found = re.search(r"(\d+) keys became (\d+): at most ([\d.]+) mm, ([\d.]+)° and a weight of ([\d.]+) off", said)
    assert found is not None, said
    assert int(found[1]) > int(found[2])
    assert 0 < float(found[3]) <= 1.0
    assert 0 < float(found[4]) <= 1.15
    assert 0 < float(found[5]) <= 0.02
    assert 0 < float(re.search(r"the skin ([\d.]+) mm", said)[1]) < 20
    assert _count() < before
    assert f"Reduced: at most {found[3]} mm" in _drawn()
    bpy.ops.ed.undo()
    assert _count() == before
    assert "Reduced" not in _drawn()


def test_only_rigged_keys_are_offered_to_be_reduced(extension: Any, take: Path) -> None:
    assert not bpy.ops.dice.reduce_keys.poll()
    bpy.ops.dice.import_take(filepath=str(take), keys="compact")
    assert not bpy.ops.dice.reduce_keys.poll()
    bpy.ops.dice.reimport_take(keys="rigged")
    assert bpy.ops.dice.reduce_keys.poll()


def test_hidden_takes_are_left_alone(extension: Any, take: Path) -> None:
    bpy.ops.dice.import_take(filepath=str(take), keys="rigged")
    before = _count()
    for item in _collection().all_objects:
        item.hide_set(True)
    with pytest.raises(RuntimeError, match="hidden"):
        bpy.ops.dice.reduce_keys()
    assert _count() == before


def test_a_button_goes_to_the_nla_and_back(extension: Any, take: Path) -> None:
    bpy.ops.ed.undo_push(message="start")
    bpy.ops.dice.import_take("EXEC_DEFAULT", True, filepath=str(take), keys="rigged", nla=True)
    assert is_layer(_collection())
    assert "Take off NLA Tracks" in _drawn()
    bpy.ops.dice.nla_layer("EXEC_DEFAULT", True)
    assert not is_layer(_collection())
    assert "Put on NLA Tracks" in _drawn()
    bpy.ops.ed.undo()
    assert is_layer(_collection())
    entry = bpy.context.scene.dice.takes[0]
    entry.start, entry.speed, entry.trim_last = 31, 0.5, 6
    strips = {
        (strip.frame_start, strip.frame_end)
        for item in parts_in(_collection()).values()
        if item.animation_data is not None
        for track in item.animation_data.nla_tracks
        for strip in track.strips
    }
    assert len(strips) == 1
    assert next(iter(strips))[0] == pytest.approx(31, abs=0.01)
    bpy.ops.dice.remove_take()
    assert not bpy.data.actions


def test_caches_are_written_with_their_suffix(extension: Any, take: Path, tmp_path: Path) -> None:
    bpy.ops.dice.import_take(filepath=str(take), keys="compact")
    for operator, name in ((bpy.ops.dice.export_alembic, "a.abc"), (bpy.ops.dice.export_usd, "a.usda")):
        assert operator(filepath=str(tmp_path / name), frames="keys") == {"FINISHED"}
        assert (tmp_path / name).stat().st_size > 1000
        with pytest.raises(RuntimeError, match="choose another output"):
            operator(filepath=str(tmp_path / "a.obj"))
