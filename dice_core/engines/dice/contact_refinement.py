"""Moves the hand to where the network says that it touches: the network predicts contact better than depth.

How far a hand is from the head along the line of sight is what a single picture tells least, and both of the published
network's faults come from it: hands that stand in the head, and touches that miss it by a finger's breadth. Its contact
and its dents say where the hand must be.
"""

from __future__ import annotations

import numpy as np

from dice_core.contact.touch_events import TOUCHING
from dice_core.fitting.temporal_filter import reach
from dice_core.geometry.closest_point import SurfaceIndex

__all__ = ["resolve_penetration", "snap_to_surface", "spread_over_time"]

# All set by hand on the sample's truth with the hand moved by known amounts (tools/benchmark_refinement.py).
_FARTHEST = 0.025  # metres; a hand that is further off than this is not where the contact says at all
_LEFT_ALONE = 0.003  # metres of depth or separation that the contact solver resolves by itself
_GIVES = 0.010  # metres; a hand deeper than this in the skin is moved out first, for no skin gives way much further
_DEEP = 0.9  # quantile of the touching vertices' depths that counts as the hand's, so that a stray vertex does not
_ONE_WAY = 0.5  # length of the mean normal below which the skin faces many ways, as around a pinched ear
_ITERATIONS = 3  # the nearest skin changes as the hand moves
_HOLD_SECONDS = 0.08  # deviation of the Gaussian that spreads a shift over the frames around
_LEAST_HOLD_FRAMES = 1.0
_RELEASE_SECONDS = 0.05 / 24  # weight of all touching frames around, times their duration, where a shift is halved


def snap_to_surface(skin: SurfaceIndex, hand: np.ndarray, contact: np.ndarray) -> np.ndarray:
    """What to add to a hand's vertices so that those which touch lie on the skin.

    skin : of the head, with its dents; hand : (W, 3) metres; contact : (W,) probability of touching.
    Returns (3,) metres, zero where nothing touches, where the skin is too far off or looks many ways.
    """
    points = hand[contact >= TOUCHING].astype(np.float64)
    shift = np.zeros(3)
    if not len(points):
        return shift
    for _ in range(_ITERATIONS):
        found = skin.query(points + shift, _FARTHEST)
        seen = found.triangle >= 0
        if not seen.any():
            return np.zeros(3)
        outward = found.normal[seen].mean(axis=0)
        length = float(np.linalg.norm(outward))
        if length < _ONE_WAY:
            return np.zeros(3)
        depth = float(np.quantile(found.distance[seen], _DEEP))
        shift = shift + outward / length * (depth - np.clip(depth, -_LEFT_ALONE, _LEFT_ALONE))
    return shift if np.linalg.norm(shift) <= _FARTHEST else np.zeros(3)


def resolve_penetration(skin: SurfaceIndex, hand: np.ndarray) -> np.ndarray:
    """What to add to a hand's vertices so that it is no deeper in the head than skin may give way.

    skin : of the head, with its dents; hand : (W, 3) metres. Returns (3,) metres, zero where the hand is not that deep.
    """
    points = hand.astype(np.float64)
    shift = np.zeros(3)
    for _ in range(_ITERATIONS):
        found = skin.query(points + shift, _FARTHEST)
        depth = np.where(found.triangle >= 0, np.maximum(found.distance, 0), 0)
        deepest = float(depth.max())
        outward = depth @ found.normal
        length = float(np.linalg.norm(outward))
        if deepest <= _GIVES or length < _ONE_WAY * depth.sum():
            break
        shift = shift + outward / length * (deepest - _GIVES)
    return shift if np.linalg.norm(shift) <= _FARTHEST else np.zeros(3)


def spread_over_time(shifts: np.ndarray, known: np.ndarray, fps: float) -> np.ndarray:
    """Shifts of some frames spread over those around, so that a hand does not jump when it touches.

    shifts : (T, 3); known : (T,) bool, frames whose shift counts. A frame depends on `reach` frames before and after.
    Returns (T, 3): near the mean of the known shifts around, fading to zero where there are none.
    """
    sigma = max(_HOLD_SECONDS * fps, _LEAST_HOLD_FRAMES)
    offset = np.arange(len(shifts))[:, None] - np.arange(len(shifts))
    weights = np.where(np.abs(offset) <= reach(fps), np.exp(-0.5 * (offset / sigma) ** 2), 0.0) * known
    return (weights @ shifts) / (weights.sum(axis=1, keepdims=True) + _RELEASE_SECONDS * fps)
