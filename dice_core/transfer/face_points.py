"""Where the landmarks of the face network lie on a stranger's head.

The head is drawn from several sides, the network reads the drawings, and each landmark is the point of the surface
nearest to where its lines of sight meet: what the network sees there is what it sees on our own head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dice_core.bodies.names import LANDMARK_COUNT
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.landmarks.detections import FaceDetection
from dice_core.landmarks.face_search import FaceSearch
from dice_core.transfer.views import HeadPainter, View, look_at

__all__ = ["FacePoints", "find_face_points"]

CIRCLE = 8
"""Directions from which a head of which nothing is known is looked at first."""

YAWS, PITCHES = (-32.0, -18.0, 0.0, 18.0, 32.0), (-12.0, 0.0, 14.0)
"""Degrees of the views that landmarks are read in; beyond about 35 the network guesses the far side. Set by hand."""

LEAST_VIEWS = 3
"""Views with a face that make a finding: one or two may be a chance likeness. Set by hand."""

LEAST_TRUST = 0.08
"""Median trust in the landmarks below which the drawings contradict each other: the network sees a face in a ball too,
with 0.00; the least sure of the test characters, a cartoon, has 0.25."""

SURE = 0.9
"""Confidence from which a first view is good enough not to look further. Set by hand."""

ROUNDS = 4
"""Rounds of reweighted least squares; two more change nothing by more than a tenth of a millimetre on our own head."""

ERROR_SCALE = 0.012
"""Of the head's height (3 mm): distance of a line of sight from its landmark at which it counts half. Set by hand."""

_EYES = ((33, 133), (362, 263))
_MOUTH, _NOSE = (61, 291), 4


@dataclass(frozen=True)
class FacePoints:
    """points : (468, 3) on the surface, world; weights : (468,) trust in each, at most 1; front, up : (3,) unit;
    views : how many drawings showed a face."""

    points: np.ndarray
    weights: np.ndarray
    front: np.ndarray
    up: np.ndarray
    views: int


@dataclass(frozen=True)
class _Place:
    """middle : (3,), height : of the head; front, up : (3,) unit, orthogonal."""

    middle: np.ndarray
    height: float
    front: np.ndarray
    up: np.ndarray


def find_face_points(
    painter: HeadPainter, skin: SurfaceIndex, middle: np.ndarray, height: float, should_stop: Callable[[], None]
) -> FacePoints | None:
    """The landmarks of a head, None where the networks see no face.

    skin : surface that landmarks may lie on, outward normals; middle : (3,) of the head; height : of the head, world.
    should_stop : called between drawings; raises to stop.
    """
    search = FaceSearch()
    found = _first_sight(search, painter, middle, height, should_stop)
    if found is None:
        return None
    place, view, face = found
    # The face itself says better than the mesh where its middle and its front are.
    hits = skin.query(_rough_points(view, face, place.middle)).points(painter.vertices, skin.triangles)
    place = _placed(hits, place)
    sights = []
    for k, (yaw, pitch) in enumerate((yaw, pitch) for pitch in PITCHES for yaw in YAWS):
        should_stop()
        view = look_at(place.middle, place.height, place.front, place.up, np.radians(yaw), np.radians(pitch))
        seen = _read(search, painter, view, place, light=(-0.8, 0.5, 0.0)[k % 3])
        if seen is not None:
            sights.append((view, seen))
    if len(sights) < LEAST_VIEWS:
        return None
    points, weights = _meeting(sights, skin, painter.vertices, place.height)
    if np.median(weights) < LEAST_TRUST:
        return None
    place = _placed(points, place)
    return FacePoints(points, weights, place.front, place.up, len(sights))


def _first_sight(
    search: FaceSearch, painter: HeadPainter, middle: np.ndarray, height: float, should_stop: Callable[[], None]
) -> tuple[_Place, View, FaceDetection] | None:
    """The most confident of the views round a head that stands upright, or else lies or hangs."""
    best: tuple[float, _Place, View, FaceDetection] | None = None
    for up in np.array([[0, 0, 1], [0, 1, 0], [0, -1, 0], [1, 0, 0], [-1, 0, 0], [0, 0, -1]], float):
        across = np.array([0, -1.0, 0]) if abs(up[2]) > 0 else np.array([0, 0, 1.0])
        for step in range(CIRCLE):
            should_stop()
            turn = 2 * np.pi * step / CIRCLE
            front = np.cos(turn) * across + np.sin(turn) * np.cross(up, across)
            place = _Place(middle, height, front, up)
            view = look_at(middle, height, front, up, 0.0, 0.0)
            face = _read(search, painter, view, place, light=0.4)
            if face is not None and (best is None or face.confidence > best[0]):
                best = (face.confidence, place, view, face)
                if face.confidence > SURE and step == 0:
                    break
        if best is not None:
            return best[1:]
    return None


def _read(search: FaceSearch, painter: HeadPainter, view: View, place: _Place, light: float) -> FaceDetection | None:
    picture = painter.draw(view, 0.25 / place.height, light, place.front)
    return search.face(picture, least=-np.inf)  # there is nothing but a head, however it is drawn


def _rough_points(view: View, face: FaceDetection, middle: np.ndarray) -> np.ndarray:
    """(468, 3) points on the lines of sight, at the depth of the head's middle and the network's own."""
    depth = float((view.rotation @ middle + view.offset)[2])
    rays = view.camera.rays(face.points[:LANDMARK_COUNT, :2].astype(np.float64))
    relief = face.points[:LANDMARK_COUNT, 2:].astype(np.float64) * depth / view.camera.fx
    return (rays * (depth + relief) - view.offset) @ view.rotation


def _placed(points: np.ndarray, place: _Place) -> _Place:
    """Front, up and middle by the face: eyes, mouth and nose. points : (468, 3)."""
    right, left = (points[list(eye)].mean(axis=0) for eye in _EYES)
    mouth = points[list(_MOUTH)].mean(axis=0)
    across = left - right
    across /= np.linalg.norm(across)
    up = (left + right) / 2 - mouth
    up -= (up @ across) * across
    up /= np.linalg.norm(up)
    front = np.cross(across, up)
    middle = points.mean(axis=0) - 0.15 * place.height * front
    return _Place(middle, place.height, front, up)


def _meeting(
    sights: list[tuple[View, FaceDetection]], skin: SurfaceIndex, vertices: np.ndarray, height: float
) -> tuple[np.ndarray, np.ndarray]:
    """Points of the surface nearest to where the lines of sight meet, and trust in them: (468, 3), (468,).

    Iteratively reweighted least squares of the distances to the lines; a line counts by how straight it meets the
    surface.
    """
    origins = np.array([view.centre for view, _ in sights])
    rays = np.array([view.rays(face.points[:LANDMARK_COUNT, :2].astype(np.float64)) for view, face in sights])
    projectors = np.eye(3) - rays[..., :, None] * rays[..., None, :]
    weights = np.ones(rays.shape[:2])
    scale = ERROR_SCALE * height
    for _ in range(ROUNDS):
        matrix = np.einsum("vl,vlij->lij", weights, projectors) + 1e-9 * np.eye(3)
        right = np.einsum("vl,vlij,vj->li", weights, projectors, origins)
        points = np.linalg.solve(matrix, right[..., None])[..., 0]
        closest = skin.query(points)
        gap = np.linalg.norm(np.einsum("vlij,vlj->vli", projectors, points[None] - origins[:, None]), axis=2)
        facing = np.clip(-np.einsum("vlj,lj->vl", rays, closest.normal), 0.05, 1)
        weights = facing**2 / (1 + (gap / scale) ** 2)
    on_surface = closest.points(vertices, skin.triangles)
    error = np.sqrt((weights * gap**2).sum(axis=0) / weights.sum(axis=0)) + np.abs(closest.distance)
    return on_surface, 1 / (1 + (error / scale) ** 2)
