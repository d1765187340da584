"""Figures of a solve, and its words of warning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dice_core.transfer.arm_motion import ArmMotion
from dice_core.transfer.dents import DentKeys, Pressed
from dice_core.transfer.files import KEPT
from dice_core.transfer.hand_motion import HandFrames
from dice_core.transfer.performance import Performance
from dice_core.transfer.target import TargetHead

__all__ = ["solve_report", "without_lost"]

TOUCH = 0.002
"""Metres: a sample of the hand this near to the face in the take touches it."""

ARM_SHORT = 0.01
"""Metres by which an arm may fail to reach before that is said."""

HAND_SIZES = (0.7, 1.4)
"""Of a hand against the face, in those of an average person, outside of which it is said."""


FEW_BONES = 8
"""Bones of a hand, its own among them, fewer than which cannot show a gesture: a thumb and two fingers have more."""


def solve_report(
    target: TargetHead,
    performance: Performance,
    hands: dict[str, HandFrames],
    arms: dict[str, ArmMotion],
    pressed: Pressed | None,
    dents: DentKeys,
    words: list[str],
) -> dict[str, Any]:
    """What the solve left: distances of touching points, frames with a touch that are kept, penetration."""
    warnings = list(words)
    figures: dict[str, Any] = {"views_with_a_face": target.views, "scale": target.similarity.scale, "hands": {}}
    for side, hand in hands.items():
        figures["hands"][side] = own = _touch_figures(hand, performance.hands[side].tracked)
        missing = float(arms[side].wrist_missing[hand.near].max(initial=0))
        own["arm_short_mm"] = 1000 * missing
        if missing > ARM_SHORT:
            warnings.append(f"The {side} arm is {100 * missing:.0f} cm too short to reach the face in some frames.")
        size = _relative_size(hand)
        own["hand_size"] = size
        if not HAND_SIZES[0] < size < HAND_SIZES[1]:
            word = "small" if size < 1 else "large"
            warnings.append(
                f"The {side} hand is {word} for the face ({100 * size:.0f} % of usual): where not all of a touch can "
                "be kept, a part of it is given up."
            )
        if len(hand.rig.bones) < FEW_BONES:
            warnings.append(
                f"The {side} hand has only {len(hand.rig.bones) - 1} bones for its fingers, so that they cannot all go "
                "where they touch: a part of the touches is given up."
            )
        if own["frames_with_touch"] and own["frames_kept"] < own["frames_with_touch"]:
            lost = own["frames_with_touch"] - own["frames_kept"]
            warnings.append(f"In {lost} frames the {side} hand's touch could not be kept.")
    if pressed is not None and len(pressed.left):
        figures["penetration_left_mm"] = 1000 * float(pressed.left.max())
    figures["dent_keys"] = len(dents.names)
    figures["dent_error_mm"] = 1000 * dents.error
    figures["warnings"] = warnings
    return figures


def without_lost(report: dict[str, Any], lost: Mapping[str, int]) -> dict[str, Any]:
    """A report in which frames do not count as kept whose touch is lost once the character is keyed.

    lost : "left" or "right" -> how many. Which of them the solver has not kept is not known: as many are taken for them
    as can be.
    """
    hands = {
        side: own | {"frames_kept": max(0, min(own["frames_kept"], own["frames_with_touch"] - lost.get(side, 0)))}
        for side, own in report["hands"].items()
    }
    return report | {"hands": hands}


def _touch_figures(hand: HandFrames, tracked: np.ndarray) -> dict[str, Any]:
    distances, touching, kept = [], 0, 0
    places = hand.rig.places.chosen(hand.samples)
    for k in np.flatnonzero(tracked & hand.touches).tolist():
        # A touch may lie between the samples: then the nearest of them stands for it.
        rows = np.flatnonzero(hand.gaps[k] <= max(TOUCH, float(hand.gaps[k].min())))
        touching += 1
        apart = np.linalg.norm(places.chosen(rows).of(hand.skin(k)) - hand.goals[k][rows], axis=1)
        distances.append(apart)
        kept += bool(apart.min() < KEPT)
    every = np.concatenate(distances) if distances else np.zeros(0)
    return {
        "frames_with_touch": touching,
        "frames_kept": kept,
        "distance_mm": [1000 * float(x) for x in np.percentile(every, [50, 95])] if len(every) else [],
    }


def _relative_size(hand: HandFrames) -> float:
    """Length of the palm of the character's hand in that of the take's, both in heads of one size."""
    return float(hand.rig.anatomy.lengths[0] / hand.rig.our_palm)
