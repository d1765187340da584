"""Which of several faces a capture follows: the person's, and not a print on a shirt or a picture on the wall.

Faces of some frames all over a clip are linked to paths; the path with the most surely seen, largest and most lasting
face is the person's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from dice_core.landmarks.detections import FaceDetection, RatedFace
from dice_core.landmarks.region import Region

__all__ = ["FULL_EVIDENCE", "LEAST_EVIDENCE", "FacePath", "best_face", "choose_path"]

LEAST_EVIDENCE, FULL_EVIDENCE = 4.5, 12.0
"""Evidence from which something counts as a face, and from which it counts in full. Of 127 readings of real and
rendered faces six have less than the first, covered or turned away; of 217 of walls, cloth, leaves and hands none has
more."""

# Tuned on two public clips of people with a face printed on their shirt, and on ten of single people.

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


def best_face(faces: Sequence[RatedFace]) -> FaceDetection | None:
    """The face of a single picture: the largest, as far as it is surely a face."""
    best = max(faces, key=lambda one: (_sureness(one) * _width(one.face), one.evidence), default=None)
    return None if best is None else best.face


def choose_path(
    rows: Sequence[int], faces: Sequence[Sequence[RatedFace]], always: bool = False
) -> tuple[list[FaceDetection | None], FacePath | None]:
    """The person's face in some frames of a clip.

    rows : numbers of the frames, rising; faces : all faces that were found in each; always : whether a face that is the
    only one needs a path, too.
    Returns the face in each frame, None where it was not found, and its path; no path where no other is surely a face.
    """
    paths: list[list[tuple[int, RatedFace]]] = []
    for number, found in enumerate(faces):
        free = list(paths)
        for one in sorted(found, key=_sureness, reverse=True):
            ends = [path[-1][1].face for path in free]
            near = [(_gap(end, one.face), k) for k, end in enumerate(ends) if _linked(end, one.face)]
            if near:
                free.pop(min(near)[1]).append((number, one))
            else:
                paths.append([(number, one)])
    scores = [sum(_sureness(one) * _width(one.face) for _, one in path) for path in paths]
    if not paths:
        return [None] * len(rows), None
    best = paths[int(np.argmax(scores))]
    chosen: list[FaceDetection | None] = [None] * len(rows)
    for number, one in best:
        chosen[number] = one.face
    lasting = sum(_sureness(one) for _, one in best) / len(rows) >= LASTING
    rivals = np.count_nonzero(scores) >= 2 and lasting  # otherwise the others are surely no faces, or all are not
    if not (rivals or always):
        return chosen, None
    frames = np.array([rows[number] for number, _ in best], np.float64)
    centres = np.array([_centre(one.face) for _, one in best])
    widths = np.array([_width(one.face) for _, one in best])
    return chosen, FacePath(frames, centres, widths, np.array([one.face.region.to_array() for _, one in best]))


def _linked(before: FaceDetection, face: FaceDetection) -> bool:
    growth = _width(face) / _width(before)
    return 1 / LINK_GROWTH < growth < LINK_GROWTH and _gap(before, face) < LINK_DISTANCE


def _gap(before: FaceDetection, face: FaceDetection) -> float:
    return float(np.linalg.norm(_centre(face) - _centre(before)) / _width(before))


def _sureness(one: RatedFace) -> float:
    """0 to 1."""
    return float(np.clip((one.evidence - LEAST_EVIDENCE) / (FULL_EVIDENCE - LEAST_EVIDENCE), 0, 1))


def _centre(face: FaceDetection) -> np.ndarray:
    return face.points[:, :2].mean(axis=0).astype(np.float64)


def _width(face: FaceDetection) -> float:
    return max(float(np.ptp(face.points[:, 0])), 1.0)
