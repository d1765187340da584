"""Which of several faces a capture follows: the person's, and not a print on a shirt or a picture on the wall.

Faces of some frames all over a clip are linked to paths; the path with the most surely seen, largest and most lasting
face is the person's. On real faces the landmark network is sure nearly always, on printed ones now and then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from dice_core.landmarks.detections import FaceDetection
from dice_core.landmarks.region import Region

__all__ = ["SURE", "FacePath", "best_face", "choose_path"]

# Tuned on two public clips of people with a face printed on their shirt, and on ten of single people.
SURE = 0.98
"""Confidence of the landmark network from which a face begins to count in full."""

LASTING = 0.3
"""Share of the survey's frames in which a face has to be sure to be followed: cloth and hands are now and then."""

LINK_DISTANCE = 2.5
"""Widths of the face within which it is looked for in the next frame of the survey, and where it was lost."""

LINK_GROWTH = 1.6
"""Factor by which it may have grown or shrunk there."""


@dataclass(frozen=True)
class FacePath:
    """Where the followed face is in some frames.

    frames : (n,) rows of the clip, rising; centres : (n, 2) pixels; widths : (n,) pixels; windows : (n, 4) where the
    landmark network read it, as of `Region.to_array`.
    """

    frames: np.ndarray
    centres: np.ndarray
    widths: np.ndarray
    windows: np.ndarray

    def region(self, frame: float) -> Region:
        """Where to read the face at a frame."""
        return Region.from_array(np.array([np.interp(frame, self.frames, self.windows[:, k]) for k in range(4)]))

    def distance(self, face: FaceDetection, frame: float) -> float:
        """How far a face is from where the path is at a frame, in widths of the face."""
        centre, width = self._at(frame)
        return float(np.linalg.norm(_centre(face) - centre) / width)

    def accepts(self, face: FaceDetection, frame: float) -> bool:
        """Whether a face that turns up at a frame can be the one of the path."""
        _, width = self._at(frame)
        growth = _width(face) / width
        return 1 / LINK_GROWTH < growth < LINK_GROWTH and self.distance(face, frame) < LINK_DISTANCE

    def _at(self, frame: float) -> tuple[np.ndarray, float]:
        centre = [np.interp(frame, self.frames, self.centres[:, axis]) for axis in range(2)]
        return np.array(centre), float(np.interp(frame, self.frames, self.widths))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """As a capture keeps it, to go on after a kill."""
        return {f"face_{part.name}": getattr(self, part.name) for part in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> FacePath:
        """Inverse of `to_arrays`."""
        return cls(**{part.name: arrays[f"face_{part.name}"] for part in fields(cls)})


def best_face(faces: Sequence[FaceDetection]) -> FaceDetection | None:
    """The face of a single picture: the largest of those that are surely faces, or else the largest."""
    return max(faces, key=lambda face: (_sureness(face) > 0, _width(face)), default=None)


def choose_path(
    rows: Sequence[int], faces: Sequence[Sequence[FaceDetection]]
) -> tuple[list[FaceDetection | None], FacePath | None]:
    """The person's face in some frames of a clip.

    rows : numbers of the frames, rising; faces : all faces that were found in each.
    Returns the face in each frame, None where it was not found, and its path; no path where no other is surely a face.
    """
    paths: list[list[tuple[int, FaceDetection]]] = []
    for number, found in enumerate(faces):
        free = list(paths)
        for face in sorted(found, key=_sureness, reverse=True):
            near = [(_gap(path[-1][1], face), k) for k, path in enumerate(free) if _linked(path[-1][1], face)]
            if near:
                free.pop(min(near)[1]).append((number, face))
            else:
                paths.append([(number, face)])
    scores = [sum(_sureness(face) * _width(face) for _, face in path) for path in paths]
    if not paths:
        return [None] * len(rows), None
    best = paths[int(np.argmax(scores))]
    chosen: list[FaceDetection | None] = [None] * len(rows)
    for number, face in best:
        chosen[number] = face
    lasting = sum(_sureness(face) for _, face in best) / len(rows) >= LASTING
    if np.count_nonzero(scores) < 2 or not lasting:  # whatever else was found is surely no face, or all of it is
        return chosen, None
    frames = np.array([rows[number] for number, _ in best], np.float64)
    centres = np.array([_centre(face) for _, face in best])
    widths = np.array([_width(face) for _, face in best])
    return chosen, FacePath(frames, centres, widths, np.array([face.region.to_array() for _, face in best]))


def _linked(before: FaceDetection, face: FaceDetection) -> bool:
    growth = _width(face) / _width(before)
    return 1 / LINK_GROWTH < growth < LINK_GROWTH and _gap(before, face) < LINK_DISTANCE


def _gap(before: FaceDetection, face: FaceDetection) -> float:
    return float(np.linalg.norm(_centre(face) - _centre(before)) / _width(before))


def _sureness(face: FaceDetection) -> float:
    """0 to 1."""
    return float(np.clip((face.confidence - SURE) / (1 - SURE), 0, 1))


def _centre(face: FaceDetection) -> np.ndarray:
    return face.points[:, :2].mean(axis=0).astype(np.float64)


def _width(face: FaceDetection) -> float:
    return max(float(np.ptp(face.points[:, 0])), 1.0)
