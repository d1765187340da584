"""Faces to train on: every action by itself and with others, weak and strong, often on one side alone.

Wider than what people do, and drawn otherwise than the faces of tools/accuracy, which measure the result. Shares were
set by hand.
"""

from __future__ import annotations

import numpy as np

from dice_core.bodies.names import EXPRESSION_NAMES

__all__ = ["sample_expression"]

PAIRS = {
    # share of faces in which a pair of actions, left and right, is seen at all
    "browDown": 0.26,
    "browOuterUp": 0.22,
    "cheekSquint": 0.18,
    "eyeBlink": 0.26,
    "eyeSquint": 0.22,
    "eyeWide": 0.18,
    "mouthDimple": 0.12,
    "mouthFrown": 0.18,
    "mouthLowerDown": 0.15,
    "mouthPress": 0.15,
    "mouthSmile": 0.34,
    "mouthStretch": 0.12,
    "mouthUpperUp": 0.15,
    "noseSneer": 0.17,
}
SINGLES = {
    "browInnerUp": 0.25,
    "cheekPuff": 0.12,
    "jawForward": 0.10,
    "jawOpen": 0.36,
    "mouthFunnel": 0.14,
    "mouthPucker": 0.16,
    "mouthRollLower": 0.10,
    "mouthRollUpper": 0.10,
    "mouthShrugLower": 0.12,
    "mouthShrugUpper": 0.10,
}
EITHER = {"jaw": 0.18, "mouth": 0.16}
"""The same of actions that go to the left or to the right."""

NEUTRAL = 0.08
"""Share of faces that only look somewhere."""

LIVELINESS = (0.35, 1.5)
"""By how much a face multiplies all shares: some do one thing, others many at once."""

EVEN, ONE_SIDED = 0.45, 0.33
"""Shares of pairs that act alike on both sides, and on one alone; the others differ."""

MOST_MOUTH = 2.4
"""Sum of the mouth's actions, pairs counted once, above which they are weakened together: lips can do only so much."""

CLOSING = 0.2
"""Share of open jaws that mouthClose shuts in part: it acts on an open jaw alone."""

SHUT = 0.55
"""Share of blinks that are complete."""

STRAIGHT = 0.2
"""Share of faces that look where they are turned."""

VERGENCE = 0.06
"""Deviation between the eyes, of the full action."""


def sample_expression(rng: np.random.Generator) -> np.ndarray:
    """(52,) weights in [0, 1]."""
    weights = dict.fromkeys(EXPRESSION_NAMES, 0.0)
    if rng.random() >= NEUTRAL:
        liveliness = rng.uniform(*LIVELINESS)
        for pair, share in PAIRS.items():
            if rng.random() < share * liveliness:
                weights[f"{pair}Left"], weights[f"{pair}Right"] = _two_sides(_strength(pair, rng), rng)
        for name, share in SINGLES.items():
            if rng.random() < share * liveliness:
                weights[name] = _strength(name, rng)
        for name, share in EITHER.items():
            if rng.random() < share * liveliness:
                weights[name + ("Left" if rng.random() < 0.5 else "Right")] = _strength(name, rng)
        _make_possible(weights, rng)
    _look(weights, rng)
    return np.clip(np.array([weights[name] for name in EXPRESSION_NAMES]), 0, 1)


def _strength(name: str, rng: np.random.Generator) -> float:
    if name == "eyeBlink" and rng.random() < SHUT:
        return float(rng.uniform(0.9, 1.0))
    return float(rng.uniform(0.12, 1.05))


def _two_sides(strength: float, rng: np.random.Generator) -> tuple[float, float]:
    """Left and right."""
    chance = rng.random()
    if chance < EVEN:
        return strength * rng.uniform(0.88, 1.12), strength * rng.uniform(0.88, 1.12)
    weak = rng.uniform(0.0, 0.12) if chance < EVEN + ONE_SIDED else rng.uniform(0.0, 1.0)
    return (strength, strength * weak) if rng.random() < 0.5 else (strength * weak, strength)


def _make_possible(weights: dict[str, float], rng: np.random.Generator) -> None:
    """Take back, in place, what a face cannot do at once."""
    for side in ("Left", "Right"):
        for one, other in (("mouthSmile", "mouthFrown"), ("eyeWide", "eyeSquint"), ("browDown", "browOuterUp")):
            first, second = one + side, other + side
            weaker = first if weights[first] < weights[second] else second
            weights[weaker] *= rng.uniform(0.0, 0.5)
        weights["eyeWide" + side] *= 1 - weights["eyeBlink" + side]
    weights["mouthPucker"] *= 1 - 0.6 * max(weights["mouthSmileLeft"], weights["mouthSmileRight"])
    if weights["jawOpen"] > 0 and rng.random() < CLOSING:
        weights["mouthClose"] = weights["jawOpen"] * rng.uniform(0.2, 1.0)
    mouth = [name for name in weights if name.startswith("mouth")]
    total = sum(weights[name] * (0.5 if name.endswith(("Left", "Right")) else 1.0) for name in mouth)
    if total > MOST_MOUTH:
        for name in mouth:
            weights[name] *= MOST_MOUTH / total


def _look(weights: dict[str, float], rng: np.random.Generator) -> None:
    spread = 0.12 if rng.random() < STRAIGHT else 0.5
    left, up = np.clip(rng.normal(0, (spread, 0.8 * spread)), -1, 1)
    for side, outward in (("Left", 1.0), ("Right", -1.0)):
        across = outward * (left + rng.normal(0, VERGENCE))
        along = up + rng.normal(0, VERGENCE / 2)
        weights[("eyeLookOut" if across > 0 else "eyeLookIn") + side] = abs(across)
        weights[("eyeLookUp" if along > 0 else "eyeLookDown") + side] = abs(along)
