"""How far two readings of real people's faces agree: the network's, and MediaPipe's blendshapes.

Nobody knows a real face's true expressions. MediaPipe's network reads landmarks alone, but learned from real people,
where ours learned from renders: where ours came to know how renders look and not how faces move, the two part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.fitting.expression_prior import ExpressionPrior
from dice_core.landmarks.detections import PRESENCE_THRESHOLD
from dice_core.landmarks.face import FaceLandmarker, face_tracking_region
from expression_network.ablation import REGIONS, correlations

__all__ = ["RealFaces", "agreement", "agreement_table", "read_faces"]

LEAST_VARIED = 0.03
"""Deviation of MediaPipe's score below which an expression is not seen in the clips."""

RESTING = ("browDownLeft", "eyeLookUpLeft", "eyeSquintLeft", "mouthPucker", "cheekPuff")
"""Expressions whose medians are printed: what people who speak and sign mostly do not do."""


@dataclass(frozen=True)
class RealFaces:
    """n faces as the face network read them. landmarks : (n, 478, 3) in sides of the window; features : (n, F);
    clip : (n,) number; scores : (n, 52) MediaPipe's, of the names in `EXPRESSION_NAMES`; 0 for what it lacks."""

    landmarks: np.ndarray
    features: np.ndarray
    clip: np.ndarray
    scores: np.ndarray

    def rows(self, chosen: np.ndarray) -> RealFaces:
        """Some of the faces."""
        return RealFaces(self.landmarks[chosen], self.features[chosen], self.clip[chosen], self.scores[chosen])


def read_faces(folder: Path, scores: Path) -> RealFaces:
    """Read the faces that tools/mediapipe_blendshapes.py found in a folder's clips."""
    with np.load(scores, allow_pickle=False) as archive:
        told = {name: archive[name] for name in archive.files}
    clips, number = np.unique(told["clip"], return_inverse=True)
    columns = {str(name): column for name, column in zip(told["names"], told["scores"].T, strict=True)}
    known = np.stack([columns.get(name, np.zeros(len(number))) for name in EXPRESSION_NAMES], axis=1)
    read, kept, landmarks, features = FaceLandmarker(), [], [], []
    for k, name in enumerate(clips):
        rows = {int(told["frame"][row]): int(row) for row in np.flatnonzero(number == k)}
        for frame, picture in _pictures(folder / str(name), rows):
            points = told["points"][rows[frame]] * picture.shape[1::-1]
            face = read(picture, face_tracking_region(points))
            if face.confidence >= PRESENCE_THRESHOLD:
                face = read(picture, face_tracking_region(face.points))
            if face.confidence >= PRESENCE_THRESHOLD and face.features is not None:
                kept.append(rows[frame])
                landmarks.append(face.region.to_window(face.points))
                features.append(face.features)
    return RealFaces(np.array(landmarks), np.array(features), number[kept], known[kept])


def agreement(prior: ExpressionPrior, faces: RealFaces) -> dict[str, float]:
    """Mean correlations over expressions: over all faces, within clips (each less its clip's mean), and of those by
    region; then the medians of `RESTING`."""
    read = prior.evaluate(faces.landmarks, faces.features)[:, : len(EXPRESSION_NAMES)]
    varied = faces.scores.std(axis=0) > LEAST_VARIED
    within = correlations(_less_clip_means(read, faces.clip), _less_clip_means(faces.scores, faces.clip))
    result = {
        "all": float(correlations(read, faces.scores)[varied].mean()),
        "within clips": float(within[varied].mean()),
    }
    for region, starts in REGIONS.items():
        chosen = varied & np.array([name.startswith(starts) for name in EXPRESSION_NAMES])
        if chosen.any():
            result[region] = float(within[chosen].mean())
    for name in RESTING:
        result[f"{name}, median"] = float(np.median(read[:, EXPRESSION_NAMES.index(name)]))
    return result


def agreement_table(networks: Iterable[Path], faces: RealFaces) -> Iterator[str]:
    """Lines of a table, one of the networks a line: of the clips of even number and of those of odd number."""
    header = ""
    for path in networks:
        with np.load(path, allow_pickle=False) as archive:
            prior = ExpressionPrior({name: archive[name] for name in archive.files})
        for half, title in enumerate(("even", "odd")):
            row = agreement(prior, faces.rows(faces.clip % 2 == half))
            if not header:
                header = f"| network | clips | {' | '.join(row)} |"
                yield header
            yield f"| {path.stem} | {title} | {' | '.join(f'{value:.2f}' for value in row.values())} |"


def _pictures(path: Path, wanted: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Frames of some numbers, RGB."""
    clip, left = cv2.VideoCapture(str(path)), set(wanted)
    for frame in range(max(left, default=-1) + 1):
        read, picture = clip.read()
        if not read:
            return
        if frame in left:
            yield frame, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _less_clip_means(values: np.ndarray, clip: np.ndarray) -> np.ndarray:
    sums = np.zeros((clip.max() + 1, values.shape[1]))
    np.add.at(sums, clip, values)
    return np.asarray(values - (sums / np.maximum(np.bincount(clip), 1)[:, None])[clip])
