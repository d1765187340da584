"""A hand carried over without looking at contact: every bone as in the take by anatomy, the wrist by what is near.

The part of the hand that is nearest to the face keeps its place against the face, so that fingertips stay at the lips
whatever the hand's size; far from the face all of the hand counts alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.transfer.hand_rig import HandRig

__all__ = ["CarriedHand", "SpaceWarp", "carry_hand"]

ANCHOR_REACH = 0.02
"""Metres: a part this much farther from the face than the nearest one counts a third of it. Set by hand."""

WARP_REACH = 0.03
"""Metres: distance below which the nearest skin decides alone how space is warped. Set by hand, to half a face."""


@dataclass(frozen=True)
class CarriedHand:
    """turn : (B, 3, 3) of each bone from rest; joints : (B, 3); our axes, metres."""

    turn: np.ndarray
    joints: np.ndarray


class SpaceWarp:
    """Where a point near one face is near another: the mean of the displacements of their skins, the nearest most.

    source, target : (n, 3) points of both skins.
    """

    def __init__(self, source: np.ndarray, target: np.ndarray) -> None:
        self._source, self._moved = source, target - source

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """(m, 3) points moved."""
        square = ((points[:, None] - self._source) ** 2).sum(axis=2)
        weight = 1 / (square + WARP_REACH**2) ** 2
        return points + weight @ self._moved / weight.sum(axis=1, keepdims=True)


def carry_hand(
    rig: HandRig, rotation: np.ndarray, samples: np.ndarray, source: np.ndarray, gaps: np.ndarray, warp: SpaceWarp
) -> CarriedHand:
    """One frame of a hand.

    rotation : (J, 3, 3) of our joints from rest; samples : (s,) of our hand's vertices, source : (s, 3) where they are
    and gaps : (s,) their distances from the face, metres, negative inside.
    """
    turn = rotation[rig.our_joint] @ rig.our_axes @ np.swapaxes(rig.anatomy.axes, 1, 2)
    joints = np.zeros((len(turn), 3))
    for k in range(1, len(turn)):
        above = rig.anatomy.parents[k]
        joints[k] = joints[above] + turn[above] @ (rig.anatomy.joints[k] - rig.anatomy.joints[above])
    around = rig.places.chosen(samples).of(rig.posed(turn, joints))
    weight = np.exp(-np.maximum(gaps - gaps.min(), 0) / ANCHOR_REACH)
    wrist = weight @ (warp(source) - around) / weight.sum()
    return CarriedHand(turn, joints + wrist)
