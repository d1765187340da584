"""Landmark networks that see hands and faces exactly where a test says."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from dice_core.landmarks import FaceDetection
from dice_core.landmarks.hand import HandReading
from dice_core.landmarks.hand_search import NEW_HAND_THRESHOLD, same_hand
from dice_core.landmarks.pose import Arm, Arms
from dice_core.landmarks.region import Region

# Pixels about the middle of an open hand, (21, 3).
HAND = np.zeros((21, 3), np.float32)
HAND[:, 0] = [0, -20, -35, -45, -55, -15, -16, -17, -18, 0, 0, 0, 0, 12, 13, 14, 15, 24, 26, 28, 30]
HAND[:, 1] = [40, 30, 15, 5, -5, -20, -40, -50, -60, -22, -45, -57, -68, -20, -42, -54, -64, -15, -30, -40, -48]


def reading(x: float, y: float, *, presence: float = 0.9, right: float = 0.95) -> HandReading:
    """What the hand network says of a hand whose middle is at (x, y), in pixels."""
    points = HAND + np.array([x, y, 0], np.float32)
    return HandReading(points, points / 1000, presence, right, Region(x, y, 200))


def arm(x: float, y: float, *, elbow_presence: float = 0.9, wrist_presence: float = 0.9) -> Arm:
    """The arm of a hand whose middle is at (x, y), in pixels: the wrist of `HAND`, the elbow below it."""
    wrist = np.array([x, y + 40.0])
    return Arm(
        np.array([x, y + 240.0]),
        np.array([x, y + 140.0]),
        wrist,
        np.array([x, y - 20.0]),
        elbow_presence,
        wrist_presence,
        wrist_presence,
    )


@dataclass
class ScriptedSearch:
    """Networks that see hands exactly where `visible` says: (x, y, probability of right).

    only_close_up : hands whose palms no look at the whole picture shows; hidden : what a thorough search finds;
    palmless : hands that no palm leads to; arms : of the person, None where no body is seen.
    """

    visible: list[tuple[float, float, float]] = field(default_factory=list)
    faces: list[tuple[float, float, float]] = field(default_factory=list)
    only_close_up: list[tuple[float, float, float]] = field(default_factory=list)
    palmless: list[tuple[float, float, float]] = field(default_factory=list)
    hidden: HandReading | None = None
    arms: Arms | None = None
    windows: list[Region | None] = field(default_factory=list)
    palm_looks: int = 0
    thorough_looks: int = 0
    arm_looks: int = 0
    presence: float = 0.9

    def read_hand(self, image: np.ndarray, region: Region) -> HandReading:
        there = [*self.visible, *self.only_close_up, *self.palmless]
        near = [hand for hand in there if np.hypot(hand[0] - region.x, hand[1] - region.y) < region.size / 2]
        if not near:
            return reading(region.x, region.y, presence=0.1)
        x, y, right = min(near, key=lambda hand: np.hypot(hand[0] - region.x, hand[1] - region.y))
        return reading(x, y, presence=self.presence, right=right)

    def agreed_hand(self, image: np.ndarray, face: FaceDetection, known: list[HandReading]) -> list[HandReading]:
        self.thorough_looks += 1
        return [] if self.hidden is None else [self.hidden]

    def hand_regions(self, image: np.ndarray, known: list[HandReading], window: Region | None = None) -> list[Region]:
        self.palm_looks += 1
        self.windows.append(window)
        return [
            Region(x, y, 200)
            for x, y, _ in self.visible + (self.only_close_up if window is not None else [])
            if not any(same_hand(reading(x, y).points, old.points) for old in known)
        ]

    def read_arms(self, image: np.ndarray, face: FaceDetection) -> Arms | None:
        self.arm_looks += 1
        return self.arms

    def refine_hand(self, image: np.ndarray, region: Region, least: float = 0.0) -> HandReading | None:
        reading = self.read_hand(image, region)
        return reading if reading.presence >= NEW_HAND_THRESHOLD else None

    def new_face(self, image: np.ndarray, region: Region) -> FaceDetection:
        return self.read_face(image, region)

    def read_face(self, image: np.ndarray, region: Region) -> FaceDetection:
        near = [face for face in self.faces if np.hypot(face[0] - region.x, face[1] - region.y) < region.size / 2]
        points = np.zeros((478, 3), np.float32)
        if near:
            x, y, size = near[0]
            points[:, :2] = [x, y]
            points[33, :2], points[263, :2] = [x - size / 3, y], [x + size / 3, y]
        return FaceDetection(points, 0.9 if near else 0.1, region)

    def face_regions(self, image: np.ndarray) -> list[Region]:
        return [Region(*face) for face in self.faces]


def script(monkeypatch: pytest.MonkeyPatch, search: ScriptedSearch) -> None:
    """Every tracker that is made from now on sees what `search` says."""
    for name in ("FaceSearch", "HandSearch"):
        monkeypatch.setattr(f"dice_core.landmarks.tracker.{name}", lambda: search)
