"""Finding hands in a picture of which no more is known yet than the face."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dice_core.landmarks.detections import PRESENCE_THRESHOLD, FaceDetection
from dice_core.landmarks.detector import DETECTION_THRESHOLD, STILL_THRESHOLD, AnchorDetector
from dice_core.landmarks.hand import HandLandmarker, HandReading, hand_size, palm_region, same_palm, tracking_region
from dice_core.landmarks.networks import PALM_DETECTOR
from dice_core.landmarks.pose import PoseLandmarker
from dice_core.landmarks.region import Region, tiles

__all__ = ["HOPELESS", "NEW_HAND_THRESHOLD", "HandSearch", "best_hands", "close_up", "same_hand"]

NEW_HAND_THRESHOLD = 0.7
"""Smallest probability at which a hand that is not tracked yet counts: a face can be read as a hand with over 0.5. Set
by hand, together with the tracker's `TRUST_LIMIT`."""

MAX_CANDIDATES = 6
"""Detections of a still that are read at most: 17 ms each. Set by hand."""

HAND_REFINEMENTS = 3
"""How often the first reading of a hand is repeated. The window that follows from a detector is rough: on
photos that were shifted and turned a little, hand landmarks spread by 0.4 to 2.0 % of the hand after the first
reading and by 0.1 to 0.6 % after three more, and fingertips of hands seen edge-on are no longer cut short. Tuned on
those photos."""

SAME_HAND_DISTANCE = 0.25
"""Readings whose landmarks lie closer on average, in sizes of the hand, are the same hand. Set by hand."""

OWN_HAND_REACH = 4.0
"""Face windows within which a person's own hands are; hands farther from the face come after them. Set by hand."""

CLOSE_UP_SCALE = 4.0
"""Side of the window around the face that is searched again for hands, in face windows: both hands at a face fit in.
Set by hand."""

TURNED_SCALES = (4.0, 2.5)
TURNS = 8
"""Sides, in face windows, and number of directions of the windows around a face that are searched for hands that the
picture as it stands does not show: the palm detector knows upright hands best, and those at a face point anywhere. Set
by hand."""

AGREEING_WINDOWS = 6
"""Turned windows, of sixteen, that have to lead to the same hand where there is no other. Tuned on 60 rendered stills
(seed 31), where 10 to 15 lead to each of five hands that are not found otherwise, and on 85 frames of public clips and
photos without hands, where at most 5 agree on something, as a shadow on a neck."""

AGREEING_ON_SECOND = 4
"""The same of the eight wider ones, beside a hand that is known. On 140 rendered stills (seeds 31 and 34) and 40 frames
of public clips and photos with one hand at most 2 agree on something else; on second hands that this finds, all."""

LEAST_AGREEING = 2
"""Wider windows without so many that agree end the search. Set by hand; one of the five hands has three."""

EMPTY_WINDOWS = TURNS // 2
"""Wider windows, of every other direction, that end the search if they lead to no hand at all: on 220 rendered stills
(seeds 31 and 41) they do so in 194 of 211 searches, and in none of the 13 that find a hand, where two or more lead to
one."""

HOPELESS = 0.05
"""Presence of a first reading below which it is not followed: one in seventy of those that led to a hand in the
same stills began like that."""

LEAST_HAND = 0.35
"""Size of such a hand in face windows. Of the hands in those stills one in twenty is smaller; most of what was taken
for a hand in those frames is."""

SMALLEST_HAND = 0.2
"""Size of a hand beside the face, in face windows, below which it is none: of 189 hands in public photos and clips, and
rendered ones, the smallest has 0.26, and an ear that was taken for a hand 0.13."""

TILE_SCALE = 0.6
"""Side of the tiles that are searched last, as a share of the image's shorter side. Set by hand."""

PALMS_IN_WINDOW = 2
"""Palms of a turned window that are read at most. Set by hand."""


class HandSearch:
    """The palm detector, the hand network and that of the arms, and how they are used to find a person's hands."""

    def __init__(self) -> None:
        self.read_arms, self.read_hand = PoseLandmarker(), HandLandmarker()
        self._palms = AnchorDetector(PALM_DETECTOR)

    def hand_regions(
        self, image: np.ndarray, known: Sequence[HandReading], window: Region | None = None
    ) -> list[Region]:
        """Windows of hands in a frame, or in a window of it, other than the known ones, the highest score first, by one
        pass; of a second hand, for which one looks seldom, a low score is enough."""
        palms = self._palms(image, STILL_THRESHOLD if known else DETECTION_THRESHOLD, window)
        return [palm_region(palm) for palm in palms if not any(same_palm(palm, hand.points) for hand in known)]

    def hands(self, image: np.ndarray, face: FaceDetection | None, count: int) -> list[HandReading]:
        """At most `count` hands of a still, the best first.

        The whole picture is searched, then the surroundings of the face, or tiles where there is no face.
        """
        whole, near = Region.of_image(image), close_up(image, face)
        passes = [([whole], False), ([whole], True)]
        if near is not None:
            passes.append(([near], True))
        found: list[HandReading] = []
        for windows, average in passes:
            if len(found) < count:
                found += self._new_hands(image, windows, found, average=average)
        if not found and face is None:
            found = self._new_hands(image, tiles(image, TILE_SCALE), found, average=True)
        if len(found) < count and face is not None:
            found += self.agreed_hand(image, face, found)
        return best_hands(found, face, count)

    def agreed_hand(self, image: np.ndarray, face: FaceDetection, known: Sequence[HandReading]) -> list[HandReading]:
        """The hand other than the known ones, if any, to which several of the turned windows around a face lead."""
        scales, enough = (TURNED_SCALES[:1], AGREEING_ON_SECOND) if known else (TURNED_SCALES, AGREEING_WINDOWS)
        readings: list[HandReading] = []
        most = 0
        for scale in scales:
            for looked, window in enumerate(turned_windows(face.region, scale)):
                if looked == EMPTY_WINDOWS and not readings:
                    return []
                for reading in self._readings_in(image, window, known):
                    if hand_size(reading.points) < LEAST_HAND * face.region.size:
                        continue
                    readings.append(reading)
                    same = [other for other in readings if same_hand(reading.points, other.points)]
                    most = max(most, len(same))
                    if most >= enough:
                        return [max(same, key=lambda one: one.presence)]
            if most < LEAST_AGREEING:
                break
        return []

    def _readings_in(self, image: np.ndarray, window: Region, known: Sequence[HandReading]) -> list[HandReading]:
        """Settled readings of hands other than the known ones, from palms in a turned window."""
        found = self._palms(image, STILL_THRESHOLD, window)
        palms = [palm for palm in found if not any(same_palm(palm, hand.points) for hand in known)]
        readings = [self._settled(image, palm_region(palm)) for palm in palms[:PALMS_IN_WINDOW]]
        return [
            reading
            for reading in readings
            if reading.presence >= PRESENCE_THRESHOLD
            and not any(same_hand(reading.points, hand.points) for hand in known)
        ]

    def _new_hands(
        self, image: np.ndarray, windows: list[Region], known: list[HandReading], *, average: bool
    ) -> list[HandReading]:
        """Hands that palms in some windows of a still lead to, other than the known ones."""
        palms = [palm for window in windows for palm in self._palms(image, STILL_THRESHOLD, window, average=average)]
        palms.sort(key=lambda palm: -palm.score)
        found: list[HandReading] = []
        tries = 0
        for palm in palms:
            if tries < MAX_CANDIDATES and not any(same_palm(palm, hand.points) for hand in (*known, *found)):
                tries += 1
                reading = self.refine_hand(image, palm_region(palm))
                found += [reading] if reading is not None else []
        return found

    def refine_hand(self, image: np.ndarray, region: Region, least: float = 0.0) -> HandReading | None:
        """The hand in a rough window, read again in the windows that follow from its own landmarks; None where there is
        none. least : presence of the first reading below which it is not followed."""
        reading = self.read_hand(image, region)
        for _ in range(HAND_REFINEMENTS if reading.presence >= least else 0):
            region = tracking_region(reading.points)
            if not region.is_near_image(image):
                break
            again = self.read_hand(image, region)
            if again.presence < min(PRESENCE_THRESHOLD, reading.presence):
                break
            reading = again
        return reading if reading.presence >= NEW_HAND_THRESHOLD else None

    def _settled(self, image: np.ndarray, region: Region) -> HandReading:
        """The reading of a rough window after following its own landmarks, also while they hardly look like a hand."""
        reading = self.read_hand(image, region)
        for _ in range(HAND_REFINEMENTS if reading.presence >= HOPELESS else 0):
            region = tracking_region(reading.points)
            if not region.is_near_image(image):
                break
            reading = self.read_hand(image, region)
        return reading


def close_up(image: np.ndarray, face: FaceDetection | None) -> Region | None:
    """The window around a face in which both of the person's hands can be, None if it is no smaller than the image."""
    if face is None or CLOSE_UP_SCALE * face.region.size >= max(image.shape[:2]):
        return None
    return Region(face.region.x, face.region.y, CLOSE_UP_SCALE * face.region.size)


def turned_windows(face: Region, scale: float) -> list[Region]:
    """Windows around a face in all directions, every other one first; scale : their side in face windows."""
    turns = (*range(0, TURNS, 2), *range(1, TURNS, 2))
    return [Region(face.x, face.y, scale * face.size, 2 * math.pi * turn / TURNS) for turn in turns]


def best_hands(readings: list[HandReading], face: FaceDetection | None, count: int) -> list[HandReading]:
    """At most `count` different hands: those within the face's reach first, then by presence. What is as small as an
    ear beside the face is none."""

    def distance(reading: HandReading) -> float:
        """Of the middles, in face windows."""
        if face is None:
            return 0.0
        offset = reading.points[:, :2].mean(axis=0) - (face.region.x, face.region.y)
        return float(np.hypot(*offset)) / face.region.size

    def is_hand(reading: HandReading) -> bool:
        if face is None or distance(reading) >= 1:
            return True
        return bool(hand_size(reading.points) >= SMALLEST_HAND * face.region.size)

    kept: list[HandReading] = []
    for reading in sorted(filter(is_hand, readings), key=lambda one: (distance(one) > OWN_HAND_REACH, -one.presence)):
        if len(kept) < count and not any(same_hand(reading.points, other.points) for other in kept):
            kept.append(reading)
    return kept


def same_hand(points: np.ndarray, others: np.ndarray) -> bool:
    """Whether two sets of landmarks (21, 2 or 3), pixels, are readings of one hand."""
    distance = np.linalg.norm(points[:, :2] - others[:, :2], axis=1).mean()
    return bool(distance < SAME_HAND_DISTANCE * (hand_size(points) + hand_size(others)) / 2)
