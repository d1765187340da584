"""What the landmark stage hands on to fitting: the face and the hands of one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dice_core.landmarks.region import Region

__all__ = ["PRESENCE_THRESHOLD", "FaceDetection", "FrameLandmarks", "HandDetection", "RatedFace", "Side"]

Side = Literal["left", "right"]

PRESENCE_THRESHOLD = 0.5
"""Smallest probability at which a landmark network's reading counts, as in the published pipelines."""


@dataclass(frozen=True, eq=False)
class FaceDetection:
    """One face.

    points : (478, 3) float32, x and y in pixels, z in pixels relative to the head's middle (smaller is nearer);
        the first 468 are the face mesh, then five for each iris, the subject's right one first.
    confidence : probability in [0, 1] that the network was looking at a face.
    region : window of the image in which the face was read.
    features : (F,) float16, the inner layers `networks.FACE_FEATURES` one after the other; None where the points do
        not come from the network; mirrored_features : those of the window's mirror image, None where that was not read.
    picture : (side, side, 3) uint8, what the network looked at; None where that is not known or needed.
    """

    points: np.ndarray
    confidence: float
    region: Region
    features: np.ndarray | None = None
    mirrored_features: np.ndarray | None = None
    picture: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class RatedFace:
    """A face, and the evidence that it is one: log-odds of a sort, 0 for what may as well be a wall."""

    face: FaceDetection
    evidence: float


@dataclass(frozen=True, eq=False)
class HandDetection:
    """One hand.

    points : (21, 3) float32, x and y in pixels, z in pixels relative to the wrist (smaller is nearer).
    world : (21, 3) float32, metres along the camera's axes, origin near the hand's middle.
    side : the subject's own side, for footage that is not mirrored.
    presence : probability in [0, 1] that the network was looking at a hand.
    side_confidence : probability in [0.5, 1] of `side`; 0.5 where the other hand's side decided it.
    region : window of the image in which the hand was read.
    track : number of the hand's track, the same as long as a tracker follows the hand; -1 for a still.
    """

    points: np.ndarray
    world: np.ndarray
    side: Side
    presence: float
    side_confidence: float
    region: Region
    track: int = -1


@dataclass(frozen=True, eq=False)
class FrameLandmarks:
    """All that was found in one frame."""

    face: FaceDetection | None
    hands: tuple[HandDetection, ...]

    def hand(self, side: Side) -> HandDetection | None:
        """The hand of one side of the subject, or None."""
        return next((hand for hand in self.hands if hand.side == side), None)
