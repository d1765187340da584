"""Metrics of a take, in full or the cheap part alone, and of a folder of takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dice_core.metrics.comparison import TruthComparison
from dice_core.metrics.head_surface import HeadSurface
from dice_core.metrics.plausibility import Plausibility, is_touching
from dice_core.metrics.take_metrics import TakeMetrics
from dice_core.take import Take
from dice_core.take.frames import FrameReader

__all__ = ["measure", "measure_tracking", "summarise"]

Progress = Callable[[int, int], None]
"""Called after each frame with the number of frames done and the number of all."""

_ADDED = {"frames", "hand_frames", "touch_frames", "compared_frames", "truth_touch_frames"}
_LARGEST = {"max_penetration_mm"}


def measure_tracking(take: Take, progress: Progress | None = None) -> dict[str, Any]:
    """Measure what needs no distance between the hands and the head, which is what takes the time in `measure`.

    Returns JSON values, None where there is nothing to measure:
    frames; tracked {mesh: share of frames}; landmark_error_percent {mesh: {median, p95} or None}; hand_frames, those
    with a head and a hand; touches, the take's touch events; jitter_mm, the mean length of the second difference of
    deformed vertices over three consecutive measured frames (head and hands together); reliability, of
    `take_metrics.reliability`.
    """
    reader = FrameReader(take)
    metrics = TakeMetrics(take)
    for done, frame in enumerate(reader, 1):
        metrics.add(frame)
        if progress is not None:
            progress(done, len(reader))
    return metrics.result()


def measure(take: Take, truth: Take | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """Measure a take in full, by itself or against a ground truth.

    truth : a take of the same footage, matched by the frames' index.
    Returns the values of `measure_tracking`, and of the hand_frames, each None without one: non_col_percent,
    col_dist_mm, max_penetration_mm and touch_frames, as `Plausibility` defines them.
    With truth also those of `TruthComparison.result`.
    """
    reader = FrameReader(take)
    metrics, plausibility = TakeMetrics(take), Plausibility()
    surface = HeadSurface(take.meshes.get("head"))
    comparison = TruthComparison(take, truth) if truth is not None else None
    for done, frame in enumerate(reader, 1):
        metrics.add(frame)
        distance = surface.distances(frame)
        if distance is not None:
            plausibility.add(distance)
        if comparison is not None:
            comparison.add(frame, touching=distance is not None and is_touching(distance))
        if progress is not None:
            progress(done, len(reader))
    result = metrics.result() | plausibility.result()
    if comparison is not None:
        result |= comparison.result(plausibility.non_col_percent)
    return result


def summarise(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One result for several takes: counts are added, the deepest penetration is the largest, all else is the mean of
    the takes that have it.

    results : each of `measure` or `measure_tracking`. Returns their keys and `takes`, the number of results.
    """
    summary: dict[str, Any] = {"takes": len(results)}
    keys = list(dict.fromkeys(key for result in results for key in result if key != "touches"))
    for key in keys:
        values = [result[key] for result in results if result.get(key) is not None]
        if key in _ADDED:
            summary[key] = sum(values)
        elif key in _LARGEST:
            summary[key] = max(values, default=None)
        else:
            summary[key] = _mean(values)
    summary["touches"] = [touch for result in results for touch in result.get("touches", [])]
    return summary


def _mean(values: list[Any]) -> Any:
    """Mean of numbers, or of dictionaries of numbers key by key."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    if isinstance(values[0], dict):
        keys = dict.fromkeys(key for value in values for key in value)
        return {key: _mean([value.get(key) for value in values]) for key in keys}
    return float(np.mean(values))
