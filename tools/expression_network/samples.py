"""What the face network sees of pictures whose truth is known: the samples to train on, in pieces."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dice_core.fitting.expression_prior import window_rotation
from dice_core.fitting.mirrored_face import LANDMARK_MIRROR, mirrored_expression
from dice_core.geometry.rotations import axis_angle
from dice_core.landmarks.detections import PRESENCE_THRESHOLD, FaceDetection
from dice_core.landmarks.face import FaceLandmarker, face_tracking_region
from dice_core.landmarks.region import Region
from expression_network.looks import load_look
from expression_network.people import Model
from expression_network.pictures import draw, spoil
from expression_network.scene import SIZE, Scene, sample_scene
from expression_network.shapes import mirrored, shape_of

__all__ = ["Samples", "load_samples", "make_piece"]

HEADS, PEOPLE = 1200, 8
"""Heads of a piece, each of which gives two samples, and painted people among them."""

ROUGH, FOLLOWED = (0.02, 0.04, 0.05), (0.006, 0.012, 0.012)
"""Errors of the window in which a face is read, one deviation: its place in sides, the logarithm of its size, radians.
Of one that a detector led to, and of one that follows a face from frame to frame."""


@dataclass(frozen=True)
class Samples:
    """n faces as the face network read them.

    landmarks : (n, 478, 3) in sides of the window, as read, and marks : (n, 478, 2) as they are; features : (n, F)
    float16; expression : (n, 52); turn : (n, 3) axis-angle of the head as the window shows it; shape : (n, S) of the
    resting head, as `shape_of` has it; head : (n,) number of the head, two samples each.
    """

    landmarks: np.ndarray
    marks: np.ndarray
    features: np.ndarray
    expression: np.ndarray
    turn: np.ndarray
    shape: np.ndarray
    head: np.ndarray

    def rows(self, chosen: slice) -> Samples:
        """Some of the faces."""
        return Samples(**{name: getattr(self, name)[chosen] for name in self.__dataclass_fields__})


def make_piece(folder: Path, seed: int, piece: int, models: tuple[Model, ...]) -> None:
    """Render a piece with people of some models and write it.

    Every head is there as it is, and as its mirror image, read anew with faults of its own.

    The mirror image is read in the window that follows from the first reading, as a tracker does.
    """
    path = _path(folder, seed, piece)
    if path.exists():
        return
    rng = np.random.default_rng([seed, piece])
    read = FaceLandmarker()
    looks = [load_look(1000 * seed + PEOPLE * piece + k) for k in range(PEOPLE)]
    columns: dict[str, list[np.ndarray | None]] = {}
    begun = time.monotonic()
    for head in range(HEADS):
        scene = sample_scene(rng, models)
        picture = draw(scene, looks[int(rng.integers(PEOPLE))], rng)
        window = _jittered(face_tracking_region(scene.marks), ROUGH, rng)
        first = read(spoil(picture, rng), window)
        if first.confidence < PRESENCE_THRESHOLD:
            continue
        rest, number = scene.person.rest, head + HEADS * piece
        rows = [_row(first, scene.marks, scene.expression, _turn(scene, window), shape_of(rest), number)]
        window = _jittered(face_tracking_region(first.points), FOLLOWED, rng)
        twin = read(spoil(np.ascontiguousarray(picture[:, ::-1]), rng), _mirrored(window))
        if twin.confidence >= PRESENCE_THRESHOLD:
            turn = _turn(scene, window) * [1, -1, -1]
            marks = scene.marks[LANDMARK_MIRROR] * [-1, 1] + [SIZE - 1, 0]
            shape = shape_of(mirrored(rest))
            rows.append(_row(twin, marks, mirrored_expression(scene.expression), turn, shape, number))
        for name in rows[0]:
            columns.setdefault(name, []).extend(row[name] for row in rows)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(path.with_suffix(".part.npz"), **{name: np.array(values) for name, values in columns.items()})
    path.with_suffix(".part.npz").rename(path)
    seconds = time.monotonic() - begun
    print(f"{path.name}: {len(columns['head'])} samples of {HEADS} heads in {seconds:.0f} s", flush=True)


def load_samples(folder: Path, seed: int, pieces: Iterable[int]) -> Samples:
    """Some pieces of a seed."""
    loaded = [np.load(_path(folder, seed, piece)) for piece in pieces]
    names = Samples.__dataclass_fields__
    return Samples(**{name: np.concatenate([piece[name] for piece in loaded]) for name in names})


def _path(folder: Path, seed: int, piece: int) -> Path:
    return folder / f"piece_{seed}_{piece:03d}.npz"


def _row(
    face: FaceDetection, marks: np.ndarray, expression: np.ndarray, turn: np.ndarray, shape: np.ndarray, head: int
) -> dict[str, np.ndarray | None]:
    return {
        "landmarks": face.region.to_window(face.points).astype(np.float32),
        "marks": face.region.to_window(marks).astype(np.float32),
        "features": face.features,
        "expression": expression.astype(np.float32),
        "turn": turn.astype(np.float32),
        "shape": shape,
        "head": np.array(head, np.int32),
    }


def _turn(scene: Scene, window: Region) -> np.ndarray:
    """(3,) axis-angle of the head in the axes of a window."""
    return axis_angle(window_rotation(scene.camera, window.to_array()).T @ scene.rotation)


def _jittered(window: Region, errors: tuple[float, float, float], rng: np.random.Generator) -> Region:
    place, size, angle = errors
    across, down = rng.normal(0, place, 2) * window.size
    grown = window.size * float(np.exp(rng.normal(0, size)))
    return Region(window.x + across, window.y + down, grown, window.angle + float(rng.normal(0, angle)))


def _mirrored(window: Region) -> Region:
    """The window of the mirrored picture."""
    return Region(SIZE - window.x, window.y, window.size, -window.angle)
