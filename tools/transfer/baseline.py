"""What artists have today: rotations copied bone by bone, and the wrist put where it was against the nose by IK."""

from __future__ import annotations

import numpy as np

from dice_core.transfer.hand_rig import HandRig
from dice_core.transfer.performance import Performance

__all__ = ["copied_hand"]


def copied_hand(performance: Performance, side: str, rig: HandRig) -> np.ndarray:
    """(T, n, 3) the hand's skin, our axes, NaN where the hand is absent.

    Rotations are carried by anatomy here too, since rolls would only make it worse.
    """
    hand = performance.hands[side]
    skin = np.full((len(hand.tracked), len(rig.skin), 3), np.nan)
    for k in np.flatnonzero(hand.tracked):
        turn = hand.rotation[k][rig.our_joint] @ rig.our_axes @ np.swapaxes(rig.anatomy.axes, 1, 2)
        joints = np.zeros((len(turn), 3))
        joints[0] = hand.joints[k, rig.our_joint[0]]
        for bone in range(1, len(turn)):
            above = rig.anatomy.parents[bone]
            joints[bone] = joints[above] + turn[above] @ (rig.anatomy.joints[bone] - rig.anatomy.joints[above])
        skin[k] = rig.posed(turn, joints)
    return skin
