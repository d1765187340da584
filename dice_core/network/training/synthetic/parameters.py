"""Hands and heads as the synthetic scenes draw them, without rendering any: what the discriminators take for real."""

from __future__ import annotations

import numpy as np

from dice_core.bodies import load_hand, load_head
from dice_core.network.training.open_bodies import EXPRESSIONS_LEFT_OUT, HAND_SHAPES, open_bodies
from dice_core.network.training.synthetic.expressions import sample_expression
from dice_core.network.training.synthetic.gestures import GESTURES, bend_fingers
from dice_core.network.training.synthetic.scenes import SHAPE_SIGMA, WIDEST

__all__ = ["drawn_hands", "drawn_heads"]


def drawn_hands(seed: int, count: int) -> np.ndarray:
    """(count, 55) shape and finger pose of hands."""
    rng = np.random.default_rng([seed, 101])
    hand, bodies = load_hand("right"), open_bodies()
    names = list(GESTURES)
    shares = np.array([GESTURES[name].share for name in names])
    rows = np.zeros((count, 55), np.float32)
    for row in rows:
        shape = np.clip(rng.normal(0, SHAPE_SIGMA, HAND_SHAPES), -WIDEST, WIDEST)
        gesture = GESTURES[names[int(rng.choice(len(names), p=shares / shares.sum()))]]
        angles = bend_fingers(hand, gesture, 1, rng)[0]
        scale = float(np.exp(rng.normal(0, hand.scale_sigma)))
        drawn = bodies.hand_parameters(shape, scale, np.zeros(3), angles, np.zeros(3))
        row[:] = np.concatenate([drawn["rh_betas"], drawn["rh_pose"]])
    return rows


def drawn_heads(seed: int, count: int) -> np.ndarray:
    """(count, 153) shape, expression and jaw of heads."""
    rng = np.random.default_rng([seed, 102])
    head, bodies = load_head(), open_bodies()
    left_out = [head.expression_names.index(name) for name in EXPRESSIONS_LEFT_OUT]
    rows = np.zeros((count, 153), np.float32)
    for row in rows:
        shape = np.clip(rng.normal(0, SHAPE_SIGMA, len(head.shape_basis)), -WIDEST, WIDEST)
        expression = sample_expression(rng)
        expression[left_out] = 0
        drawn = bodies.head_parameters(shape, expression, np.zeros(3))
        row[:] = np.concatenate([drawn["face_shape"], drawn["face_exp"], drawn["face_pose"][3:]])
    return rows
