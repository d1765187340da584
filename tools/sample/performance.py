"""The performance in the sample: who the person is, and expressions, head motion and two fingers' path over time.

All figures were set by hand, by the look of the clip.

Times are seconds of a clip of `DURATION`; a clip of another number of frames plays the same performance faster or
slower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.bodies.names import EXPRESSION_NAMES

__all__ = [
    "DURATION",
    "HAND_SCALE",
    "HAND_SHAPE",
    "HEAD_SHAPE",
    "Moment",
    "moment",
]

DURATION = 3.0
"""Seconds."""

HEAD_SHAPE = np.array([0.5, -0.6, 0.4, -0.5, 0.3, 0.6, -0.4, 0.3], np.float32)
HAND_SHAPE = np.array([0.4, -0.3, 0.2], np.float32)
HAND_SCALE = 0.98
"""Standard deviations from the average person, and the hand's size: somebody, but nobody special."""

HEAD_PLACE = np.array([0.045, 0.012, 0.585])
"""Metres, camera space: head and neck fill the picture, with room for a hand on the subject's right."""

# Keys of piecewise cubic curves: (second, value). Degrees; camera axes are x right, y down, z forward.
YAW = ((0.0, -8.0), (0.5, -5.0), (1.0, 4.0), (1.4, 0.0), (2.0, -3.0), (2.5, -1.0), (3.0, 6.0))
PITCH = ((0.0, 1.5), (0.6, -2.0), (1.1, 1.0), (1.6, 3.5), (2.2, 0.5), (3.0, -1.5))
ROLL = ((0.0, -1.0), (0.8, 0.5), (1.2, 3.5), (1.9, 2.5), (2.5, -0.5), (3.0, -1.0))

EXPRESSIONS: dict[str, tuple[tuple[float, float], ...]] = {
    "mouthSmile": ((0.0, 0.1), (0.55, 0.65), (0.95, 0.45), (1.3, 0.12), (2.1, 0.15), (2.7, 0.7), (3.0, 0.75)),
    "cheekSquint": ((0.0, 0.0), (0.55, 0.3), (1.0, 0.1), (2.2, 0.0), (2.7, 0.35), (3.0, 0.35)),
    "eyeBlink": ((0.0, 0.0), (0.55, 0.0), (0.67, 0.95), (0.8, 0.0), (2.2, 0.0), (2.33, 0.95), (2.46, 0.0), (3.0, 0.0)),
    "eyeWide": (
        (0.0, 0.3),
        (0.5, 0.3),
        (0.62, 0.0),
        (0.72, 0.0),
        (0.9, 0.35),
        (1.25, 0.55),
        (2.1, 0.3),
        (2.27, 0.0),
        (2.38, 0.0),
        (2.55, 0.3),
        (3.0, 0.3),
    ),
    "browInnerUp": ((0.0, 0.0), (0.9, 0.0), (1.25, 0.65), (1.8, 0.45), (2.3, 0.0), (3.0, 0.0)),
    "browOuterUp": ((0.0, 0.0), (0.9, 0.0), (1.25, 0.5), (1.8, 0.3), (2.3, 0.0), (3.0, 0.0)),
    "jawOpen": ((0.0, 0.0), (1.2, 0.02), (1.7, 0.3), (2.0, 0.22), (2.35, 0.02), (3.0, 0.05)),
    "mouthPress": ((0.0, 0.0), (0.95, 0.0), (1.15, 0.25), (1.4, 0.0), (3.0, 0.0)),
}
"""ARKit names without their side, on both sides where they have one."""

LOOK_RIGHT = ((0.0, 0.0), (0.3, 0.0), (0.5, 0.3), (1.0, 0.4), (1.5, 0.3), (1.9, 0.0), (3.0, 0.0))
"""The eyes follow the hand: the right eye looks out, the left one in."""

SLIDE = ((0.0, 0.0), (1.2, 0.0), (1.45, 0.08), (1.95, 0.92), (2.15, 1.0), (3.0, 1.0))
"""Share of the way from the cheek down to the jaw."""

DEPTH_MM = (
    (0.0, -28.0),
    (0.6, -28.0),
    (0.88, -2.0),
    (1.2, 13.0),
    (1.45, 12.0),
    (1.8, 8.0),
    (2.12, 4.5),
    (2.4, -25.0),
    (3.0, -28.0),
)
"""Millimetres by which the fingertips are meant to go into the skin; negative before it."""

AWAY = ((0.0, 1.0), (0.2, 1.0), (0.8, 0.0), (2.3, 0.0), (2.85, 1.0), (3.0, 1.0))
"""Share of the way to where the hand is out of the picture."""


@dataclass(frozen=True)
class Moment:
    """One frame of the performance.

    expression : (52,); rotation, translation : (3,) of the head; slide, away : 0 to 1; depth : metres.
    """

    expression: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    slide: float
    depth: float
    away: float


def moment(second: float) -> Moment:
    """The performance at a time between 0 and `DURATION`."""
    expression = np.zeros(len(EXPRESSION_NAMES), np.float32)
    look = curve(LOOK_RIGHT, second)
    values = {name: curve(keys, second) for name, keys in EXPRESSIONS.items()}
    values |= {"eyeLookOutRight": look, "eyeLookInLeft": look, "eyeLookDown": 0.4 * look}
    for name, value in values.items():
        for side in ("", "Left", "Right"):
            if name + side in EXPRESSION_NAMES:
                expression[EXPRESSION_NAMES.index(name + side)] = value
    angles = np.radians([curve(PITCH, second), curve(YAW, second), curve(ROLL, second)])
    return Moment(
        expression=np.clip(expression, 0, 1),
        rotation=angles,
        translation=HEAD_PLACE + 0.02 * np.array([np.sin(angles[1]), np.sin(angles[0]), 0.0]),
        slide=curve(SLIDE, second),
        depth=curve(DEPTH_MM, second) / 1000,
        away=curve(AWAY, second),
    )


def curve(keys: tuple[tuple[float, float], ...], second: float) -> float:
    """Value of a curve through keys: at rest at each key that is an extreme, without overshooting (Fritsch and Carlson,
    "Monotone piecewise cubic interpolation", SIAM J. Numer. Anal. 17(2), 1980, doi:10.1137/0717021)."""
    times, values = np.array(keys).T
    width, slope = np.diff(times), np.diff(values) / np.diff(times)
    tangent = np.zeros(len(times))
    for k in range(1, len(times) - 1):
        if slope[k - 1] * slope[k] > 0:
            before, after = 2 * width[k] + width[k - 1], width[k] + 2 * width[k - 1]
            tangent[k] = (before + after) / (before / slope[k - 1] + after / slope[k])
    k = int(np.clip(np.searchsorted(times, second, side="right") - 1, 0, len(width) - 1))
    x = float(np.clip((second - times[k]) / width[k], 0, 1))
    return float(
        values[k] * (1 + 2 * x) * (1 - x) ** 2
        + values[k + 1] * x**2 * (3 - 2 * x)
        + width[k] * (tangent[k] * x * (1 - x) ** 2 - tangent[k + 1] * x**2 * (1 - x))
    )
