"""Reduced keys: few, with bezier handles, and never further off than asked for, as Blender plays them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from scipy.spatial import cKDTree

from dice_blender.export import export_glb
from dice_blender.export.seen import largest_distance, seen_surfaces
from dice_blender.scene import ImportedTake, import_take
from dice_blender.scene.animation import curves_of
from dice_blender.scene.dents import set_dent_strength
from dice_blender.scene.keys.bezier import fit_bezier
from dice_blender.scene.markers import touches_of
from dice_blender.scene.parts import read_timing
from dice_blender.scene.reduction import CurveErrors, reduce_keys, reduced_by
from dice_blender.scene.retiming import retime
from dice_core.errors import InputError
from dice_core.take import Take

from .glb_reader import Glb
from .surfaces import evaluated, worst_distance

BOUNDS = CurveErrors(0.5e-3, math.radians(0.5), 0.01)


def _blocks(imported: ImportedTake) -> list[Any]:
    items = [*imported.objects.values(), *imported.armatures.values()]
    return [b for i in items for b in (i, getattr(i.data, "shape_keys", None)) if b is not None]


def _played(imported: ImportedTake, frames: range) -> dict[tuple[str, str], np.ndarray]:
    """Values of all animated properties that Blender has set in each frame, by block and path."""
    values: dict[tuple[str, str], list[Any]] = {}
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        for block in _blocks(imported):
            for path in {c.data_path for c in curves_of(block) if not c.data_path.startswith(("[", "hide"))}:
                value = block.path_resolve(path)
                values.setdefault((block.name, path), []).append(np.array(value, float).ravel())
    return {key: np.array(rows) for key, rows in values.items()}


def _angle(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    one, other = (q / np.linalg.norm(q, axis=1, keepdims=True) for q in (one, other))
    return 2 * np.arccos(np.clip(np.abs((one * other).sum(axis=1)), 0, 1))


@pytest.mark.parametrize("times", [1, 4])
def test_curves_stay_within_what_is_asked_for(scene: bpy.types.Scene, take: Take, times: int) -> None:
    imported = import_take(take, keys="rigged")
    before, surfaces = _played(imported, range(1, 31)), seen_surfaces(imported.collection)
    bounds = CurveErrors(BOUNDS.distance * times, BOUNDS.angle * times, BOUNDS.weight * times)
    done = reduce_keys(imported.collection, bounds)
    assert done.after < 0.5 * done.before
    worst = {"location": 0.0, "rotation_quaternion": 0.0, "value": 0.0}
    for (block, path), values in _played(imported, range(1, 31)).items():
        wanted, kind = before[block, path], path.rpartition(".")[2]
        turned = kind == "rotation_quaternion"
        error = _angle(values, wanted) if turned else np.linalg.norm(values - wanted, axis=1)
        worst[kind] = max(worst[kind], float(error.max()))
    for kind, bound, reached in (
        ("location", bounds.distance, done.reached.distance),
        ("rotation_quaternion", bounds.angle, done.reached.angle),
        ("value", bounds.weight, done.reached.weight),
    ):
        # The float32 of properties; shape keys are shown within 0 and 1, which is nearer still.
        slack = 5e-4 if kind == "rotation_quaternion" else 1e-6
        assert worst[kind] <= reached + slack
        assert worst[kind] > 0.9 * reached - slack
        assert 0.3 * bound < reached <= bound, "the bound is used"
    assert 0 < largest_distance(surfaces, seen_surfaces(imported.collection)) < 0.01 * times


def test_keys_have_bezier_handles_at_common_frames(scene: bpy.types.Scene, small_take: Take) -> None:
    imported = import_take(small_take, keys="rigged")
    untouched = {c.data_path for c in curves_of(imported.objects["head"]) if c.data_path.startswith("[")}
    count = {c.data_path: len(c.keyframe_points) for c in curves_of(imported.objects["head"])}
    rig = imported.armatures["hand_right"]
    turning = {c.data_path for c in curves_of(rig) if len(c.keyframe_points) > 20}
    assert len(turning) > 15
    reduce_keys(imported.collection, BOUNDS)
    bones: dict[str, set[tuple[float, ...]]] = {}
    for curve in [c for c in curves_of(rig) if c.data_path in turning and len(c.keyframe_points) > 1]:
        points = curve.keyframe_points
        assert {p.interpolation for p in points} == {"BEZIER"}
        assert {p.handle_left_type for p in points} | {p.handle_right_type for p in points} == {"ALIGNED"}
        bones.setdefault(curve.data_path, set()).add(tuple(p.co[0] for p in points))
    assert all(len(frames) == 1 for frames in bones.values())
    for curve in curves_of(imported.objects["head"]):
        if curve.data_path in untouched:
            assert len(curve.keyframe_points) == count[curve.data_path]
            assert {p.interpolation for p in curve.keyframe_points} == {"LINEAR"}
    hidden = [c for c in curves_of(imported.objects["hand_right"]) if c.data_path == "hide_viewport"]
    assert {p.interpolation for c in hidden for p in c.keyframe_points} == {"CONSTANT"}


def test_what_the_user_has_animated_stays(scene: bpy.types.Scene, small_take: Take) -> None:
    imported = import_take(small_take, keys="rigged")
    head = imported.objects["head"]
    for frame in range(1, 31):
        head.scale = (1 + 0.001 * frame,) * 3
        head.keyframe_insert("scale", frame=frame)
    set_dent_strength(imported.collection, 2.0)
    reduce_keys(imported.collection, BOUNDS)
    assert all(len(c.keyframe_points) == 30 for c in curves_of(head) if c.data_path == "scale")
    scaled = [c for c in curves_of(head.data.shape_keys) if "contact." in c.data_path]
    assert scaled
    assert all(not m.mute for c in scaled for m in c.modifiers)
    assert all(len(c.modifiers) == 1 for c in scaled)


def test_reduced_keys_are_retimed_exported_and_made_dense_again(
    scene: bpy.types.Scene, small_take: Take, tmp_path: Path
) -> None:
    imported = import_take(small_take, keys="rigged")
    collection = imported.collection
    reduce_keys(collection, BOUNDS)
    first = reduced_by(collection)
    assert first is not None
    timing = read_timing(collection)
    assert timing is not None
    export_glb(collection, tmp_path / "few.glb", preset="unity")
    scene.frame_set(13)
    wanted = {name: evaluated(item) for name, item in imported.objects.items()}
    for name, points in wanted.items():
        shown = Glb(tmp_path / "few.glb").surface(imported.objects[name].name, 12 / small_take.fps)
        assert cKDTree(shown).query(points)[0].max() < 5e-4
    retime(scene, collection, timing.moved(start=101.0, step=2.0), touches_of(small_take.events))
    scene.frame_set(101 + 24)
    for name, item in imported.objects.items():
        assert np.linalg.norm(evaluated(item) - wanted[name], axis=1).max() < 1e-5
    # Errors add up: what is stated is how far it may be from the take.
    reduce_keys(collection, CurveErrors(5e-3, 0.1, 0.1))
    second = reduced_by(collection)
    assert second is not None
    assert second.angle > first.angle
    again = import_take(small_take, keys="rigged", replace=collection)
    assert reduced_by(collection) is None
    assert worst_distance(small_take, "head", again.objects["head"], 101, 2.0) < 0.21


def test_what_cannot_be_reduced_is_refused(scene: bpy.types.Scene, small_take: Take) -> None:
    imported = import_take(small_take, keys="compact")
    with pytest.raises(InputError, match="rigged keys"):
        reduce_keys(imported.collection, BOUNDS)
    rigged = import_take(small_take, keys="rigged", replace=imported.collection)
    with pytest.raises(InputError, match="more than 0"):
        reduce_keys(rigged.collection, CurveErrors(1e-3, 0.0, 0.1))
    assert reduced_by(rigged.collection) is None


def _wave(times: np.ndarray) -> np.ndarray:
    return np.sin(times / 9)[:, None]


def _steps(times: np.ndarray) -> np.ndarray:
    return (times[:, None] % 20 < 10) * 1.0


def _line(times: np.ndarray) -> np.ndarray:
    return 3.0 * times[:, None] - 7.0


@pytest.mark.parametrize(("curve", "most"), [(_wave, 12), (_steps, 24), (_line, 2)])
@pytest.mark.parametrize("gap", [1.0, 0.4])
def test_a_fit_keeps_its_bound_with_few_keys(curve: Callable[[np.ndarray], np.ndarray], most: int, gap: float) -> None:
    times = 5 + np.concatenate([np.arange(0, 60, gap), [63.0, 70.0, 71.5]])
    values = curve(times)
    fit = fit_bezier(times, values, lambda a, b: np.linalg.norm(a - b, axis=1), 0.01)
    assert len(fit.kept) <= most
    # Evaluated once more as bezier curves: control points a third of the way along.
    begin, end = times[fit.kept[:-1]], times[fit.kept[1:]]
    piece = np.clip(np.searchsorted(begin, times, side="right") - 1, 0, len(begin) - 1)
    u = ((times - begin[piece]) / (end - begin)[piece])[:, None]
    y0, y1 = values[fit.kept[:-1]][piece], values[fit.kept[1:]][piece]
    third = (end - begin)[piece][:, None] / 3
    c0, c1 = y0 + fit.slopes[:-1][piece] * third, y1 - fit.slopes[1:][piece] * third
    shown = (1 - u) ** 3 * y0 + 3 * u * (1 - u) ** 2 * c0 + 3 * u**2 * (1 - u) * c1 + u**3 * y1
    assert np.abs(shown - values).max() <= 0.01
