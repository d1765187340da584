"""Two hands at one face: a hand that lies on the other one does not touch the face behind it."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["covered_share", "upper_hand"]

# Set by hand on a public clip in which one hand is held before the other at the mouth.
_COVERED = 0.5  # share of a hand's touching parts that lie before the other hand, from which it may lie on that hand
_MORE = 0.15  # by which that share has to exceed the other hand's: of two hands, one is nearer to the face


def covered_share(pixels: np.ndarray, weights: np.ndarray, landmarks: np.ndarray) -> float:
    """Share of a hand's touching parts that the other hand covers, or that cover it: one picture does not tell which.

    pixels : (n, 2) of the parts, weights : (n,) how far each touches; landmarks : (21, 2) pixels of the other hand.
    Returns 0 to 1, 0 where nothing touches.
    """
    total = float(weights.sum())
    if total <= 0:
        return 0.0
    outline = cv2.convexHull(landmarks.astype(np.float32))
    inside = [cv2.pointPolygonTest(outline, (float(x), float(y)), False) >= 0 for x, y in pixels]
    return float(weights[np.array(inside)].sum()) / total


def upper_hand(first: float, second: float) -> int | None:
    """Which of two hands that seem to touch the face lies on the other instead, 0 or 1; None where neither does.

    first, second : `covered_share` of each. The hand whose touching parts are all within the other's outline can only
    touch that one, if the other's own touching parts are free.
    """
    if max(first, second) < _COVERED or abs(first - second) < _MORE:
        return None
    return 0 if first > second else 1
