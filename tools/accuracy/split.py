"""The open engine with stages replaced by the truth: what is left of the error is not theirs."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np

from dice_core.bodies import load_head
from dice_core.engines.base import FittedFrame
from dice_core.engines.open.engine import OpenEngine
from dice_core.engines.open.survey import Person
from dice_core.engines.open.tracking import TrackedFrame
from dice_core.engines.settings import CaptureSettings
from dice_core.landmarks import FaceDetection, FrameLandmarks, HandDetection
from dice_core.landmarks.detections import Side
from dice_core.landmarks.face import face_tracking_region
from dice_core.landmarks.hand import tracking_region
from dice_core.media.footage import Footage, spread_rows
from dice_core.metrics.keypoints import Keypoints
from dice_core.take import Take
from dice_core.take.frames import FrameReader

__all__ = ["REPLACED", "TruthEngine"]

REPLACED: dict[str, frozenset[str]] = {
    "nothing": frozenset(),
    "field of view": frozenset({"fov"}),
    "person": frozenset({"person"}),
    "face landmarks": frozenset({"face"}),
    "hand landmarks": frozenset({"hands"}),
    "all landmarks": frozenset({"face", "hands"}),
    "all landmarks, field of view, person": frozenset({"face", "hands", "fov", "person"}),
}
"""What is replaced by the truth: the field of view, the person's shapes and sizes, and the landmarks."""


class TruthEngine(OpenEngine):
    """The open engine that is told some of the truth.

    truth : take of the same footage; recipe : what was rendered, as its JSON file holds it; told : of "fov", "person",
    "face" and "hands". True hands are those with a landmark in the picture, each on its side.
    """

    def __init__(
        self, footage: Footage, settings: CaptureSettings, truth: Take, recipe: dict[str, Any], told: frozenset[str]
    ) -> None:
        if "fov" in told:
            settings = replace(settings, fov=truth.camera.fov_degrees)
        super().__init__(footage, settings)
        self._truth, self._recipe, self._told = truth, recipe, told
        self._reader = FrameReader(truth)
        self._hand_points = {name: Keypoints(mesh) for name, mesh in truth.meshes.items() if name != "head"}

    def prepare(self, saved: dict[str, np.ndarray] | None, should_stop: Callable[[], bool]) -> dict[str, np.ndarray]:
        """As the open engine; a person that is told needs no survey."""
        if saved is None and "person" in self._told:
            recipe = self._recipe
            shapes = np.array(recipe["head_shape"]), np.array(recipe["hand_shape"])
            saved = Person(self._camera, *shapes, recipe["hand_scale"]).to_arrays()
        return super().prepare(saved, should_stop)

    def _look(self, should_stop: Callable[[], bool]) -> list[FrameLandmarks]:
        seen = super()._look(should_stop)
        rows = spread_rows(self._footage.count)
        return [self._corrected(int(row), landmarks) for row, landmarks in zip(rows, seen, strict=True)]

    def _tracked_from(self, start: int, previous: FittedFrame | None) -> Generator[TrackedFrame, None, None]:
        with closing(super()._tracked_from(start, previous)) as tracked:
            for item in tracked:
                told = None if "face" in self._told else item.told
                yield replace(item, landmarks=self._corrected(item.frame, item.landmarks), told=told)

    def _corrected(self, frame: int, landmarks: FrameLandmarks) -> FrameLandmarks:
        """Landmarks of a frame with the true ones in place of those that are told."""
        face, hands = landmarks.face, landmarks.hands
        if "face" in self._told:
            face = self._true_face(frame)
        if "hands" in self._told:
            hands = self._true_hands(frame)
        return FrameLandmarks(face, hands)

    def _pixels(self, points: np.ndarray, origin: float, distance: float) -> np.ndarray:
        """(n, 3) float32 pixels, and depth behind `origin` in pixels at a distance, of points (n, 3) in metres."""
        camera = self._truth.camera
        depth = (points[:, 2] - origin) * camera.fx / distance
        return np.column_stack([camera.project(points.astype(np.float64)), depth]).astype(np.float32)

    def _true_face(self, frame: int) -> FaceDetection:
        head, surface = load_head(), self._reader.read(frame).bodies["head"].surface
        points = np.concatenate([head.landmarks(surface), head.irises(surface)])
        middle = float(points[:468, 2].mean())
        pixels = self._pixels(points, middle, middle)
        return FaceDetection(pixels, 1.0, face_tracking_region(pixels))

    def _true_hands(self, frame: int) -> tuple[HandDetection, ...]:
        found = []
        camera = self._truth.camera
        for number, (name, body) in enumerate(self._reader.read(frame).hands.items()):
            points = self._hand_points[name].joints(body)
            assert points is not None
            pixels = self._pixels(points, float(points[0, 2]), float(points[:, 2].mean()))
            if not ((pixels[:, :2] >= 0) & (pixels[:, :2] < [camera.width, camera.height])).all(axis=1).any():
                continue
            world = (points - points.mean(axis=0)).astype(np.float32)
            side: Side = "left" if name == "hand_left" else "right"
            found.append(HandDetection(pixels, world, side, 1.0, 1.0, tracking_region(pixels), number))
        return tuple(found)
