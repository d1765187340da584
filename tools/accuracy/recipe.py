"""What a picture or a clip of the benchmark shows: every factor, drawn from a seed.

The ranges were set by hand: phone footage and portraits of people who touch their faces.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dice_core.bodies import load_hand, load_head
from dice_core.network.training.synthetic.expressions import sample_expression
from dice_core.network.training.synthetic.gestures import GESTURES

__all__ = ["Recipe", "draw_recipe"]

TONES = {
    "fair": (0.88, 0.71, 0.63),
    "light": (0.80, 0.615, 0.53),
    "olive": (0.70, 0.52, 0.41),
    "brown": (0.54, 0.37, 0.27),
    "dark": (0.36, 0.24, 0.18),
}
"""sRGB of skin."""

LIGHTS = {"soft": 0.5, "mixed": 0.25, "hard side": 0.25}
BACKGROUNDS = ("plain", "gradient", "blobs", "checks")
HAIR = ("none", "short", "full")
MISSES = ((0.008, 0.020), (0.020, 0.040), (0.040, 0.080))
"""Metres before the skin at which near misses stop."""

TOUCHING, MISSING = 0.6, 0.25
"""Shares of hands that touch and of near misses; the others are held up freely."""

FOV, YAW, PITCH, ROLL = (25.0, 70.0), 40.0, 25.0, 12.0
"""Degrees."""

HEAD_SHARE = (0.28, 0.55)
"""Height of the head as a share of the longer side of the picture."""

SIZES = ((512, 512), (576, 432), (432, 576))
CLIP_SIZES = ((400, 400), (448, 336), (336, 448))
"""Pixels, width and height."""

SHAPE_SIGMA = 0.8
"""Of the population's deviations; the widest are not plausible people."""

BLURRED = 0.3
"""Share of stills with motion blur."""


@dataclass(frozen=True)
class Recipe:
    """One still or clip. Angles in degrees, lengths in metres, colours sRGB, unless a name says otherwise.

    gap : metres that a near miss keeps from the skin, 0 for a touch, None for a hand held freely;
    look : seed of all that has no name of its own (where exactly, which way, colours).
    """

    name: str
    kind: str
    seed: int
    frames: int
    fps: float
    width: int
    height: int
    fov: float
    head_share: float
    off_centre: tuple[float, float]
    yaw: float
    pitch: float
    roll: float
    head_shape: tuple[float, ...]
    expression: tuple[float, ...]
    hand_shape: tuple[float, ...]
    hand_scale: float
    tone: str
    hair: str
    beard: bool
    light: str
    background: str
    gesture: str
    sides: tuple[str, ...]
    gap: float | None
    blur: bool
    look: int

    def to_json(self) -> dict[str, Any]:
        """As it stands beside the truth."""
        return asdict(self)


def draw_recipe(seed: int, index: int, kind: str, frames: int = 1) -> Recipe:
    """The recipe of a place in the set of a seed; kind : "still" or "clip"."""
    rng = np.random.default_rng([seed, index, kind == "clip"])
    head, hand = load_head(), load_hand("right")
    clip = kind == "clip"
    # Gestures, light and touches go round, so that a small set has some of each.
    names = list(GESTURES)
    shares = np.array([GESTURES[name].share for name in names])
    gesture = names[int(rng.choice(len(names), p=shares / shares.sum()))]
    chance = (index * 0.618034 + rng.uniform(0, 0.1) + 0.05 * seed) % 1.0
    low, high = MISSES[int(rng.integers(len(MISSES)))]
    gap = 0.0 if chance < TOUCHING else float(rng.uniform(low, high)) if chance < TOUCHING + MISSING else None
    both = GESTURES[gesture].both and gap is not None
    side = ("left", "right")[int(rng.integers(2))]
    lights = list(LIGHTS)
    turned = rng.random() < 0.5
    sizes = CLIP_SIZES if clip else SIZES
    width, height = sizes[int(rng.integers(len(sizes)))]
    return Recipe(
        name=f"{kind}_{index:03d}",
        kind=kind,
        seed=seed,
        frames=frames,
        fps=float((24, 30, 60)[index % 3]) if clip else 24.0,
        width=width,
        height=height,
        fov=float(rng.uniform(*FOV)),
        head_share=float(rng.uniform(*HEAD_SHARE)),
        off_centre=(float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1))),
        yaw=float(rng.uniform(-YAW, YAW) if turned else np.clip(rng.normal(0, 12), -YAW, YAW)),
        pitch=float(rng.uniform(-PITCH, PITCH) if turned else np.clip(rng.normal(0, 8), -PITCH, PITCH)),
        roll=float(np.clip(rng.normal(0, 5), -ROLL, ROLL)),
        head_shape=tuple(np.clip(rng.normal(0, SHAPE_SIGMA, len(head.shape_basis)), -2, 2).tolist()),
        expression=tuple(sample_expression(rng).tolist()),
        hand_shape=tuple(np.clip(rng.normal(0, SHAPE_SIGMA, len(hand.shape_basis)), -2, 2).tolist()),
        hand_scale=float(np.exp(rng.normal(0, hand.scale_sigma))),
        tone=list(TONES)[int(rng.integers(len(TONES)))],
        hair=HAIR[int(rng.integers(len(HAIR)))],
        beard=bool(rng.random() < 0.2),
        light=lights[int(rng.choice(len(lights), p=list(LIGHTS.values())))],
        background=BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))],
        gesture=gesture if gap is not None else "free",
        sides=("left", "right") if both else (side,),
        gap=gap,
        blur=bool(rng.random() < BLURRED) if not clip else index % 2 == 0,
        look=int(rng.integers(2**31)),
    )
