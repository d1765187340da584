"""Finding faces and hands in a picture of which nothing is known yet."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dice_core.landmarks.detections import FaceDetection
from dice_core.landmarks.detector import AnchorDetector
from dice_core.landmarks.face import FaceLandmarker, face_region, face_tracking_region
from dice_core.landmarks.hand import HandLandmarker, HandReading, hand_size, palm_region, tracking_region
from dice_core.landmarks.networks import FACE_DETECTOR, PALM_DETECTOR
from dice_core.landmarks.region import Region

__all__ = ["PRESENT", "Search", "best_hands", "same_hand"]

PRESENT = 0.5
"""Smallest probability at which a landmark network's reading counts, as in the published pipelines."""

DETECTED = 0.5
"""Smallest detector score while a clip is followed, as in the published pipelines."""

DETECTED_IN_STILL = 0.25
"""Smallest detector score in a still: the landmark network decides, so that misses cost more than false alarms."""

CANDIDATES = 6
"""At most so many detections of a still are read (17 ms each)."""

REFINEMENTS = 2
"""In a still, a window that seems empty is corrected this often. One that holds a hand is not: on hands seen from
the edge, repeated corrections wander by a tenth of the hand without gain."""

SAME_REGION_OVERLAP = 0.5
"""Windows overlapping more (intersection over union) hold the same hand, as in the published pipelines."""

SAME_HAND_DISTANCE = 0.25
"""Readings whose landmarks lie closer on average, in sizes of the hand, are the same hand."""

REACH = 4.0
"""A person's own hands are within so many face windows of the face; others' hands come after them."""

CLOSE_UP = 4.0
"""Side of the second look around the face, in face windows: both hands near it fit in."""

TILE = 0.6
"""Side of the tiles of a last look, as a share of the image's shorter side."""


class Search:
    """The detectors and landmark networks, and how they look for a person."""

    def __init__(self) -> None:
        self._palms = AnchorDetector(PALM_DETECTOR)
        self._faces = AnchorDetector(FACE_DETECTOR)
        self.read_hand = HandLandmarker()
        self.read_face = FaceLandmarker()

    def face_regions(self, image: np.ndarray) -> list[Region]:
        """Windows of faces in a frame, the surest first: one quick look."""
        return [face_region(face) for face in self._faces(image, DETECTED)]

    def hand_regions(self, image: np.ndarray, known: Iterable[Region]) -> list[Region]:
        """Windows of hands in a frame other than the known ones, the surest first: one quick look."""
        known = list(known)
        found = [palm_region(palm) for palm in self._palms(image, DETECTED)]
        return [region for region in found if all(region.overlap(old) <= SAME_REGION_OVERLAP for old in known)]

    def face(self, image: np.ndarray) -> FaceDetection | None:
        """The largest face of a still, looked for thoroughly."""
        for windows in ([Region.of_image(image)], _tiles(image)):
            found = [face for window in windows for face in self._faces(image, DETECTED_IN_STILL, window)]
            found.sort(key=lambda face: -float(face.extent.max()))
            for candidate in found[:CANDIDATES]:
                reading = self._read_face(image, face_region(candidate))
                if reading is not None:
                    return reading
        return None

    def hands(self, image: np.ndarray, face: FaceDetection | None, count: int) -> list[HandReading]:
        """The hands of a still, looked for thoroughly: at most `count`, the best first."""
        found = self._hands_in(image, [Region.of_image(image)])
        if len(found) < count and face is not None:
            close_up = Region(face.region.x, face.region.y, CLOSE_UP * face.region.size)
            if close_up.size < max(image.shape[:2]):
                found += self._hands_in(image, [close_up])
        if not found and face is None:
            found = self._hands_in(image, _tiles(image))
        return best_hands(found, face, count)

    def _hands_in(self, image: np.ndarray, windows: list[Region]) -> list[HandReading]:
        palms = [palm for window in windows for palm in self._palms(image, DETECTED_IN_STILL, window)]
        palms.sort(key=lambda palm: -palm.score)
        readings = (self._read_hand(image, palm_region(palm)) for palm in palms[:CANDIDATES])
        return [reading for reading in readings if reading is not None]

    def _read_hand(self, image: np.ndarray, region: Region) -> HandReading | None:
        """The hand in a window; where there seems to be none, in the window that its landmarks ask for."""
        for _ in range(1 + REFINEMENTS):
            reading = self.read_hand(image, region)
            if reading.presence >= PRESENT:
                return reading
            region = tracking_region(reading.points)
            if not region.touches(image):
                break
        return None

    def _read_face(self, image: np.ndarray, region: Region) -> FaceDetection | None:
        """The face in a window; where there seems to be none, in the window that its landmarks ask for."""
        for _ in range(1 + REFINEMENTS):
            reading = self.read_face(image, region)
            if reading.confidence >= PRESENT:
                return reading
            region = face_tracking_region(reading.points)
            if not region.touches(image):
                break
        return None


def best_hands(readings: list[HandReading], face: FaceDetection | None, count: int) -> list[HandReading]:
    """At most `count` different hands: those within the face's reach first, then the surest."""

    def order(reading: HandReading) -> tuple[bool, float]:
        far = False
        if face is not None:
            offset = reading.points[:, :2].mean(axis=0) - (face.region.x, face.region.y)
            far = bool(np.hypot(*offset) > REACH * face.region.size)
        return far, -reading.presence

    kept: list[HandReading] = []
    for reading in sorted(readings, key=order):
        if len(kept) < count and not any(same_hand(reading.points, other.points) for other in kept):
            kept.append(reading)
    return kept


def same_hand(points: np.ndarray, others: np.ndarray) -> bool:
    """Whether two sets of landmarks (21, 2 or 3), pixels, are readings of one hand."""
    distance = np.linalg.norm(points[:, :2] - others[:, :2], axis=1).mean()
    return bool(distance < SAME_HAND_DISTANCE * (hand_size(points) + hand_size(others)) / 2)


def _tiles(image: np.ndarray) -> list[Region]:
    """Overlapping square windows that cover an image, (h, w, 3)."""
    height, width = image.shape[:2]
    side = TILE * min(height, width)
    columns, rows = (1 + int(np.ceil((extent - side) / (side / 2) - 1e-6)) for extent in (width, height))
    return [
        Region(float(x), float(y), side)
        for y in np.linspace(side / 2, height - side / 2, rows)
        for x in np.linspace(side / 2, width - side / 2, columns)
    ]
