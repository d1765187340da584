"""What is known of each frame before smoothing, as columns: arrays with one row a frame, plain enough to save."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dice_core.engines.base import SIDES, Columns
from dice_core.fitting.head_fit import HeadPose
from dice_core.fitting.kinematics import POSE_SIZE
from dice_core.landmarks import FaceDetection, HandDetection

__all__ = ["empty_columns", "head_pose", "join", "set_face", "set_hand", "set_head_pose"]

_EXPRESSIONS = 52


def empty_columns(frames: Sequence[int]) -> Columns:
    """Columns in which nothing has been found yet; frames : indices in the footage."""
    count = len(frames)
    columns: Columns = {
        "frame": np.asarray(frames, np.int32),
        "head": np.zeros(count, np.uint8),
        "head.confidence": np.zeros(count, np.float32),
        "head.landmarks": np.zeros((count, 478, 3), np.float32),
        "head.rotation": np.zeros((count, 3)),
        "head.translation": np.zeros((count, 3)),
        "head.expression": np.zeros((count, _EXPRESSIONS)),
    }
    for side in SIDES:
        columns |= {
            side: np.zeros(count, np.uint8),
            f"{side}.confidence": np.zeros(count, np.float32),
            f"{side}.landmarks": np.zeros((count, 21, 3), np.float32),
            f"{side}.world": np.zeros((count, 21, 3), np.float32),
            f"{side}.free": np.zeros((count, POSE_SIZE)),
            f"{side}.pose": np.zeros((count, POSE_SIZE)),
            f"{side}.touching": np.zeros(count, np.uint8),
        }
    return columns


def set_face(columns: Columns, row: int, face: FaceDetection) -> None:
    """Note a face that was found."""
    columns["head"][row] = 1
    columns["head.confidence"][row] = face.confidence
    columns["head.landmarks"][row] = face.points


def set_hand(columns: Columns, row: int, hand: HandDetection) -> None:
    """Note a hand that was found."""
    columns[hand.side][row] = 1
    columns[f"{hand.side}.confidence"][row] = hand.presence
    columns[f"{hand.side}.landmarks"][row] = hand.points
    columns[f"{hand.side}.world"][row] = hand.world


def head_pose(columns: Columns, row: int) -> HeadPose | None:
    """The head's pose in a row, None where there is no head."""
    if not columns["head"][row]:
        return None
    return HeadPose(
        columns["head.rotation"][row], columns["head.translation"][row], columns["head.expression"][row]
    )


def set_head_pose(columns: Columns, row: int, pose: HeadPose) -> None:
    """Note the head's pose in a row."""
    columns["head.rotation"][row] = pose.rotation
    columns["head.translation"][row] = pose.translation
    columns["head.expression"][row] = pose.expression


def join(blocks: Sequence[Columns]) -> Columns:
    """Blocks one after the other."""
    return {key: np.concatenate([block[key] for block in blocks]) for key in blocks[0]}
