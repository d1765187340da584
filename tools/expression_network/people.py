"""The people who make the faces to train on: no two move or rest alike.

A head model has one way to frown. People's ways differ, in strength and in shape, and so do their faces at rest: brows
that lie low are no frown. Whoever learns from one model alone takes the model's ways for everybody's. So people are
drawn between two models, the packaged head and ICT-FaceKit (`dice models add`), which share the packaged head's
topology here. Shares and deviations were set by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dice_core.bodies import Head, load_head
from dice_core.bodies.head_model import load_head_model
from dice_core.bodies.names import EXPRESSION_NAMES

__all__ = ["Model", "Person", "load_models", "sample_person"]

PACKAGED_SHARE, ICT_SHARE = 0.45, 0.25
"""Of people who are of one model alone; the others are between the two."""

SHAPE_SIGMA, LARGEST_SHAPE = 1.0, 2.5
"""Of the population's deviations."""

OTHER_WAYS = 0.25
"""Deviation of an expression's share of the second model from the person's, of those between the two."""

STRENGTH = 0.22
"""Deviation of the logarithm of how far a full expression moves a person's face."""

RESTING = {
    "browDown": 0.22,
    "browInnerUp": 0.16,
    "browOuterUp": 0.16,
    "cheekPuff": 0.12,
    "cheekSquint": 0.12,
    "eyeSquint": 0.14,
    "eyeWide": 0.16,
    "jawForward": 0.25,
    "mouthDimple": 0.1,
    "mouthFrown": 0.14,
    "mouthPress": 0.1,
    "mouthPucker": 0.1,
    "mouthRollLower": 0.12,
    "mouthRollUpper": 0.12,
    "mouthShrugUpper": 0.1,
    "mouthSmile": 0.1,
    "mouthStretch": 0.1,
    "noseSneer": 0.1,
}
"""Deviation of what a resting face has of an expression, to either side of none, of the full action: not counted as the
expression, which is measured from the person's own rest."""

UNEVEN = 0.35
"""Of that, between left and right."""

AT_REST = 0.7
"""Share of people whose rest is not the model's."""


@dataclass(frozen=True)
class Model:
    """A head model's people: head : in the packaged head's topology; moves : (52, V, 3) metres, its full expressions,
    each as large as the packaged head's, at the vertex that moves farthest."""

    head: Head
    moves: np.ndarray


@dataclass(frozen=True)
class Person:
    """A face and its ways, in the packaged head's topology. rest : (V, 3) metres; ways : for each model (52,), what its
    expressions count in the person's; moves : for each model (52, V, 3)."""

    rest: np.ndarray
    ways: tuple[np.ndarray, ...]
    moves: tuple[np.ndarray, ...]

    def deform(self, expression: np.ndarray) -> np.ndarray:
        """(V, 3) of the face that makes an expression (52,)."""
        return self.rest + _moved([part * expression for part in self.ways], self.moves)


@lru_cache(maxsize=2)
def load_models(*, ict: bool = True) -> tuple[Model, ...]:
    """The packaged head and, if wanted, ICT-FaceKit. Raises MissingModelError where that has not been added."""
    packaged = load_head()
    if not ict:
        return (Model(packaged, packaged.expressions),)
    other = load_head_model("ict").proxy
    reach, far = (np.linalg.norm(head.expressions, axis=2).max(axis=1) for head in (packaged, other))
    share = np.where(far > 0, reach / np.maximum(far, 1e-6), 0).astype(np.float32)
    return Model(packaged, packaged.expressions), Model(other, other.expressions * share[:, None, None])


def sample_person(rng: np.random.Generator, models: tuple[Model, ...]) -> Person:
    """Draw a person of one or two models, or between the two."""
    ways, rest = [np.exp(STRENGTH * _alike(rng))], _sample_rest(rng, models[0].head)
    if len(models) > 1:
        kind = rng.random()
        between = kind >= PACKAGED_SHARE + ICT_SHARE
        share = float(rng.uniform(0, 1)) if between else float(kind >= PACKAGED_SHARE)
        rest = rest + share * (_sample_rest(rng, models[1].head) - rest)
        second = np.clip(share + between * OTHER_WAYS * _alike(rng), 0, 1)
        ways = [ways[0] * (1 - second), ways[0] * second]
    moves = tuple(model.moves for model in models)
    if rng.random() < AT_REST:
        resting = _resting(rng)
        rest = rest + _moved([part * resting for part in ways], moves)
    return Person(rest, tuple(ways), moves)


def _sample_rest(rng: np.random.Generator, head: Head) -> np.ndarray:
    """(V, 3) a neutral head of the model's population."""
    shape = rng.normal(0, SHAPE_SIGMA, len(head.shape_basis))
    return head.rest(np.clip(shape, -LARGEST_SHAPE, LARGEST_SHAPE))


def _alike(rng: np.random.Generator) -> np.ndarray:
    """(52,) of unit deviation, nearly the same left and right."""
    drawn = {name: rng.normal() for name in sorted({_pair(name) for name in EXPRESSION_NAMES})}
    return np.array([drawn[_pair(name)] for name in EXPRESSION_NAMES]) + 0.3 * rng.normal(size=len(EXPRESSION_NAMES))


def _pair(name: str) -> str:
    return name.removesuffix("Left").removesuffix("Right")


def _resting(rng: np.random.Generator) -> np.ndarray:
    """(52,) what a resting face has of every expression."""
    drawn = {name: rng.normal(0, deviation) for name, deviation in RESTING.items()}
    uneven = UNEVEN * rng.normal(size=len(EXPRESSION_NAMES))
    return np.array(
        [
            drawn.get(_pair(name), 0.0) + extra * RESTING.get(_pair(name), 0.0)
            for name, extra in zip(EXPRESSION_NAMES, uneven, strict=True)
        ]
    )


def _moved(weights: Sequence[np.ndarray], moves: tuple[np.ndarray, ...]) -> np.ndarray:
    """(V, 3) float32 displacement by weights (52,) of each model's expressions."""
    total = np.zeros(moves[0].shape[1:], np.float32)
    for part, basis in zip(weights, moves, strict=True):
        if part.any():
            total += (part.astype(np.float32) @ basis.reshape(len(basis), -1)).reshape(total.shape)
    return total
