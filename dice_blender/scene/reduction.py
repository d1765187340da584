"""Fewer keys, with bezier handles, in the place of one a frame: for an animator to work on, within a stated error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import bpy
import numpy as np

from dice_core.errors import InputError

from .animation import curves_of, is_own_curve
from .keys.bezier import fit_bezier
from .object_data import shape_keys_of
from .parts import CAMERA, KEYS_PROPERTY, REDUCED_PROPERTY, parts_in

__all__ = ["CurveErrors", "Reduction", "reduce_keys", "reduced_by"]

_BEZIER, _ALIGNED = 2, 3
_CONSTANT = "CONSTANT"


@dataclass(frozen=True)
class CurveErrors:
    """How far curves are off, or may be. distance : metres; angle : radians; weight : of a shape key."""

    distance: float
    angle: float
    weight: float

    def __add__(self, other: CurveErrors) -> CurveErrors:
        return CurveErrors(self.distance + other.distance, self.angle + other.angle, self.weight + other.weight)


@dataclass(frozen=True)
class Reduction:
    """before, after : number of keys; reached : the largest errors, as Blender evaluates the curves."""

    before: int
    after: int
    reached: CurveErrors


def reduced_by(collection: bpy.types.Collection) -> CurveErrors | None:
    """How far the curves of an import are at most from those of the take; None where they are those of the take."""
    noted: Any = collection.get(REDUCED_PROPERTY)
    return None if noted is None else CurveErrors(*noted)


def reduce_keys(collection: bpy.types.Collection, bounds: CurveErrors) -> Reduction:
    """Replace the keys of a rigged import by as few as keep within the bounds, in place.

    The curves of a vector have their keys at the same frames. Stepped curves, contact, the footage's frame numbers,
    the camera and the user's own curves stay as they are. What `reduced_by` says grows by the errors that are reached.
    Raises InputError where the import is not rigged or a bound is not positive; nothing is changed then.
    """
    if collection.get(KEYS_PROPERTY) != "rigged":
        raise InputError("Only rigged keys can be reduced: import the take again with rigged keys first.")
    if min(bounds.distance, bounds.angle, bounds.weight) <= 0:
        raise InputError("Keys cannot be reduced without any error: allow more than 0 of each kind.")
    before = after = 0
    reached = dict.fromkeys((field.name for field in fields(CurveErrors)), 0.0)
    for part, item in parts_in(collection).items():
        for block in (item, shape_keys_of(item)) if part != CAMERA else ():
            for kind, curves in _vectors(block):
                before += _count(curves)
                reached[kind] = max(reached[kind], _reduce(curves, _DISTANCES[kind], getattr(bounds, kind)))
                after += _count(curves)
            if block is not None:
                block.update_tag()
    errors = CurveErrors(**reached)
    total = errors + (reduced_by(collection) or CurveErrors(0.0, 0.0, 0.0))
    collection[REDUCED_PROPERTY] = [total.distance, total.angle, total.weight]
    return Reduction(before, after, errors)


def _vectors(block: bpy.types.ID | None) -> list[tuple[str, list[bpy.types.FCurve]]]:
    """The take's curves of a block that can do with fewer keys, those of one property together, with their kind."""
    found: dict[str, list[bpy.types.FCurve]] = {}
    for curve in curves_of(block):
        if is_own_curve(curve):
            found.setdefault(curve.data_path, []).append(curve)
    vectors = []
    for path, curves in found.items():
        kind = next((kind for ending, kind in _KINDS.items() if path.endswith(ending)), None)
        stepped = all(point.interpolation == _CONSTANT for curve in curves for point in curve.keyframe_points)
        if kind is not None and not stepped and any(len(curve.keyframe_points) > 1 for curve in curves):
            vectors.append((kind, sorted(curves, key=lambda curve: curve.array_index)))
    return vectors


def _count(curves: list[bpy.types.FCurve]) -> int:
    """Number of keys."""
    return sum(len(curve.keyframe_points) for curve in curves)


def _reduce(
    curves: list[bpy.types.FCurve], distance: Callable[[np.ndarray, np.ndarray], np.ndarray], bound: float
) -> float:
    """Give the curves of a vector their few keys. Returns the largest error, as Blender evaluates them.

    Those that stand still keep their only key.
    """
    moving = [len(curve.keyframe_points) > 1 for curve in curves]
    with _without_modifiers(curves):
        times = _sampled_times(curves)
        values = _evaluated(curves, times)
        fit = fit_bezier(times, values, distance, bound)
        if len(fit.kept) * sum(moving) + len(curves) - sum(moving) >= _count(curves):
            return 0.0
        for curve, moves, column, slopes in zip(curves, moving, values.T, fit.slopes.T, strict=True):
            if moves:
                _write(curve, times[fit.kept], column[fit.kept], slopes)
        return float(distance(_evaluated(curves, times), values).max())


def _sampled_times(curves: list[bpy.types.FCurve]) -> np.ndarray:
    """(n,) frames of all keys of the curves, and the whole frames between the first and the last."""
    keyed = []
    for curve in curves:
        points = np.empty(2 * len(curve.keyframe_points), np.float32)
        curve.keyframe_points.foreach_get("co", points)
        keyed.append(points[::2])
    times = np.concatenate(keyed).astype(np.float64)
    return np.union1d(times, np.arange(np.ceil(times.min()), np.floor(times.max()) + 1))


def _evaluated(curves: list[bpy.types.FCurve], times: np.ndarray) -> np.ndarray:
    """(n, d) values of curves."""
    return np.array([[curve.evaluate(time) for curve in curves] for time in times.tolist()])


def _write(curve: bpy.types.FCurve, times: np.ndarray, values: np.ndarray, slopes: np.ndarray) -> None:
    """Keys with aligned handles, which reach a third of the way to their neighbours."""
    gaps = np.diff(times) / 3
    back, ahead = np.append(gaps[:1], gaps), np.append(gaps, gaps[-1:])
    points = curve.keyframe_points
    points.clear()
    points.add(len(times))
    for name, offset in (("co", 0.0 * back), ("handle_left", -back), ("handle_right", ahead)):
        place = np.stack([times + offset, values + slopes * offset], axis=1)
        points.foreach_set(name, place.astype(np.float32).ravel())
    points.foreach_set("interpolation", np.full(len(times), _BEZIER, np.int32))
    for name in ("handle_left_type", "handle_right_type"):
        points.foreach_set(name, np.full(len(times), _ALIGNED, np.int32))
    curve.update()


@contextmanager
def _without_modifiers(curves: list[bpy.types.FCurve]) -> Iterator[None]:
    """Curves as they are keyed: what trims them or makes dents deeper comes on top again afterwards."""
    active = [modifier for curve in curves for modifier in curve.modifiers if not modifier.mute]
    for modifier in active:
        modifier.mute = True
    try:
        yield
    finally:
        for modifier in active:
            modifier.mute = False


def _length(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.linalg.norm(one - other, axis=1)


def _turn(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(n,) angles between (n, 4) quaternions, which need not be of unit length."""
    a, b = (q / np.linalg.norm(q, axis=1, keepdims=True) for q in (one, other))
    chord = np.minimum(np.linalg.norm(a - b, axis=1), np.linalg.norm(a + b, axis=1))
    return 4 * np.arcsin(np.minimum(chord / 2, 1.0))


# What a curve's data path ends in, the field of CurveErrors that says how far it may be off, and how that is measured.
_KINDS = {"location": "distance", "rotation_quaternion": "angle", '"].value': "weight"}
_DISTANCES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "distance": _length,
    "angle": _turn,
    "weight": _length,
}
