"""Finding faces in a picture of which nothing is known yet, and telling them from what only looks like one."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from dice_core.landmarks.detections import PRESENCE_THRESHOLD, FaceDetection, RatedFace
from dice_core.landmarks.detector import DETECTION_THRESHOLD, STILL_THRESHOLD, AnchorDetector
from dice_core.landmarks.face import FaceLandmarker, face_region, face_tracking_region
from dice_core.landmarks.face_choice import FULL_EVIDENCE, LEAST_EVIDENCE, best_face
from dice_core.landmarks.networks import FACE_DETECTOR
from dice_core.landmarks.region import Region, tiles

__all__ = ["FaceSearch"]

MAX_CANDIDATES = 6
"""Detections of each pass over a still that are read at most: 17 ms each. Set by hand."""

REFINEMENTS = 2
"""How often the first reading is repeated. The window that follows from a detector is rough: on photos that were
shifted and turned a little, landmarks spread by up to 2 % after the first reading and by a fifth of that after two
more. Tuned on those photos."""

TILES = ((0.6, LEAST_EVIDENCE), (0.3, FULL_EVIDENCE))
"""Sides of the tiles that are searched last, as shares of the image's shorter side, and the evidence that is asked for
there: the detector looks at 128 x 128 pixels, and sees faces of a fourteenth of that and more; and among so many tiles,
there is always one that looks like something. Set by hand."""

LEAST_WINDOW = 40.0
"""Pixels: the landmark network looks at 256, and in what is smaller than this every round button is a face. Set by
hand; the face takes some two thirds of it."""

SAME_FACE_DISTANCE = 0.25
"""Windows whose middles lie closer, in sizes of the smaller one, are around one face. Set by hand."""

CLOSER = 2.0
"""Side of the window, in those of a detection's, in which it is looked at again before it is read. Set by hand."""

SAME_SIZE = 1.5
"""Factor by which the detector's window and that of the landmarks may differ around one face: on 33 real ones that were
hard to tell, the first has 0.76 to 1.19 of the second."""

CLOSE_LOOKS = (1.0, 1.6, 2.4)
"""Windows, in sizes of the one in which a face was read, in which the detector looks at it again: walls, leaves, cloth
and hands that look like a face in the whole picture seldom do so from close by. Tuned, with the next two, on 344
doubtful readings of public photos, labelled by looking, of rendered people with hands before their faces, and of random
blobs: the network alone tells faces from others with an area under the curve of 0.949, with close looks it is 0.994."""

USUAL_SCORE = 0.75
"""Score of a close look that says nothing."""

SCORE_WEIGHT = 40.0
"""Evidence that a close look's score of 1 more is worth."""

LEAST_SCORE = 0.05
"""Score below which a close look sees nothing. Set by hand."""

OBVIOUS = 24.0
"""Evidence of the landmark network from which nobody looks closely. The highest of what was no face was 16.7, of a
hand."""


class FaceSearch:
    """The face detector and the landmark network, and how they are used to find a person's face."""

    def __init__(self) -> None:
        self._detector = AnchorDetector(FACE_DETECTOR)
        self.read_face = FaceLandmarker()

    def face_regions(self, image: np.ndarray) -> list[Region]:
        """Windows of faces in a frame, the highest score first, by one pass of the detector."""
        return [face_region(face) for face in self._detector(image, DETECTION_THRESHOLD)]

    def faces(
        self, image: np.ndarray, known: FaceDetection | None = None, least: float = LEAST_EVIDENCE
    ) -> list[RatedFace]:
        """All faces of a still: the whole picture is searched; where that shows none, tiles of it, then smaller ones.

        known : one that has been read already, which is not read again and comes first; least : evidence below which
        what was read is no face.
        """
        whole = Region.of_image(image)
        passes = [([whole], False, least), ([whole], True, least)]
        passes += [(tiles(image, scale), True, max(least, enough)) for scale, enough in TILES]
        found = [] if known is None else [one for one in [self.rated(image, known)] if one.evidence >= least]
        for windows, average, enough in passes:
            found += self._new_faces(image, windows, found, enough, average=average)
            if average and found:
                break
        return found

    def _new_faces(
        self, image: np.ndarray, windows: list[Region], known: list[RatedFace], least: float, *, average: bool
    ) -> list[RatedFace]:
        """What the likeliest detections in some windows of a still lead to, other than the known faces."""
        candidates = [
            face for window in windows for face in self._detector(image, STILL_THRESHOLD, window, average=average)
        ]
        candidates.sort(key=lambda face: -face.score)
        new: list[RatedFace] = []
        tries = 0
        for region in map(face_region, candidates):
            if tries == MAX_CANDIDATES or _is_known(region, (*known, *new)):
                continue
            tries += 1
            reading = self.refined(image, self._closer(image, region))
            if reading is None or _is_known(reading.region, (*known, *new)):
                continue
            rated = self.rated(image, reading)
            new += [rated] if rated.evidence >= least else []
        return new

    def face(self, image: np.ndarray, least: float = LEAST_EVIDENCE) -> FaceDetection | None:
        """The face of a still that a capture is of, None where there is none; least : as of `faces`."""
        return best_face(self.faces(image, least=least))

    def new_face(self, image: np.ndarray, region: Region) -> FaceDetection | None:
        """The face in a rough window of a frame; None where there is none, or something else that looks like one."""
        reading = self.refined(image, region)
        if reading is None or self.rated(image, reading).evidence < LEAST_EVIDENCE:
            return None
        return reading

    def refined(self, image: np.ndarray, region: Region) -> FaceDetection | None:
        """What a rough window shows, read again in the windows that follow from its own landmarks; None where the
        landmark network sees no face."""
        reading = self.read_face(image, region)
        for _ in range(REFINEMENTS):
            region = face_tracking_region(reading.points)
            if not region.is_near_image(image):
                break
            again = self.read_face(image, region)
            if again.confidence < min(PRESENCE_THRESHOLD, reading.confidence):
                break
            reading = again
        seen = reading.confidence >= PRESENCE_THRESHOLD and reading.region.size >= LEAST_WINDOW
        return reading if seen else None

    def rated(self, image: np.ndarray, face: FaceDetection) -> RatedFace:
        """A face with the evidence that it is one, by the landmark network and by the detector from close by; more than
        counts in full is not looked for."""
        evidence = math.log(face.confidence / (1 - face.confidence)) if face.confidence < 1 else math.inf
        if evidence >= OBVIOUS:
            return RatedFace(face, OBVIOUS)
        enough = USUAL_SCORE + (FULL_EVIDENCE - evidence) / SCORE_WEIGHT
        return RatedFace(face, evidence + SCORE_WEIGHT * (self._close_score(image, face.region, enough) - USUAL_SCORE))

    def _closer(self, image: np.ndarray, region: Region) -> Region:
        """A detector's window as the detector has it from close by: of what is a few pixels large where it looks at the
        whole picture, it hardly knows the size."""
        window = Region(region.x, region.y, CLOSER * region.size, region.angle)
        found = map(face_region, self._detector(image, STILL_THRESHOLD, window))
        return next((one for one in found if _is_around(one, region, CLOSER)), region)

    def _close_score(self, image: np.ndarray, region: Region, enough: float) -> float:
        """The highest score of a detection like the face that was read in `region` in any of the close looks, or 0; the
        first that is `enough` ends them."""
        best = 0.0
        for scale in CLOSE_LOOKS:
            window = Region(region.x, region.y, scale * region.size, region.angle)
            seen = self._detector(image, LEAST_SCORE, window)
            like = (one.score for one in seen if _is_around(face_region(one), region, SAME_SIZE))
            best = max([best, *like])
            if best >= enough:
                break
        return best


def _is_known(region: Region, faces: Iterable[RatedFace]) -> bool:
    """Whether a window is around one of some faces."""
    return any(_is_around(region, one.face.region, math.inf) for one in faces)


def _is_around(region: Region, other: Region, growth: float) -> bool:
    """Whether two windows are around one face; growth : the factor by which their sizes may differ."""
    small, large = sorted((region.size, other.size))
    return math.hypot(region.x - other.x, region.y - other.y) < SAME_FACE_DISTANCE * small and large < growth * small
