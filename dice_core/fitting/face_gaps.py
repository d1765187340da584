"""What the landmarks of a face show best: not their places, but the distance between two that lie opposite each other.

A landmark network may put a whole eye a few millimetres off, both lids alike; the gap between them is far more exact.
"""

from __future__ import annotations

import numpy as np

__all__ = ["GAPS", "LEFT_LID_GAPS", "LIP_GAPS", "RIGHT_LID_GAPS", "inter_ocular", "shut_eyes"]

RIGHT_LID_GAPS = ((159, 145), (158, 153), (160, 144))
LEFT_LID_GAPS = ((386, 374), (385, 380), (387, 373))
LIP_GAPS = ((13, 14), (82, 87), (312, 317))
GAPS = np.array(RIGHT_LID_GAPS + LEFT_LID_GAPS + LIP_GAPS)
"""(n, 2) landmarks that lie opposite each other: upper and lower lids, upper and lower lip."""

_EYE_CORNERS = ((362, 263), (33, 133))  # of the left and the right eye, from the subject's right to left
_TINY = 1e-12
_SHUT, _OPEN = 0.06, 0.14
"""Gap between the lids, in eye widths, up to which an eye is certainly shut, and from which it certainly is not. Set by
hand on the rendered sample, and checked on the four test photos, in which nobody blinks."""


def shut_eyes(landmarks: np.ndarray) -> np.ndarray:
    """How certain it is that each eye is shut.

    landmarks : (468 or more, 2 or more) pixels. Returns (2,) 0 to 1: the subject's left, right.
    """
    certain = []
    for (first, second), gaps in zip(_EYE_CORNERS, (LEFT_LID_GAPS, RIGHT_LID_GAPS), strict=True):
        along = landmarks[second, :2] - landmarks[first, :2]
        between = np.mean([landmarks[lower, :2] - landmarks[upper, :2] for upper, lower in gaps], axis=0)
        # The component across the eye, so that it works for a head that lies on its side too.
        gap = (along[0] * between[1] - along[1] * between[0]) / max(float(along @ along), _TINY)
        share = np.clip((_OPEN - gap) / (_OPEN - _SHUT), 0, 1)
        certain.append(share * share * (3 - 2 * share))
    return np.array(certain)


def inter_ocular(landmarks: np.ndarray) -> float:
    """Distance between the middles of the eyes, in the landmarks' unit; landmarks : (468 or more, 2 or more)."""
    right = landmarks[[33, 133], :2].mean(axis=0)
    left = landmarks[[362, 263], :2].mean(axis=0)
    return float(np.linalg.norm(right - left))
