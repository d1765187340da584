"""Whose hand it is, and which: a person's hands are at the ends of that person's arms.

Distances from a wrist are in sizes of the hand. All limits were tuned on the real clips and photos of docs/accuracy.md,
whose hands are at most 0.8 from their own arm's wrist (99 in 100; median 0.14), one of 324 nearer to the other one's,
and on rendered stills and clips, where arms of which hardly anything is seen are guessed wrong in one of eight.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np

from dice_core.landmarks.detections import FaceDetection, Side
from dice_core.landmarks.hand import UPRIGHT, WRIST, HandReading, hand_size
from dice_core.landmarks.pose import Arm, Arms
from dice_core.landmarks.region import Region, direction_angle

__all__ = ["arm_evidence", "at_wrist", "belongs", "free_arms", "hand_window", "is_no_hand", "own_hands", "side_of"]

SIDES: tuple[Side, Side] = ("left", "right")

SEEN = 0.5
"""Presence of a joint from which it counts as being in the picture: of the arms that were guessed wrong in renders, no
elbow has more than 0.3; of real ones, few have less than 0.7."""

AT_WRIST = 0.75
"""A hand nearer than this to a wrist may be that arm's."""

CLEARLY_NEARER = 0.5
"""By how much the other wrist has to be farther away for the arm to decide on the side."""

BETWEEN = 1.5
"""A hand farther than this from both wrists of arms that are seen is somebody else's, or no hand."""

ARM_EVIDENCE = 20.0
"""Log odds of a hand's side by its arm: as much as seven frames of the hand network that are all as sure as they can
be, since blurred hands and backs of hands look like the other one for up to five. Set by hand."""

SURELY_OF_SIDE = 0.9
"""Probability of a side from which the hand network is sure of it: in 94 frames of clips, photos and renders with both
hands of one person it is never sure of the same side for both; it was for two pairs that were none."""

ON_FACE, SURELY_A_HAND = 0.5, 0.93
"""A new hand that is at no wrist and whose middle is nearer than the first to a face's, in face windows, or that is
beyond `BETWEEN` of both wrists, has to have the second as its presence: a mouth and chin can be read as a fist with up
to 0.92, collars and shoulders as a hand with up to 0.91. Set by hand on 64 public clips, in which no hand that is one
begins on a face with less, and on 61 of films. Of clips alone: in a picture, which has no later frame to find it in,
three of 72 rendered hands would be lost on faces."""

LEAST_SIZE = 0.35
"""Smallest hand that distances are measured in, in face windows: a fist, or a hand that points at the camera."""

VISIBLE = 0.5
"""Visibility of a wrist from which a hand is looked for there."""

WINDOW_SCALE, WINDOW_SHIFT = 2.7, -0.1
"""Window of the hand at a wrist: sides of a box twice the way from wrist to knuckles, heights of it towards the
fingers, as in the published pipelines."""

HELD_BY_WRIST = 0.5
"""A hand that was found in such a window is at most so far from the wrist."""

SIZES = (0.25, 1.6)
"""Smallest and largest hand that is found there, in face windows."""


def at_wrist(points: np.ndarray, arms: Arms) -> Side | None:
    """The side of the wrist that a hand with landmarks (21, 2 or 3), pixels, is at; None where that is not clear."""
    near, far = _nearest(points, arms)
    distance = _distance(points, arms, near)
    clear = distance < AT_WRIST and _distance(points, arms, far) > distance + CLEARLY_NEARER
    return near if clear else None


def side_of(points: np.ndarray, arms: Arms) -> Side | None:
    """On which side a hand with landmarks (21, 2 or 3), pixels, is by its arm; None where that is not clear, or the arm
    a guess."""
    side = at_wrist(points, arms)
    if side is None or min(arms.arm(side).wrist_presence, arms.arm(side).elbow_presence) < SEEN:
        return None
    return side


def arm_evidence(points: np.ndarray, arms: Arms) -> float:
    """Log odds for the right hand by the arms; zero where they do not tell."""
    return {"right": ARM_EVIDENCE, "left": -ARM_EVIDENCE, None: 0.0}[side_of(points, arms)]


def is_no_hand(hand: HandReading, face: FaceDetection, arms: Arms) -> bool:
    """Whether what looks like a new hand is part of the face, or of clothes: hardly a hand, and at the end of no arm,
    even if the arms are a guess."""
    middle = hand.points[:, :2].mean(axis=0) - (face.region.x, face.region.y)
    on_face = math.hypot(*middle) < ON_FACE * face.region.size
    return hand.presence < SURELY_A_HAND and _to_nearest(hand.points, arms) >= (AT_WRIST if on_face else BETWEEN)


def own_hands(hands: Sequence[HandReading], arms: Arms) -> list[bool]:
    """Which of some hands, the surest first, can be the person's own: within reach of an arm, its only one, and the
    only one of a side."""
    both_seen = min(arms.left.elbow_presence, arms.right.elbow_presence) >= SEEN
    own = []
    for index, hand in enumerate(hands):
        others = (*hands[:index], *hands[index + 1 :])
        stranger = both_seen and _to_nearest(hand.points, arms) > BETWEEN
        again = any(_is_read_again(other, hand, arms) for other in hands[:index])
        own.append(not (stranger or again) and not any(_rules_out(other, hand, arms) for other in others))
    return own


def _is_read_again(other: HandReading, hand: HandReading, arms: Arms) -> bool:
    """Whether a hand is a second reading of another one: at the end of the same arm, while the other arm is seen."""
    near, far = _nearest(hand.points, arms)
    both_near = {at_wrist(one.points, arms) for one in (hand, other)} == {near}
    return both_near and min(arms.arm(far).elbow_presence, arms.arm(far).wrist_presence) >= SEEN


def _rules_out(other: HandReading, hand: HandReading, arms: Arms) -> bool:
    """Whether a hand cannot be the person's own because another one is."""
    near, far = _nearest(hand.points, arms)
    distance, away = _distance(hand.points, arms, near), _distance(hand.points, arms, far)
    if arms.arm(far).elbow_presence >= SEEN and away > distance + CLEARLY_NEARER:  # it could be the near arm's alone
        theirs = _distance(other.points, arms, near)
        if theirs + CLEARLY_NEARER < min(distance, _distance(other.points, arms, far)):
            return True
    surely_right, surely_left = min(hand.right, other.right), 1 - max(hand.right, other.right)
    if max(surely_right, surely_left) <= SURELY_OF_SIDE:
        return False
    side: Side = "right" if surely_right > surely_left else "left"
    return _distance(other.points, arms, side) < _distance(hand.points, arms, side)


def free_arms(taken: Collection[Side], arms: Arms, image: np.ndarray) -> list[Side]:
    """The sides, other than those `taken`, whose wrist is seen in the image, (h, w, 3)."""
    height, width = image.shape[:2]

    def seen(arm: Arm) -> bool:
        x, y = arm.wrist
        return arm.wrist_visibility >= VISIBLE and 0 <= x < width and 0 <= y < height

    return [side for side in SIDES if side not in taken and seen(arms.arm(side))]


def hand_window(arm: Arm) -> Region:
    """Window in which to look for the hand of an arm."""
    extent = np.full(2, 2 * np.linalg.norm(arm.knuckles - arm.wrist))
    angle = direction_angle(arm.wrist, arm.knuckles, UPRIGHT)
    return Region.around_box(arm.knuckles, extent, angle, scale=WINDOW_SCALE, shift=WINDOW_SHIFT)


def belongs(reading: HandReading, side: Side, arms: Arms) -> bool:
    """Whether a hand that was found in the window of an arm is that arm's."""
    smallest, largest = SIZES
    size = hand_size(reading.points) / arms.face_size
    own = _distance(reading.points, arms, side)
    other = _distance(reading.points, arms, "left" if side == "right" else "right")
    return smallest < size < largest and own < HELD_BY_WRIST and own < other


def _nearest(points: np.ndarray, arms: Arms) -> tuple[Side, Side]:
    """The side of the nearer wrist, and the other one."""
    left, right = (_distance(points, arms, side) for side in SIDES)
    return ("left", "right") if left < right else ("right", "left")


def _to_nearest(points: np.ndarray, arms: Arms) -> float:
    """From a hand's wrist to that of the arm that is nearer, in sizes of the hand."""
    return min(_distance(points, arms, side) for side in SIDES)


def _distance(points: np.ndarray, arms: Arms, side: Side) -> float:
    """From a hand's wrist to an arm's, in sizes of the hand."""
    x, y = points[WRIST, :2] - arms.arm(side).wrist
    return math.hypot(x, y) / max(hand_size(points), LEAST_SIZE * arms.face_size)
