"""Named regions of the head, from its parts and from where the face landmarks lie on it."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import scipy.sparse as sp
from scipy.spatial import cKDTree

from bodies.face_embedding import Embedding
from bodies.head_parts import HeadParts
from bodies.topology import adjacency
from dice_core.bodies.names import HEAD_REGIONS

__all__ = ["OVAL", "head_regions"]

# Contours by face landmark, on the subject's right half; the left half comes by mirroring.
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
EYE = (226, 31, 228, 229, 230, 231, 232, 233, 244, 189, 221, 222, 223, 224, 225, 113)
BROW = (46, 53, 52, 65, 55, 107, 66, 105, 63, 70)
NOSE = (168, 193, 245, 188, 174, 217, 126, 209, 129, 64, 98, 97, 2)
MANDIBLE = (152, 148, 176, 149, 150, 136, 172, 58, 132)
OVAL = (10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152)
MOUTH_CORNER, LOWER_LIP, CHIN, EYE_BOTTOM, OUTER_EYE, EAR_FRONT, TEMPLE = 61, 17, 152, 230, 226, 234, 162
NOSE_TOP, NOSE_BOTTOM, WING, UPPER_LIP, INNER_EYE, JAW_ANGLE = 168, 2, 64, 0, 244, 132

# Millimetres by which a contour is widened, so that it takes the vertices of the polygons it crosses.
MARGIN = {"lips": 1.0, "eye": 0.0, "brow": 2.5, "nose": 1.5, "oval": 3.0}
JAW_WIDTH = 0.019  # metres around the edge of the mandible
JAW_RISE = 0.025  # metres above mouth or chin where the jaw and what lies below it end
JAW_FROM_MIDLINE = 0.012  # metres
CHIN_SHARE = 0.95  # of the mouth's half width
CHIN_UNDERSIDE = 0.012  # metres that the chin reaches back below
MIDLINE = 5e-4  # metres: vertices this close to x = 0 are on both halves
FOREHEAD_STRETCH = 1.65  # the detector's oval ends below the hairline: heights above the temple are stretched this much
FRONT = -0.02  # z in metres before which skin belongs to the face
NAPE = 0.02  # y in metres below which the back of the head is neck


def head_regions(
    rest: np.ndarray, quads: np.ndarray, parts: HeadParts, embedding: Embedding, ears: np.ndarray
) -> np.ndarray:
    """(V,) uint8 index into HEAD_REGIONS.

    rest : (V, 3); ears : (V,) bool.
    """
    name = _mirrored(_right_half(rest, parts, embedding, ears), rest)
    name = _mirrored(_majority(name, adjacency(quads, len(rest))), rest)
    for label, mask in (
        ("eye.L", parts.socket_left),
        ("eye.R", parts.socket_right),
        ("mouth_inner", parts.mouth),
        ("tongue", parts.tongue),
        ("eyeball.L", parts.eyeball_left),
        ("eyeball.R", parts.eyeball_right),
    ):
        name[mask] = label
    return np.array([HEAD_REGIONS.index(label) for label in name], np.uint8)


def _mirrored(name: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Names of the right half, on both halves."""
    twin = cKDTree(rest).query(rest * [-1, 1, 1])[1]
    left = rest[:, 0] > MIDLINE
    name = name.copy()
    name[left] = [label.replace(".R", ".L") for label in name[twin[left]]]
    return name


def _right_half(rest: np.ndarray, parts: HeadParts, embedding: Embedding, ears: np.ndarray) -> np.ndarray:
    landmark = embedding.points(rest)
    x, y, z = rest.T
    front = z < FRONT

    def inside(contour: np.ndarray, margin: float) -> np.ndarray:
        polygon = (contour[:, :2] * 1e3).astype(np.float32)
        flat = [(float(a), float(b)) for a, b in rest[:, :2] * 1e3]
        return front & np.array([cv2.pointPolygonTest(polygon, point, True) >= -margin for point in flat])

    def both_halves(indices: tuple[int, ...]) -> np.ndarray:
        half = landmark[list(indices)]
        return np.concatenate([half, half[::-1] * [-1, 1, 1]])

    outline = both_halves(OVAL)
    temple = landmark[TEMPLE, 1]
    outline[:, 1] = np.where(
        outline[:, 1] < temple, temple + FOREHEAD_STRETCH * (outline[:, 1] - temple), outline[:, 1]
    )
    oval = inside(outline, MARGIN["oval"])
    edge = _distance_to_line(rest, landmark[list(MANDIBLE)])
    below_eyes = y > landmark[EYE_BOTTOM, 1]
    beside = (z < landmark[EAR_FRONT, 2] + 0.02) & ~ears
    chin = (-x < -CHIN_SHARE * landmark[MOUTH_CORNER, 0]) & (y > landmark[LOWER_LIP, 1])
    chin &= (z < landmark[CHIN, 2] + CHIN_UNDERSIDE) & (y < landmark[CHIN, 1] + CHIN_UNDERSIDE)
    level = (y > temple) & beside & (y < landmark[CHIN, 1])
    name = np.full(len(rest), "scalp", dtype="<U12")
    name[(y > NAPE) & (z > landmark[EAR_FRONT, 2])] = "neck"
    name[(y > landmark[EAR_FRONT, 1]) & (edge > JAW_WIDTH) & ~oval & (y > NAPE)] = "neck"
    name[oval & ~below_eyes] = "forehead"
    behind_jaw = (y > landmark[JAW_ANGLE, 1]) & (z > landmark[JAW_ANGLE, 2])
    name[level & (y > landmark[OUTER_EYE, 1]) & ~behind_jaw] = "cheek.R"
    around_eye = level & ~below_eyes & oval & (y > landmark[NOSE_TOP, 1] - 0.012)
    name[around_eye & (x > landmark[OUTER_EYE, 0]) & (x < landmark[INNER_EYE, 0])] = "eye.R"
    jaw = (edge < JAW_WIDTH) & (y > landmark[MOUTH_CORNER, 1] - JAW_RISE) & ~ears & (x < -JAW_FROM_MIDLINE)
    name[(y > landmark[CHIN, 1] - JAW_RISE) & ~oval] = "neck"
    name[jaw] = "jaw.R"
    name[chin] = "chin"
    philtrum = oval & (y > landmark[NOSE_BOTTOM, 1]) & (y < landmark[UPPER_LIP, 1]) & (x > landmark[WING, 0])
    name[philtrum] = "lips"
    name[inside(landmark[list(EYE)], MARGIN["eye"])] = "eye.R"
    name[inside(landmark[list(BROW)], MARGIN["brow"])] = "brow.R"
    name[inside(both_halves(NOSE), MARGIN["nose"])] = "nose"
    name[inside(landmark[list(LIPS)], MARGIN["lips"])] = "lips"
    name[ears] = "ear.R"
    return name


def _distance_to_line(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    best = np.full(len(points), np.inf)
    for start, end in pairwise(line):
        along = np.clip((points - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
        best = np.minimum(best, np.linalg.norm(points - start - along[:, None] * (end - start), axis=1))
    return best


def _majority(name: np.ndarray, neighbours: sp.csr_matrix) -> np.ndarray:
    """A vertex that no neighbour agrees with takes its neighbours' commonest name."""
    result = name.copy()
    for vertex in range(len(name)):
        around = name[neighbours.indices[neighbours.indptr[vertex] : neighbours.indptr[vertex + 1]]]
        if len(around) and name[vertex] not in around:
            labels, counts = np.unique(around, return_counts=True)
            result[vertex] = labels[counts.argmax()]
    return result
