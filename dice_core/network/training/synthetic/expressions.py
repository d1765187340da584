"""Faces that people make: groups of expressions that belong together, one-sided ones, and where the eyes look.

Shares and strengths were set by hand.
"""

from __future__ import annotations

import numpy as np

from dice_core.bodies.names import EXPRESSION_NAMES

__all__ = ["gaze_at", "sample_expression"]

GROUPS: tuple[tuple[float, dict[str, float]], ...] = (
    # share of faces, and the strength of each expression of the group
    (0.28, {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8, "cheekSquintLeft": 0.5, "cheekSquintRight": 0.5}),
    (0.12, {"mouthSmileLeft": 0.8, "mouthDimpleLeft": 0.4}),
    (0.12, {"mouthSmileRight": 0.8, "mouthDimpleRight": 0.4}),
    (0.25, {"jawOpen": 0.55, "mouthLowerDownLeft": 0.25, "mouthLowerDownRight": 0.25}),
    (0.12, {"mouthPucker": 0.8}),
    (0.10, {"mouthFunnel": 0.6, "jawOpen": 0.2}),
    (0.12, {"mouthFrownLeft": 0.7, "mouthFrownRight": 0.7, "mouthShrugLower": 0.4}),
    (0.12, {"mouthPressLeft": 0.6, "mouthPressRight": 0.6}),
    (0.06, {"mouthLeft": 0.7}),
    (0.06, {"mouthRight": 0.7}),
    (0.25, {"browInnerUp": 0.8, "browOuterUpLeft": 0.6, "browOuterUpRight": 0.6}),
    (0.08, {"browOuterUpLeft": 0.8}),
    (0.08, {"browOuterUpRight": 0.8}),
    (0.22, {"browDownLeft": 0.8, "browDownRight": 0.8}),
    (0.12, {"noseSneerLeft": 0.6, "noseSneerRight": 0.6}),
    (0.15, {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}),
    (0.05, {"eyeBlinkLeft": 1.0, "cheekSquintLeft": 0.5}),
    (0.05, {"eyeBlinkRight": 1.0, "cheekSquintRight": 0.5}),
    (0.18, {"eyeSquintLeft": 0.7, "eyeSquintRight": 0.7}),
    (0.15, {"eyeWideLeft": 0.8, "eyeWideRight": 0.8}),
    (0.06, {"cheekPuff": 0.8}),
    (0.08, {"jawLeft": 0.5}),
    (0.08, {"jawRight": 0.5}),
)

NEUTRAL = 0.12
"""Share of faces that make none."""

GAZE = (0.35, 0.25)
"""Deviation of how far the eyes look to a side, and up or down, of the full expressions."""


def sample_expression(rng: np.random.Generator) -> np.ndarray:
    """(52,) weights in [0, 1]."""
    weights = np.zeros(len(EXPRESSION_NAMES))
    if rng.random() >= NEUTRAL:
        for share, group in GROUPS:
            if rng.random() < share:
                strength = rng.uniform(0.4, 1.25)
                for name, full in group.items():
                    weights[EXPRESSION_NAMES.index(name)] += strength * full * rng.uniform(0.8, 1.2)
    weights += gaze_at(*np.clip(rng.normal(0, GAZE), -0.9, 0.9))
    return np.clip(weights, 0, 1)


def gaze_at(left: float, up: float) -> np.ndarray:
    """(52,) weights of eyes that look to the subject's own left and up, -1 to 1 of the full expressions."""
    weights = np.zeros(len(EXPRESSION_NAMES))
    across = ("eyeLookOutLeft", "eyeLookInRight") if left > 0 else ("eyeLookInLeft", "eyeLookOutRight")
    along = ("eyeLookUpLeft", "eyeLookUpRight") if up > 0 else ("eyeLookDownLeft", "eyeLookDownRight")
    for names, value in ((across, left), (along, up)):
        for name in names:
            weights[EXPRESSION_NAMES.index(name)] = abs(value)
    return weights
