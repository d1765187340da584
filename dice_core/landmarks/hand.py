"""Hands: from a palm to the 21 landmarks, and from landmarks to the window of the next reading."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dice_core.landmarks.detector import Detection
from dice_core.landmarks.networks import HAND_LANDMARKS, Network, packaged_network
from dice_core.landmarks.region import Region, direction_angle

__all__ = ["HandLandmarker", "HandReading", "hand_size", "palm_region", "same_palm", "tracking_region"]

UPRIGHT = math.pi / 2
"""Radians: the hand network was trained on hands whose middle finger points up."""

PALM_SCALE, PALM_SHIFT = 2.6, -0.5
"""Window of the whole hand from the palm's box, as in training: sides of the box, heights towards the fingers."""

TRACKING_SCALE, TRACKING_SHIFT = 2.0, -0.1
"""Window of the whole hand from the box of its stable landmarks, as in training."""

STABLE_LANDMARKS = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
"""Wrist, thumb and knuckles: the landmarks that move little when fingers bend."""

DEPTH_SCALE = 0.4
"""The network's z is this share of its x and y unit."""

PALM_LANDMARKS = (0, 5, 9, 13, 17, 1, 2)
"""The landmarks that the palm detector's seven keypoints are."""

SAME_PALM_DISTANCE = 0.25
"""Keypoints and landmarks of one hand lie closer on average, in sides of the palm's box: 0.06 to 0.17 on photos of
hands at faces, which is what this was tuned on. The other hand of a folded pair overlaps as much as the same hand does,
but its keypoints are mirrored."""

WRIST, INDEX_KNUCKLE, MIDDLE_KNUCKLE, RING_KNUCKLE = 0, 5, 9, 13


@dataclass(frozen=True, eq=False)
class HandReading:
    """What the network says about one window.

    points : (21, 3) float32, pixels; world : (21, 3) float32, metres along the camera's axes.
    presence : probability of a hand; right : probability that it is the subject's right one; region : the window.
    """

    points: np.ndarray
    world: np.ndarray
    presence: float
    right: float
    region: Region


class HandLandmarker:
    """The hand network, waited for when it is first used."""

    @cached_property
    def _network(self) -> Network:
        return packaged_network(HAND_LANDMARKS)

    def __call__(self, image: np.ndarray, region: Region) -> HandReading:
        """Read one window of an image, (h, w, 3) uint8 RGB."""
        return self._picture(region.crop(image, self._network.spec.side, replicate=True), region)

    def mirrored(self, image: np.ndarray, region: Region) -> HandReading:
        """The same by the window's mirror image, in which the network errs differently."""
        side = self._network.spec.side
        picture = np.ascontiguousarray(region.crop(image, side, replicate=True)[:, ::-1])
        twin = self._picture(picture, Region.of_image(picture))
        points = region.mirrored_to_image(twin.points, side).astype(np.float32)
        world = _turned(twin.world * [-1, 1, 1], region.angle)
        return replace(twin, points=points, world=world, right=1 - twin.right, region=region)

    def _picture(self, picture: np.ndarray, region: Region) -> HandReading:
        """What a window shows, (side, side, 3) uint8 RGB, as `Region.crop` has it."""
        side = self._network.spec.side
        outputs = self._network(picture)
        points, presence, right, world = (outputs[name] for name in self._network.spec.outputs)
        points = region.to_image(points.reshape(21, 3) / side)
        points[:, 2] /= DEPTH_SCALE
        turned = _turned(world.reshape(21, 3), region.angle)
        return HandReading(points.astype(np.float32), turned, float(presence[0]), float(right[0]), region)


def _turned(world: np.ndarray, angle: float) -> np.ndarray:
    """(n, 3) float32 along the image's axes, of points along those of a window that is turned by an angle."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.asarray(world @ np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]]), np.float32)


def palm_region(palm: Detection) -> Region:
    """Window of the whole hand around a detected palm."""
    wrist, middle = palm.keypoints[0], palm.keypoints[2]
    angle = direction_angle(wrist, middle, UPRIGHT)
    return Region.around_box(palm.centre, palm.extent, angle, scale=PALM_SCALE, shift=PALM_SHIFT)


def same_palm(palm: Detection, points: np.ndarray) -> bool:
    """Whether a detected palm belongs to the hand with the landmarks `points`, (21, 2 or 3), pixels."""
    distance = np.linalg.norm(palm.keypoints - points[list(PALM_LANDMARKS), :2], axis=1).mean()
    return bool(distance < SAME_PALM_DISTANCE * palm.extent.max())


def tracking_region(points: np.ndarray) -> Region:
    """Window in which to read the hand next, from its landmarks (21, 2 or 3), pixels."""
    flat = points[:, :2].astype(np.float64)
    knuckles = flat[MIDDLE_KNUCKLE] / 2 + (flat[INDEX_KNUCKLE] + flat[RING_KNUCKLE]) / 4
    angle = direction_angle(flat[WRIST], knuckles, UPRIGHT)
    return Region.around_points(flat[list(STABLE_LANDMARKS)], angle, scale=TRACKING_SCALE, shift=TRACKING_SHIFT)


def hand_size(points: np.ndarray) -> float:
    """Longer side of the box around a hand's landmarks, pixels."""
    return float(np.ptp(points[:, :2], axis=0).max())
