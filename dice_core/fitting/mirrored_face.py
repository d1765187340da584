"""A face and its mirror image: what each landmark and expression becomes, and one reading out of two.

The landmark network does not read a face's mirror image as the mirror image of what it reads of the face: the two err
differently, and their mean errs less.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dice_core.arkit import EXPRESSION_NAMES
from dice_core.landmarks.detections import FaceDetection
from dice_core.landmarks.face import FaceLandmarker
from dice_core.landmarks.face_indices import MIRROR
from dice_core.landmarks.region import Region

__all__ = ["LANDMARK_MIRROR", "mirrored_expression", "read_mirrored_too"]

LANDMARK_MIRROR = np.array(MIRROR)
"""(478,) int, the landmark that each one becomes in a mirrored picture."""


def mirrored_expression(weights: np.ndarray) -> np.ndarray:
    """(..., 52) the same actions of the other side; what looks inward stays so, with the other eye."""
    return weights[..., _EXPRESSION_MIRROR]


def _other_side(name: str) -> str:
    other = {"Left": "Right", "Right": "Left"}
    side = next((side for side in other if name.endswith(side)), None)
    return name if side is None else name[: -len(side)] + other[side]


_EXPRESSION_MIRROR = [EXPRESSION_NAMES.index(_other_side(name)) for name in EXPRESSION_NAMES]


def read_mirrored_too(face: FaceDetection, read: FaceLandmarker) -> FaceDetection:
    """A face with the mirror image of its window read as well: its points are the mean of both readings, and it holds
    the layers of both; as it is where its picture is not known. A reading takes 3 ms.
    """
    if face.picture is None:
        return face
    picture = np.ascontiguousarray(face.picture[:, ::-1])
    twin = read.picture(picture, Region.of_image(picture))
    back = face.region.mirrored_to_image(twin.points[LANDMARK_MIRROR], len(picture))
    points = (face.points + back) / 2
    return replace(face, points=points.astype(np.float32), mirrored_features=twin.features, picture=None)
