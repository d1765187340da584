"""How head and hands of the open engine move over time: gaps filled, misdetections dropped, noise smoothed away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dice_core.bodies import Hand, Head
from dice_core.engines.open.frames import HandFrames, HeadFrames
from dice_core.engines.postprocess import fill_short_gaps
from dice_core.fitting.adaptive_filter import adaptive_smooth, adaptive_smooth_rotation
from dice_core.fitting.depth_over_time import depth_over_time
from dice_core.fitting.temporal_filter import BLINK_SECONDS, EXPRESSION_SECONDS, runs
from dice_core.fitting.touch_over_time import touch_over_time
from dice_core.fitting.touch_speed import may_touch, speed_across

__all__ = ["HandMotion", "HeadMotion", "smooth_hand", "smooth_head"]


class _Noise(NamedTuple):
    """Error of a pose in one frame, one deviation: radians; metres across the view; share of the distance, as its size
    tells it."""

    turn: float
    across: float
    along: float


# Tuned on ten public clips of people who touch their faces and on the rendered sample: still bodies jitter about as
# little as with the widest window alone, and a fast hand stays on its picture. The head's distance was tuned with
# `depth_over_time`. That of hands: on rendered hands their size is off by 5 to 12 % in the middle, on people at whose
# faces they lie by 3 %, and 3 % more from frame to frame; see docs/accuracy.md.
_HEAD_NOISE = _Noise(turn=0.013, across=0.0006, along=0.02)
_HAND_NOISE = _Noise(turn=0.010, across=0.0008, along=0.08)
_FINGER_NOISE = 0.012  # radians
_EXPRESSION_NOISE = 0.014  # of the full expression
_TOUCH_NOISE = 0.02  # metres along the view, of a hand that was found to touch: some do not
_LEAST_DEVIATION = 1e-3  # metres along the view, of anything

_QUICK_ACTIONS = ("eyeBlink",)
_SHORTEST_STAY_SECONDS = 0.1  # a hand seen more briefly is a misdetection; set by hand
_SHORTEST_STAY_FRAMES = 2  # at any frame rate: what is there for one frame alone is a misdetection; set by hand


class _Distance(NamedTuple):
    """What single frames say of the distance from the camera, (T,) each: measured, metres; deviation, metres, infinite
    where nothing is; surely, bool, where it is no outlier; reference, metres, of what it moves with."""

    measured: np.ndarray
    deviation: np.ndarray
    surely: np.ndarray
    reference: np.ndarray


@dataclass
class HeadMotion:
    """The head over a window: tracked (T,), rotation (T, 3), translation (T, 3), expression (T, 52)."""

    tracked: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    expression: np.ndarray


@dataclass
class HandMotion:
    """A hand over a window: tracked (T,), rotation (T, 3), joint angles (T, 22), centre (T, 3) of the key points,
    metres; touching (T,) bool, and depth (T,) metres of its deepest part below the skin where it touches."""

    tracked: np.ndarray
    rotation: np.ndarray
    angles: np.ndarray
    centre: np.ndarray
    touching: np.ndarray
    depth: np.ndarray


def smooth_head(head: HeadFrames, fps: float, model: Head) -> HeadMotion:
    """The head over time; a single picture stays as it is."""
    tracked = head.found.astype(np.uint8)
    rotation, translation, expression = head.rotation.copy(), head.translation.copy(), head.expression.copy()
    if len(tracked) > 1:
        fill_short_gaps(tracked, fps, [rotation], [translation, expression])
        measured = tracked > 0
        rotation = adaptive_smooth_rotation(rotation, measured, fps, _HEAD_NOISE.turn)
        deviation = np.where(head.found > 0, _HEAD_NOISE.along * np.abs(translation[:, 2]), np.inf)
        nothing = np.zeros(len(tracked))
        distance = _Distance(translation[:, 2], deviation, nothing > 0, nothing)
        translation = _smooth_place(translation, measured, _HEAD_NOISE.across, distance, fps)
        channels = expression[..., None]
        quick = adaptive_smooth(channels, measured, fps, _EXPRESSION_NOISE, BLINK_SECONDS)[..., 0]
        slow = adaptive_smooth(channels, measured, fps, _EXPRESSION_NOISE, EXPRESSION_SECONDS)[..., 0]
        blinks = np.array([name.startswith(_QUICK_ACTIONS) for name in model.expression_names])
        expression = np.clip(np.where(blinks, quick, slow), 0, 1)
    return HeadMotion(tracked, rotation, translation, expression)


def smooth_hand(hand: HandFrames, head: HeadMotion, seen_head: HeadFrames, fps: float, model: Hand) -> HandMotion:
    """A hand over time, misdetections left out; that of a single picture keeps its pose, and its place if it touches.

    head, seen_head : the head over the same frames, smoothed, and as it was found in each.
    """
    tracked = hand.found.astype(np.uint8)
    rotation, angles, centre = hand.pose[:, :3].copy(), hand.pose[:, 6:].copy(), hand.centre.copy()
    if len(tracked) > 1:
        fill_short_gaps(tracked, fps, [rotation], [angles, centre])
        _drop_short(tracked, max(_SHORTEST_STAY_FRAMES, round(_SHORTEST_STAY_SECONDS * fps)))
        rotation = adaptive_smooth_rotation(rotation, tracked > 0, fps, _HAND_NOISE.turn)
        angles = adaptive_smooth(angles[..., None], tracked > 0, fps, _FINGER_NOISE)[..., 0]
    angles = np.clip(angles, model.dof_lower, model.dof_upper)
    beside = hand.free_pose[:, 5] >= hand.pose[:, 5]
    speed = speed_across(hand.free_centre, seen_head.translation, (hand.found > 0) & (seen_head.found > 0), fps)
    touching = (hand.touching > 0) & may_touch(hand.touch_probability, speed)
    touching, depth = touch_over_time(touching, hand.depth, beside, tracked > 0, fps)
    distance = _hand_distance(hand, touching, head, seen_head)
    if len(tracked) > 1:
        centre = _smooth_place(centre, tracked > 0, _HAND_NOISE.across, distance, fps)
    elif tracked[0] and not touching[0]:
        centre *= distance.measured[0] / centre[0, 2]
    return HandMotion(tracked, rotation, angles, centre, touching, depth)


def _hand_distance(hand: HandFrames, touching: np.ndarray, head: HeadMotion, seen_head: HeadFrames) -> _Distance:
    """What single frames say of a hand's distance; touching : (T,) bool, as decided over time."""
    surely = touching & (hand.touching > 0)
    reference = _distance_over_time(head.tracked, head.translation)
    # A hand is as far before the smoothed head as it was before the one in that frame.
    moved = reference - _distance_over_time(seen_head.found, seen_head.translation)
    free, free_deviation = _free_distance(hand, moved)
    measured = np.where(surely, hand.centre[:, 2] + moved, free)
    deviation = np.where(surely, _TOUCH_NOISE, free_deviation)
    deviation[(hand.found == 0) | (touching & ~surely)] = np.inf
    return _Distance(measured, deviation, surely, reference)


def _free_distance(hand: HandFrames, moved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Metres from the camera of a hand that touches nothing, (T,), and the deviation, (T,): by its size in the picture
    and by what is predicted of it before the head, each as far as it is known. moved : (T,) metres, of the head.

    The landmarks fix the size to a percent, so that the fit follows it alone; but how large the hand itself is, and
    how large the landmark network reads it, is not known as well.
    """
    by_size = hand.free_centre[:, 2]
    size_precision = np.maximum(_HAND_NOISE.along * np.abs(by_size), _LEAST_DEVIATION) ** -2
    known = hand.distance_deviation > 0
    view_precision = np.where(known, np.maximum(hand.distance_deviation, _LEAST_DEVIATION) ** -2, 0.0)
    precision = size_precision + view_precision
    by_view = hand.predicted_distance + moved
    return (size_precision * by_size + view_precision * by_view) / precision, precision**-0.5


def _distance_over_time(present: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """(T,) metres from the camera, interpolated where something is not `present`, (T,); zero where it never is."""
    seen = np.flatnonzero(present)
    return np.interp(np.arange(len(present)), seen, translation[seen, 2]) if len(seen) else np.zeros(len(present))


def _smooth_place(
    place: np.ndarray, tracked: np.ndarray, across_noise: float, distance: _Distance, fps: float
) -> np.ndarray:
    """Places (T, 3) in camera space: across the view as they are seen, along it as fast as a body can move.

    place : (T, 3) metres, gaps filled; tracked : (T,) bool; across_noise : metres.
    """
    apart = np.where(tracked, place[:, 2], 1.0)
    across = (place[:, :2] / apart[:, None])[:, None]
    across = adaptive_smooth(across, tracked, fps, across_noise / apart)[:, 0]
    smoothed = place.copy()
    for first, last in runs(tracked):
        run = slice(first, last)
        turned = np.linalg.norm(np.diff(across[run], axis=0, prepend=across[run][:1]), axis=1)
        speed = turned * apart[run] * fps
        measured, reference = distance.measured[run], distance.reference[run]
        deviation, surely = distance.deviation[run], distance.surely[run]
        along = reference + depth_over_time(measured - reference, deviation, surely, speed, fps)
        smoothed[run] = np.concatenate([across[run] * along[:, None], along[:, None]], axis=1)
    return smoothed


def _drop_short(tracked: np.ndarray, shortest: int) -> None:
    """Take back, in place, stretches that are shorter than `shortest`; at an end of the window, beyond which nobody
    knows how they go on, single frames alone."""
    for first, last in runs(tracked > 0):
        inside = first > 0 and last < len(tracked)
        if last - first < (shortest if inside else _SHORTEST_STAY_FRAMES):
            tracked[first:last] = 0
