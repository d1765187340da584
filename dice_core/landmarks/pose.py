"""Arms of the person whose face is known: shoulders, elbows and wrists, from the picture around and below the face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dice_core.landmarks.detections import FaceDetection, Side
from dice_core.landmarks.detector import sigmoid
from dice_core.landmarks.networks import POSE_LANDMARKS, Network, packaged_network
from dice_core.landmarks.region import Region

__all__ = ["Arm", "Arms", "PoseLandmarker", "body_region", "refine"]

# The network was trained on windows around whole bodies, centred on the hips; tuned on the real clips and photos of
# docs/accuracy.md: of windows 6 to 11 faces wide, those of 7 to 8 have the wrist nearest to where the hand has it.
BODY_SCALE = 7.5
"""Side of the body's window in face windows."""

BODY_BELOW = 2.4
"""How far below the face, in face windows, the body's window has its centre."""

LEAST_CONFIDENCE = 0.5
"""Probability of a body from which its arms count, as in the published pipelines."""

POINT_COUNT = 39
"""33 landmarks of the body, then two that say where it is, and four without meaning."""

MAP_SIDE = 64
"""Cells along a side of the network's maps of where each landmark is."""

MAP_REACH = 3
"""Cells around a landmark that its map may move it to, as in the published pipelines."""

LEAST_PEAK = 0.5
"""Largest probability there from which the map counts, as in the published pipelines."""

# Indices of the left and the right one.
SHOULDERS, ELBOWS, WRISTS, LITTLE_FINGERS, INDEX_FINGERS = (11, 12), (13, 14), (15, 16), (17, 18), (19, 20)


@dataclass(frozen=True, eq=False)
class Arm:
    """One arm of a person.

    shoulder, elbow, wrist, knuckles : (2,) float, pixels; knuckles is near the one of the middle finger.
    elbow_presence, wrist_presence : probability in [0, 1] that the joint is in the picture, seen or covered.
    wrist_visibility : probability in [0, 1] that the wrist is seen.
    """

    shoulder: np.ndarray
    elbow: np.ndarray
    wrist: np.ndarray
    knuckles: np.ndarray
    elbow_presence: float
    wrist_presence: float
    wrist_visibility: float


@dataclass(frozen=True, eq=False)
class Arms:
    """Both arms of a person; face_size : side of the face's window, pixels."""

    left: Arm
    right: Arm
    face_size: float

    def arm(self, side: Side) -> Arm:
        """The subject's own left or right one."""
        return self.left if side == "left" else self.right


class PoseLandmarker:
    """The body network, BlazePose (Bazarevsky et al. 2020, https://arxiv.org/abs/2006.10204), waited for when it is
    first used."""

    @cached_property
    def _network(self) -> Network:
        return packaged_network(POSE_LANDMARKS)

    def __call__(self, image: np.ndarray, face: FaceDetection) -> Arms | None:
        """The arms of a face's person in an image, (h, w, 3) uint8 RGB; None where no body is seen."""
        region = body_region(face)
        side = self._network.spec.side
        outputs = self._network(region.crop(image, side, replicate=True))
        points, confidence, maps = (outputs[name] for name in self._network.spec.outputs)
        if confidence[0] < LEAST_CONFIDENCE:
            return None
        rows = points.reshape(POINT_COUNT, 5)
        places = refine(rows[:, :2] / side, maps.reshape(MAP_SIDE, MAP_SIDE, POINT_COUNT))
        places = region.to_image(places)
        visibility, presence = sigmoid(rows[:, 3]), sigmoid(rows[:, 4])
        left, right = (
            Arm(
                places[SHOULDERS[k]],
                places[ELBOWS[k]],
                places[WRISTS[k]],
                (2 * places[INDEX_FINGERS[k]] + places[LITTLE_FINGERS[k]]) / 3,
                float(presence[ELBOWS[k]]),
                float(presence[WRISTS[k]]),
                float(visibility[WRISTS[k]]),
            )
            for k in range(2)
        )
        return Arms(left, right, face.region.size)


def body_region(face: FaceDetection) -> Region:
    """Window of the body below a face, turned as the face is."""
    size = face.region.size
    extent = np.array([size, size])
    centre = np.array([face.region.x, face.region.y])
    return Region.around_box(centre, extent, face.region.angle, scale=BODY_SCALE, shift=BODY_BELOW)


def refine(points: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Landmarks moved to the middle of what their maps show around them.

    points : (n, 2) float, as shares of the window; maps : (s, s, n) logits of where each is. Returns (n, 2).
    """
    side = len(maps)
    refined = np.array(points, np.float64)
    for index, (column, row) in enumerate((refined * side).astype(int)):
        if not (0 <= column < side and 0 <= row < side):
            continue
        top, left = max(row - MAP_REACH, 0), max(column - MAP_REACH, 0)
        part = sigmoid(maps[top : row + MAP_REACH + 1, left : column + MAP_REACH + 1, index]).astype(np.float64)
        if part.max() < LEAST_PEAK:
            continue
        rows, columns = np.mgrid[0 : part.shape[0], 0 : part.shape[1]]
        middle = np.array([(part * (left + columns)).sum(), (part * (top + rows)).sum()]) / part.sum()
        refined[index] = middle / side
    return refined
