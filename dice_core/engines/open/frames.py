"""What the open engine knows of each frame before smoothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.engines.frame_table import FrameTable, column, table
from dice_core.fitting.depth_prior import DepthPrediction
from dice_core.fitting.head_fit import HeadPose
from dice_core.fitting.kinematics import POSE_SIZE
from dice_core.landmarks import FaceDetection, FrameLandmarks, HandDetection

__all__ = ["HandFrames", "HeadFrames", "OpenFrames"]

_EXPRESSIONS = 52
_FACE_LANDMARKS, _HAND_LANDMARKS = 478, 21


@dataclass
class HeadFrames(FrameTable):
    """The head, frame by frame.

    found : whether there is a face; confidence : of the landmarks; landmarks : pixels, and depth in their unit;
    rotation : axis-angle; translation : metres; expression : weights.
    """

    found: np.ndarray = column(dtype=np.uint8)
    confidence: np.ndarray = column(dtype=np.float32)
    landmarks: np.ndarray = column(_FACE_LANDMARKS, 3, dtype=np.float32)
    rotation: np.ndarray = column(3)
    translation: np.ndarray = column(3)
    expression: np.ndarray = column(_EXPRESSIONS)

    def pose(self, row: int) -> HeadPose | None:
        """The pose in a row, None where there is no head."""
        if not self.found[row]:
            return None
        return HeadPose(self.rotation[row], self.translation[row], self.expression[row])

    def set_pose(self, row: int, pose: HeadPose) -> None:
        """Enter the pose of a row."""
        self.rotation[row], self.translation[row] = pose.rotation, pose.translation
        self.expression[row] = pose.expression

    def set_detection(self, row: int, face: FaceDetection) -> None:
        """Enter a face that was found."""
        self.found[row], self.confidence[row], self.landmarks[row] = 1, face.confidence, face.points


@dataclass
class HandFrames(FrameTable):
    """One hand, frame by frame.

    found : whether it is there; confidence : that it is; landmarks : pixels, and depth in their unit;
    world_landmarks : the landmark network's own 3D, metres; free_pose : pose fitted without the head; pose : the same
    refined against the head; free_centre, centre : mean of the key points in these poses, metres; touching : whether it
    touches the head; depth : metres of its deepest part below the skin where it does, **positive inside**;
    touch_probability, predicted_distance, distance_deviation : what `HandDepthPrior` says of it before the head, 0 to 1
    and metres, zero where there is no head.
    """

    found: np.ndarray = column(dtype=np.uint8)
    confidence: np.ndarray = column(dtype=np.float32)
    landmarks: np.ndarray = column(_HAND_LANDMARKS, 3, dtype=np.float32)
    world_landmarks: np.ndarray = column(_HAND_LANDMARKS, 3, dtype=np.float32)
    free_pose: np.ndarray = column(POSE_SIZE)
    pose: np.ndarray = column(POSE_SIZE)
    free_centre: np.ndarray = column(3)
    centre: np.ndarray = column(3)
    touching: np.ndarray = column(dtype=np.uint8)
    depth: np.ndarray = column()
    touch_probability: np.ndarray = column()
    predicted_distance: np.ndarray = column()
    distance_deviation: np.ndarray = column()

    def set_detection(self, row: int, hand: HandDetection) -> None:
        """Enter a hand that was found."""
        self.found[row], self.confidence[row] = 1, hand.presence
        self.landmarks[row], self.world_landmarks[row] = hand.points, hand.world

    def set_prediction(self, row: int, predicted: DepthPrediction) -> None:
        """Enter what is predicted of a hand before a head."""
        self.touch_probability[row] = predicted.touch_probability
        self.predicted_distance[row], self.distance_deviation[row] = predicted.mean, predicted.mean_sigma


@dataclass
class OpenFrames(FrameTable):
    """frame : index in the footage; head; left, right : the subject's own hands."""

    frame: np.ndarray = column(dtype=np.int32)
    head: HeadFrames = table(HeadFrames)
    left: HandFrames = table(HandFrames)
    right: HandFrames = table(HandFrames)

    @classmethod
    def of_landmarks(cls, frame: int, landmarks: FrameLandmarks, sides: tuple[str, ...]) -> OpenFrames:
        """One row with what was detected in a frame; hands of other sides than `sides` are left out."""
        row = cls.empty(1)
        row.frame[0] = frame
        if landmarks.face is not None:
            row.head.set_detection(0, landmarks.face)
        for hand in landmarks.hands:
            if hand.side in sides:
                row.hand(hand.side).set_detection(0, hand)
        return row

    def hand(self, side: str) -> HandFrames:
        """The hand of a side."""
        return self.left if side == "left" else self.right
