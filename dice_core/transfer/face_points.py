"""Where the landmarks of the face network lie on a stranger's head.

The head is drawn from several sides, the network reads the drawings, and each landmark is the point of the surface
nearest to where its lines of sight meet: what the network sees there is what it sees on our own head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from dice_core.bodies.names import LANDMARK_COUNT
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.landmarks.detections import FaceDetection
from dice_core.landmarks.face_choice import LEAST_EVIDENCE
from dice_core.landmarks.face_search import FaceSearch
from dice_core.transfer.views import HeadPainter, View, look_at

__all__ = ["FacePoints", "find_face_points"]

CIRCLE = 8
"""Directions from which a head of which nothing is known is looked at about each axis that may be its own up."""

UPS = np.array([[0, 0, 1], [0, 1, 0], [0, -1, 0], [1, 0, 0], [-1, 0, 0], [0, 0, -1]], float)
"""Those axes, in the character's own: upright, lying, hanging."""

YAWS, PITCHES = (-32.0, -18.0, 0.0, 18.0, 32.0), (-12.0, 0.0, 14.0)
"""Degrees of the views that landmarks are read in; beyond about 35 the network guesses the far side. Set by hand."""

LEAST_VIEWS = 3
"""Views with a face that make a finding: one or two may be a chance likeness. Set by hand."""

LEAST_TRUST = 0.08
"""Median trust in the landmarks below which the drawings contradict each other: the network sees a face in a ball too,
with 0.00; the least sure of the test characters, a cartoon, has 0.25."""

SURE = 15.0
"""Evidence from which a sight counts before anything else is looked for. On eleven test characters a face seen from its
front has 17 and more, the longest of them, and 24 on all others; an upside-down one, an ear or the back of a head has
15 at most, although the landmark network is as confident of them."""

LEAST_MEDIAN = 13.0
"""Evidence of the middle one of the views that a finding is made of. Of the test characters' faces the longest has 15
to 18, a cartoon and all others 24; what was found upside down, on ears, or on heads of which the face was taken away
has less than 12. Where the character's own front is, `LEAST_EVIDENCE` is enough, if nothing better is found."""

TRIES = 3
"""Sights that are not sure from which a finding is tried, the best first. Set by hand."""

OBLIQUE = np.cos(np.radians(20.0))
"""Cosine between a sight and the front of the face that it shows below which the middle row of views is read first, for
a better front: one view's own depth leaves it up to 15 degrees off. Upright test characters are nearer."""

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


@dataclass(frozen=True)
class _Sight:
    """A view in which a face was read; place : of the head that the view is of; evidence : that it is a face."""

    place: _Place
    view: View
    face: FaceDetection
    evidence: float


def find_face_points(
    painter: HeadPainter,
    skin: SurfaceIndex,
    middle: np.ndarray,
    height: float,
    axes: np.ndarray,
    should_stop: Callable[[], None],
) -> FacePoints | None:
    """The landmarks of a head, None where the networks see no face.

    skin : surface that landmarks may lie on, outward normals; middle : (3,) of the head; height : of the head, world;
    axes : (3, 3) the character's own, rows left, back and up: where it is looked for first, not where it has to be.
    should_stop : called between drawings; raises to stop.
    """
    search = FaceSearch()
    for sight in _first_sights(search, painter, middle, height, axes, should_stop):
        found = _finding(search, painter, skin, sight, LEAST_MEDIAN, should_stop)
        if found is not None:
            return found
    # A face that hardly looks like one, such as a toy's, is believed where a face is to be expected.
    expected = _look(search, painter, _Place(middle, height, -axes[1], axes[2]))
    if expected is None or expected.evidence < LEAST_EVIDENCE:
        return None
    return _finding(search, painter, skin, expected, LEAST_EVIDENCE, should_stop)


def _first_sights(
    search: FaceSearch,
    painter: HeadPainter,
    middle: np.ndarray,
    height: float,
    axes: np.ndarray,
    should_stop: Callable[[], None],
) -> Iterator[_Sight]:
    """What may be a face in the views round a head that stands upright, or else lies or hangs: what is sure as soon as
    the views about one axis are drawn, the first of all at once, and at last the best of the rest."""
    unsure: list[_Sight] = []
    for axis, up in enumerate(UPS):
        across = np.array([0, -1.0, 0]) if abs(up[2]) > 0 else np.array([0, 0, 1.0])
        sure: list[_Sight] = []
        for step in range(CIRCLE):
            should_stop()
            turn = 2 * np.pi * step / CIRCLE
            front = np.cos(turn) * across + np.sin(turn) * np.cross(up, across)
            sight = _look(search, painter, _Place(middle, height, front @ axes, up @ axes))
            if sight is None or sight.evidence < LEAST_EVIDENCE:
                continue
            if sight.evidence < SURE:
                unsure.append(sight)
            elif axis == step == 0:
                yield sight
            else:
                sure.append(sight)
        yield from sorted(sure, key=lambda one: -one.evidence)
    yield from sorted(unsure, key=lambda one: -one.evidence)[:TRIES]


def _finding(
    search: FaceSearch,
    painter: HeadPainter,
    skin: SurfaceIndex,
    sight: _Sight,
    least: float,
    should_stop: Callable[[], None],
) -> FacePoints | None:
    """The landmarks that begin with a sight, None where the views round it contradict it; least : evidence of the
    middle one of these."""
    place = _aimed(painter, skin, sight)
    if place.front @ sight.place.front < OBLIQUE:
        row = _row(search, painter, place, 0.0, should_stop)
        if len(row) < LEAST_VIEWS:
            return None
        place = _placed(_meeting(row, skin, painter.vertices, place.height)[0], place)
    sights = [one for pitch in PITCHES for one in _row(search, painter, place, pitch, should_stop)]
    if len(sights) < LEAST_VIEWS or np.median([one.evidence for one in sights]) < least:
        return None
    points, weights = _meeting(sights, skin, painter.vertices, place.height)
    if np.median(weights) < LEAST_TRUST:
        return None
    place = _placed(points, place)
    return FacePoints(points, weights, place.front, place.up, len(sights))


def _row(
    search: FaceSearch, painter: HeadPainter, place: _Place, pitch: float, should_stop: Callable[[], None]
) -> list[_Sight]:
    """The views of one pitch, in degrees, that show a face."""
    sights = []
    for k, yaw in enumerate(YAWS, len(YAWS) * PITCHES.index(pitch)):
        should_stop()
        seen = _look(search, painter, place, np.radians(yaw), np.radians(pitch), light=(-0.8, 0.5, 0.0)[k % 3])
        if seen is not None:
            sights.append(seen)
    return sights


def _look(
    search: FaceSearch, painter: HeadPainter, place: _Place, yaw: float = 0.0, pitch: float = 0.0, light: float = 0.4
) -> _Sight | None:
    """What is most like a face in one drawing; yaw, pitch : radians, as of `look_at`."""
    view = look_at(place.middle, place.height, place.front, place.up, yaw, pitch)
    picture = painter.draw(view, 0.25 / place.height, light, place.front)
    # There is nothing but a head, however it is drawn; several drawings decide whether it has a face.
    faces = search.faces(picture, least=-np.inf)
    best = max(faces, key=lambda one: one.evidence, default=None)
    return None if best is None else _Sight(place, view, best.face, best.evidence)


def _aimed(painter: HeadPainter, skin: SurfaceIndex, sight: _Sight) -> _Place:
    """The face itself says better than the mesh where its middle and its front are."""
    rough = _rough_points(sight.view, sight.face, sight.place.middle)
    return _placed(skin.query(rough).points(painter.vertices, skin.triangles), sight.place)


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
    sights: list[_Sight], skin: SurfaceIndex, vertices: np.ndarray, height: float
) -> tuple[np.ndarray, np.ndarray]:
    """Points of the surface nearest to where the lines of sight meet, and trust in them: (468, 3), (468,).

    Iteratively reweighted least squares of the distances to the lines; a line counts by how straight it meets the
    surface.
    """
    origins = np.array([one.view.centre for one in sights])
    rays = np.array([one.view.rays(one.face.points[:LANDMARK_COUNT, :2].astype(np.float64)) for one in sights])
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
