"""What the dice engine knows of each frame before smoothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.engines.frame_table import FrameTable, column, table
from dice_core.landmarks import FaceDetection, HandDetection
from dice_core.take.mesh_frames import HAND_LANDMARKS, HEAD_LANDMARKS

__all__ = ["DiceFrames", "HandFrames", "HeadFrames"]

_EXPRESSIONS = 50  # of FLAME's, as the network predicts them
_HEAD_VERTICES, _HAND_VERTICES, _HAND_JOINTS = 5023, 778, 16  # of FLAME and MANO


@dataclass
class HeadFrames(FrameTable):
    """The head, frame by frame.

    found; confidence; landmarks : of the face, pixels; rotation : axis-angle; translation : metres; expression, jaw :
    FLAME's. deformation_SIDE : metres, in the head's rest axes, and contact_SIDE : 0 to 1, by the hand of a side, in
    half precision, for they are many.
    """

    found: np.ndarray = column(dtype=np.uint8)
    confidence: np.ndarray = column(dtype=np.float32)
    landmarks: np.ndarray = column(HEAD_LANDMARKS, 2, dtype=np.float32)
    rotation: np.ndarray = column(3)
    translation: np.ndarray = column(3)
    expression: np.ndarray = column(_EXPRESSIONS)
    jaw: np.ndarray = column(3)
    deformation_left: np.ndarray = column(_HEAD_VERTICES, 3, dtype=np.float16)
    contact_left: np.ndarray = column(_HEAD_VERTICES, dtype=np.float16)
    deformation_right: np.ndarray = column(_HEAD_VERTICES, 3, dtype=np.float16)
    contact_right: np.ndarray = column(_HEAD_VERTICES, dtype=np.float16)

    def set_detection(self, row: int, face: FaceDetection) -> None:
        """Enter the landmarks of a face that was found."""
        self.confidence[row], self.landmarks[row] = face.confidence, face.points[:HEAD_LANDMARKS, :2]

    def set_touch(self, row: int, side: str, deformation: np.ndarray, contact: np.ndarray) -> None:
        """Enter what the hand of a side does to the head."""
        self.deformation(side)[row], self.contact(side)[row] = deformation, contact

    def deformation(self, side: str) -> np.ndarray:
        """(T, V, 3) metres, by the hand of a side."""
        return self.deformation_left if side == "left" else self.deformation_right

    def contact(self, side: str) -> np.ndarray:
        """(T, V), by the hand of a side."""
        return self.contact_left if side == "left" else self.contact_right


@dataclass
class HandFrames(FrameTable):
    """One hand, frame by frame.

    found; confidence; landmarks : pixels; rotation : of the joints, axis-angle; translation : metres;
    contact : 0 to 1, in half precision.
    """

    found: np.ndarray = column(dtype=np.uint8)
    confidence: np.ndarray = column(dtype=np.float32)
    landmarks: np.ndarray = column(HAND_LANDMARKS, 2, dtype=np.float32)
    rotation: np.ndarray = column(_HAND_JOINTS, 3)
    translation: np.ndarray = column(3)
    contact: np.ndarray = column(_HAND_VERTICES, dtype=np.float16)

    def set_detection(self, row: int, hand: HandDetection) -> None:
        """Enter a hand that was found."""
        self.found[row], self.confidence[row], self.landmarks[row] = 1, hand.presence, hand.points[:, :2]


@dataclass
class DiceFrames(FrameTable):
    """frame : index in the footage; head; left, right : the subject's own hands."""

    frame: np.ndarray = column(dtype=np.int32)
    head: HeadFrames = table(HeadFrames)
    left: HandFrames = table(HandFrames)
    right: HandFrames = table(HandFrames)

    def hand(self, side: str) -> HandFrames:
        """The hand of a side."""
        return self.left if side == "left" else self.right
