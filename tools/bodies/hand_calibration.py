"""Where on the rig the detector's 21 key points sit: an offset from a joint each, by least reprojection error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from bodies.hand_views import HandView
from dice_core.bodies.hand import Hand

__all__ = ["Keypoints", "calibrate_keypoints"]

ROBUST_SCALE = 3.0  # millimetres: errors beyond it count linearly
PRIOR_SCALE = 40.0  # millimetres: how far a key point may stray from its joint in one view's worth of evidence
# A view in which half of the points are this far off (millimetres) shows a lost detector.
LOST = 20.0


@dataclass(frozen=True)
class Keypoints:
    """rest : (21, 3) metres; joint : (21,); error_before, error : (views, 21) millimetres in the views used."""

    rest: np.ndarray
    joint: np.ndarray
    error_before: np.ndarray
    error: np.ndarray


def calibrate_keypoints(hand: Hand, views: list[HandView]) -> Keypoints:
    """Best offset for each key point, carried by its joint or the joint before, whichever agrees better."""
    views = _not_lost(hand, views)
    rest, joint = hand.keypoint_rest.astype(float).copy(), hand.keypoint_joint.copy()
    before, after = np.empty((len(views), len(rest))), np.empty((len(views), len(rest)))
    for k in range(len(rest)):
        problem = _Problem(hand.keypoint_shape_basis[:, k], views, [view.points[k] for view in views])
        before[:, k] = problem.errors(rest[k], joint[k])
        carriers = sorted({int(joint[k]), max(int(hand.mesh.parents[joint[k]]), 0)})
        trials = [(problem.fit(rest[k], carrier), carrier) for carrier in carriers]
        errors = [problem.errors(*trial) for trial in trials]
        best = int(np.argmin([np.median(error) for error in errors]))
        (rest[k], joint[k]), after[:, k] = trials[best], errors[best]
    return Keypoints(rest, joint, before, after)


def _not_lost(hand: Hand, views: list[HandView]) -> list[HandView]:
    errors = [
        _Problem(hand.keypoint_shape_basis[:, k], views, [view.points[k] for view in views]).errors(
            hand.keypoint_rest[k].astype(float), int(hand.keypoint_joint[k])
        )
        for k in range(len(hand.keypoint_rest))
    ]
    return [view for view, error in zip(views, np.median(errors, axis=0), strict=True) if error < LOST]


@dataclass(frozen=True)
class _Problem:
    """One key point in all views.

    basis : (S, 3) how it follows the shape; seen : (2,) pixels in each view.
    """

    basis: np.ndarray
    views: list[HandView]
    seen: list[np.ndarray]

    def gaps(self, point: np.ndarray, carrier: int) -> np.ndarray:
        """(views, 2) millimetres at the point's depth between projection and detection."""
        gaps = []
        for view, seen in zip(self.views, self.seen, strict=True):
            placed = view.linear[carrier] @ (point + view.shape @ self.basis) + view.offset[carrier]
            gaps.append((view.camera.project(placed) - seen) * placed[2] / view.camera.fx * 1e3)
        return np.array(gaps)

    def errors(self, point: np.ndarray, carrier: int) -> np.ndarray:
        """(views,) millimetres."""
        return np.linalg.norm(self.gaps(point, carrier), axis=1)

    def fit(self, start: np.ndarray, carrier: int) -> np.ndarray:
        """(3,) metres, rest point of least robust error."""

        def residual(offset: np.ndarray) -> np.ndarray:
            gaps = self.gaps(start + offset * 1e-3, carrier)
            return np.concatenate([gaps.ravel() / ROBUST_SCALE, offset / PRIOR_SCALE])

        return start + least_squares(residual, np.zeros(3), loss="soft_l1").x * 1e-3
