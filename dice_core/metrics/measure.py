"""All metrics of a take, and of a folder of takes: what `dice metrics` reports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from dice_core.geometry.mesh import Mesh, triangles
from dice_core.geometry.signed_distance import PartsIndex
from dice_core.metrics.accuracy import ContactScore, mean_distance, procrustes
from dice_core.metrics.keypoints import Keypoints, landmark_error
from dice_core.metrics.plausibility import TOUCH_DISTANCE, Plausibility, hand_distances, harmonic_mean, touches
from dice_core.take import Take
from dice_core.take.frames import Frame, FrameReader

__all__ = ["measure", "summarise"]

_MESHES = ("head", "hand_left", "hand_right")
_FRAMES_FOR_JITTER = 3


def measure(
    take: Take, truth: Take | None = None, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Measure a take, by itself or against a ground truth.

    truth : a take of the same footage, matched by the frames' index. progress(done, total) is called after each frame.
    Returns JSON values; None where there is nothing to measure:
    frames; tracked {mesh: share of frames}; landmark_error_percent {mesh: {median, p95} or None};
    hand_frames, those with a head and a hand, which non_col_percent, col_dist_mm, max_penetration_mm and touch_frames
    are about; touches; jitter_mm, the mean length of the second difference of deformed vertices over three
    consecutive measured frames (head and hands together).
    With truth: compared_frames; missed_percent, bodies of the truth that the take lacks; pve_mm, mpjpe_mm, pa_mpjpe_mm
    over the bodies in both, after the heads' centres (means of their deformed vertices) are moved to the origin, the
    joints being those of the hands; truth_touch_frames, touchness_percent, f_percent; contact {"head", "hand"}, where a
    body that the take lacks counts as one without contact.
    """
    reader = FrameReader(take)
    gauges = _Gauges(take)
    comparison = _Comparison(take, truth) if truth is not None else None
    for done, frame in enumerate(reader, 1):
        touching = gauges.add(frame)
        if comparison is not None:
            comparison.add(frame, touching)
        if progress is not None:
            progress(done, len(reader))
    result = gauges.result(len(reader))
    if comparison is not None:
        result |= comparison.result(result["non_col_percent"])
    return result


def summarise(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One result for several takes: counts are added, the deepest penetration is the largest, all else is the mean of
    the takes that have it."""
    added = {"frames", "hand_frames", "touch_frames", "compared_frames", "truth_touch_frames"}
    summary: dict[str, Any] = {"takes": len(results)}
    keys = list(dict.fromkeys(key for result in results for key in result if key != "touches"))
    for key in keys:
        values = [result[key] for result in results if result.get(key) is not None]
        if key in added:
            summary[key] = sum(values)
        elif key == "max_penetration_mm":
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


class _Gauges:
    """What is measured without a truth, frame by frame."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._surface = _HeadSurface(take.meshes.get("head"))
        self._keypoints = {name: Keypoints(mesh) for name, mesh in take.meshes.items()}
        self._plausibility = Plausibility()
        self._tracked: dict[str, int] = dict.fromkeys(take.meshes, 0)
        self._landmark_errors: dict[str, list[float]] = defaultdict(list)
        self._jitter: list[float] = []
        self._jitter_weights: list[int] = []
        self._recent: list[Frame] = []

    def add(self, frame: Frame) -> bool:
        """Measure a frame; returns whether a hand touches the head in it."""
        for name, body in frame.bodies.items():
            self._tracked[name] += 1
            points = self._keypoints[name].landmarks(body)
            if body.measured and body.landmarks is not None and points is not None:
                error = landmark_error(body.landmarks, points, self._take.camera)
                if error is not None:
                    self._landmark_errors[name].append(error)
        self._add_jitter(frame)
        distance = self._surface.distances(frame)
        if distance is None:
            return False
        self._plausibility.add(distance)
        return touches(distance)

    def _add_jitter(self, frame: Frame) -> None:
        if self._recent and frame.index != self._recent[-1].index + 1:
            self._recent.clear()
        self._recent = [*self._recent[-(_FRAMES_FOR_JITTER - 1) :], frame]
        if len(self._recent) < _FRAMES_FOR_JITTER:
            return
        for name in frame.bodies:
            bodies = [recent.bodies.get(name) for recent in self._recent]
            surfaces = [body.surface for body in bodies if body is not None and body.measured]
            if len(surfaces) == _FRAMES_FOR_JITTER:
                second = surfaces[0] - 2 * surfaces[1] + surfaces[2]
                self._jitter.append(float(np.linalg.norm(second, axis=1).mean()))
                self._jitter_weights.append(len(second))

    def result(self, frames: int) -> dict[str, Any]:
        errors = {name: _spread(self._landmark_errors[name]) for name in self._take.meshes}
        jitter = 1000 * float(np.average(self._jitter, weights=self._jitter_weights)) if self._jitter else None
        return {
            "frames": frames,
            "tracked": {name: count / max(frames, 1) for name, count in self._tracked.items()},
            "landmark_error_percent": errors,
            "hand_frames": self._plausibility.frames,
            "non_col_percent": self._plausibility.non_col_percent,
            "col_dist_mm": self._plausibility.col_dist_mm,
            "max_penetration_mm": self._plausibility.max_penetration_mm,
            "touch_frames": self._plausibility.touch_frames,
            "touches": [asdict(event) for event in self._take.events],
            "jitter_mm": jitter,
        }


class _Comparison:
    """What is measured against a truth, frame by frame."""

    def __init__(self, take: Take, truth: Take) -> None:
        self._truth = FrameReader(truth)
        self._surface = _HeadSurface(truth.meshes.get("head"))
        self._same = {
            name: name in take.meshes and np.array_equal(take.meshes[name].face_corners, mesh.face_corners)
            for name, mesh in truth.meshes.items()
        }
        self._keypoints = {name: Keypoints(mesh) for name, mesh in take.meshes.items()}
        self._true_keypoints = {name: Keypoints(mesh) for name, mesh in truth.meshes.items()}
        self._contact = {"head": ContactScore(), "hand": ContactScore()}
        self._errors: dict[str, list[float]] = defaultdict(list)
        self._frames = self._bodies = self._missed = self._touching = self._found_touching = 0

    def add(self, frame: Frame, touching: bool) -> None:
        """Compare a frame of the take with the truth's, if that has it."""
        if frame.index not in self._truth:
            return
        true = self._truth.read(frame.index)
        self._frames += 1
        self._bodies += len(true.bodies)
        self._missed += len(true.bodies.keys() - frame.bodies.keys())
        if self._surface.touched(true):
            self._touching += 1
            self._found_touching += touching
        for name, body in true.bodies.items():
            if self._same[name]:
                found = frame.bodies.get(name)
                contact = np.zeros_like(body.contact) if found is None else found.contact
                self._contact["head" if name == "head" else "hand"].add(contact, body.contact)
        if "head" in frame.bodies and "head" in true.bodies:
            self._add_geometry(frame, true)

    def _add_geometry(self, frame: Frame, true: Frame) -> None:
        centre, true_centre = (each.bodies["head"].surface.mean(axis=0) for each in (frame, true))
        found_surface, true_surface, found_joints, true_joints = [], [], [], []
        for name in _MESHES:
            if name not in frame.bodies or name not in true.bodies:
                continue
            if self._same[name]:
                found_surface.append(frame.bodies[name].surface - centre)
                true_surface.append(true.bodies[name].surface - true_centre)
            joints = self._keypoints[name].joints(frame.bodies[name]) if name != "head" else None
            others = self._true_keypoints[name].joints(true.bodies[name]) if name != "head" else None
            if joints is not None and others is not None and len(joints) == len(others):
                found_joints.append(joints - centre)
                true_joints.append(others - true_centre)
        if found_surface:
            self._errors["pve_mm"].append(mean_distance(np.concatenate(found_surface), np.concatenate(true_surface)))
        if found_joints:
            joints, others = np.concatenate(found_joints), np.concatenate(true_joints)
            self._errors["mpjpe_mm"].append(mean_distance(joints, others))
            self._errors["pa_mpjpe_mm"].append(mean_distance(procrustes(joints, others), others))

    def result(self, non_col_percent: float | None) -> dict[str, Any]:
        touchness = 100 * self._found_touching / self._touching if self._touching else None
        both = touchness is not None and non_col_percent is not None
        means = {
            key: 1000 * float(np.mean(self._errors[key])) if self._errors[key] else None
            for key in ("pve_mm", "mpjpe_mm", "pa_mpjpe_mm")
        }
        return {
            "compared_frames": self._frames,
            "missed_percent": 100 * self._missed / self._bodies if self._bodies else None,
            **means,
            "truth_touch_frames": self._touching,
            "touchness_percent": touchness,
            "f_percent": harmonic_mean(touchness, non_col_percent) if both else None,  # type: ignore[arg-type]
            "contact": {name: score.result() for name, score in self._contact.items()},
        }


class _HeadSurface:
    """The head's distance field, refitted to every frame."""

    def __init__(self, mesh: Mesh | None) -> None:
        self._triangles = None if mesh is None else triangles(mesh)
        self._index: PartsIndex | None = None

    def distances(self, frame: Frame) -> np.ndarray | None:
        """(n,) of all vertices of all hands as the metrics want it; None without a head or a hand."""
        index = self._refitted(frame)
        if index is None:
            return None
        return np.concatenate([hand_distances(index, body.surface) for body in frame.hands.values()])

    def touched(self, frame: Frame) -> bool:
        """Whether a hand touches the head: `touches` of the distances, mostly without computing them all."""
        index = self._refitted(frame)
        if index is None:
            return False
        hands = [body.surface for body in frame.hands.values()]
        # Depths beyond the leak limit count as zero, so a hand that is not near may still touch.
        return any(index.is_near(hand, TOUCH_DISTANCE) or touches(hand_distances(index, hand)) for hand in hands)

    def _refitted(self, frame: Frame) -> PartsIndex | None:
        if self._triangles is None or "head" not in frame.bodies or not frame.hands:
            return None
        surface = frame.bodies["head"].surface
        self._index = PartsIndex(surface, self._triangles) if self._index is None else self._index.moved(surface)
        return self._index


def _spread(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {"median": float(np.median(values)), "p95": float(np.percentile(values, 95))}
