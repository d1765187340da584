"""Metrics of a take that need no distance between the hands and the head."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from typing import Any

import numpy as np

from dice_core.metrics.keypoints import Keypoints, landmark_error
from dice_core.take import Take
from dice_core.take.frames import Frame
from dice_core.take.reliability import HandReliability, hands_reliability

__all__ = ["TakeMetrics", "reliability"]

_FRAMES_FOR_JITTER = 3


class TakeMetrics:
    """Gathers tracked shares, landmark errors and jitter, frame by frame in the take's order."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._keypoints = {name: Keypoints(mesh) for name, mesh in take.meshes.items()}
        self._frames = self._hand_frames = 0
        self._tracked: dict[str, int] = dict.fromkeys(take.meshes, 0)
        self._landmark_errors: dict[str, list[float]] = defaultdict(list)
        self._jitter: list[float] = []
        self._jitter_weights: list[int] = []
        self._recent: list[Frame] = []

    def add(self, frame: Frame) -> None:
        """Measure the next frame."""
        self._frames += 1
        self._hand_frames += "head" in frame.bodies and bool(frame.hands)
        for name, body in frame.bodies.items():
            self._tracked[name] += 1
            points = self._keypoints[name].landmarks(body)
            if body.measured and body.landmarks is not None and points is not None:
                error = landmark_error(body.landmarks, points, self._take.camera)
                if error is not None:
                    self._landmark_errors[name].append(error)
        self._add_jitter(frame)

    def result(self) -> dict[str, Any]:
        """The values that `measure_tracking` describes, of the frames added."""
        jitter = 1000 * float(np.average(self._jitter, weights=self._jitter_weights)) if self._jitter else None
        return {
            "frames": self._frames,
            "tracked": {name: count / max(self._frames, 1) for name, count in self._tracked.items()},
            "landmark_error_percent": {name: _spread(self._landmark_errors[name]) for name in self._take.meshes},
            "hand_frames": self._hand_frames,
            "touches": [asdict(event) for event in self._take.events],
            "jitter_mm": jitter,
            "reliability": reliability(hands_reliability(self._take)),
        }

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


def reliability(told: dict[str, HandReliability | None]) -> dict[str, dict[str, float] | None]:
    """By hand the expected share of right frames, and the shares that are sure and unsure; None where the engine does
    not judge the hand. told : as `hands_reliability` has them."""
    return {
        name: None if hand is None else {"right": hand.right, "sure": hand.sure, "unsure": hand.unsure}
        for name, hand in told.items()
    }


def _spread(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {"median": float(np.median(values)), "p95": float(np.percentile(values, 95))}
