"""What hands do at faces: where a gesture touches, with which part of the hand, and how the fingers are bent.

All figures were set by hand after how people touch their faces; nothing was recorded from anybody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.bodies import Hand

__all__ = ["FREE", "GESTURES", "Gesture", "bend_fingers"]

FINGERS = ("index", "middle", "ring", "little")

SHAPES: dict[str, tuple[tuple[float, float, float], ...]] = {
    # degrees at MCP, PIP and DIP of index, middle, ring and little finger
    "flat": ((4, 6, 3), (4, 6, 3), (4, 7, 3), (4, 8, 3)),
    "relaxed": ((16, 24, 9), (18, 26, 10), (22, 30, 12), (26, 34, 14)),
    "claw": ((18, 42, 26), (18, 44, 28), (20, 46, 28), (22, 46, 28)),
    "fist": ((66, 82, 44), (68, 84, 46), (70, 84, 46), (70, 84, 46)),
    "pointing": ((8, 10, 5), (64, 80, 42), (68, 82, 44), (68, 82, 44)),
    "two": ((8, 10, 5), (10, 12, 6), (66, 80, 44), (68, 82, 44)),
    "pinch": ((46, 34, 14), (50, 46, 20), (56, 56, 26), (60, 60, 28)),
}

THUMBS: dict[str, tuple[float, float, float, float]] = {
    # degrees: CMC flexion, CMC abduction, MCP flexion, IP flexion
    "open": (0, 0, 8, 10),
    "across": (18, 0, 28, 35),
    "opposed": (22, 14, 16, 14),
}

SPREAD_TOGETHER = {"index": -8.0, "middle": 3.0, "ring": 10.0, "little": 16.0}
SPREAD_APART = {"index": 5.0, "middle": 5.0, "ring": 4.0, "little": 1.0}
"""Degrees of abduction with the fingers side by side, and spread."""

NOISE = 6.0
"""Degrees, deviation of a joint from its gesture."""


@dataclass(frozen=True)
class Gesture:
    """One way to touch.

    regions : of the head, with a share of touches each, ".own" and ".other" standing for the hand's side and the other;
    part : of the hand: "tips", "inside", "palm", "knuckles" or "pinch"; shapes, thumb : of the fingers;
    share : how often it is drawn; both : both hands do it; below : the skin touched faces down; pinch : thumb and
    index finger enclose the place; beside, broad : how much a hand on its own side of the face, and one that lies on
    much skin, is preferred.
    """

    regions: dict[str, float]
    part: str
    shapes: tuple[str, ...]
    thumb: str = "open"
    share: float = 1.0
    both: bool = False
    below: bool = False
    pinch: bool = False
    beside: float = 0.0
    broad: float = 0.0


GESTURES = {
    "fingertip press": Gesture(
        {"cheek.own": 3, "jaw.own": 1, "chin": 1, "lips": 1, "nose": 1, "forehead": 1, "cheek.other": 0.5},
        "tips",
        ("pointing", "two", "relaxed"),
        share=2.0,
    ),
    "palm on cheek": Gesture(
        {"cheek.own": 2, "jaw.own": 1}, "palm", ("flat", "relaxed"), share=1.5, beside=1.0, broad=1.0
    ),
    "fist under chin": Gesture({"chin": 2, "jaw.own": 1}, "knuckles", ("fist",), "across", below=True),
    "pinch of chin": Gesture({"chin": 1}, "pinch", ("pinch",), "opposed", share=0.7, pinch=True),
    "pinch of nose": Gesture({"nose": 1}, "pinch", ("pinch",), "opposed", share=0.5, pinch=True),
    "rubbing an eye": Gesture({"eye.own": 1}, "tips", ("two", "relaxed", "pointing")),
    "hand over mouth": Gesture({"lips": 1}, "inside", ("flat", "relaxed"), broad=1.0),
    "both palms": Gesture(
        {"cheek.own": 2, "jaw.own": 1}, "palm", ("flat", "relaxed"), both=True, beside=1.0, broad=1.0
    ),
    "scratching": Gesture({"cheek.own": 2, "jaw.own": 1, "forehead": 1}, "tips", ("claw",)),
    "temple or ear": Gesture({"brow.own": 1, "ear.own": 1, "forehead.own": 1}, "tips", ("two", "relaxed", "claw")),
}

FREE = Gesture({}, "tips", ("flat", "relaxed", "pointing", "claw", "fist"))
"""A hand that is held up and touches nothing."""


def bend_fingers(hand: Hand, gesture: Gesture, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 22) joint angles of a gesture, radians, within the hand's limits."""
    index = {name: k for k, name in enumerate(hand.dof_names)}
    angles = np.tile(hand.dof_mean.astype(float), (count, 1))
    chosen = rng.integers(len(gesture.shapes), size=count)
    apart = rng.beta(0.8, 1.6, count)
    for row in range(count):
        shape = SHAPES[gesture.shapes[chosen[row]]]
        for finger, joints in zip(FINGERS, shape, strict=True):
            for joint, degrees in zip(("mcp", "pip", "dip"), joints, strict=True):
                angles[row, index[f"{finger}_{joint}_flexion"]] = np.radians(degrees)
            spread = SPREAD_TOGETHER[finger] + apart[row] * (SPREAD_APART[finger] - SPREAD_TOGETHER[finger])
            angles[row, index[f"{finger}_mcp_abduction"]] = np.radians(spread)
    thumb = ("thumb_cmc_flexion", "thumb_cmc_abduction", "thumb_mcp_flexion", "thumb_ip_flexion")
    for name, degrees in zip(thumb, THUMBS[gesture.thumb], strict=True):
        angles[:, index[name]] = np.radians(degrees)
    shared = rng.normal(0, NOISE, (count, 1)) * np.array(["flexion" in name for name in hand.dof_names])
    angles += np.radians(shared + rng.normal(0, NOISE / 2, angles.shape))
    return np.clip(angles, hand.dof_lower, hand.dof_upper)
