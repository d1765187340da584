"""Faces: from a detected face to the 478 landmarks, and from landmarks to the window of the next reading."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from dice_core.landmarks.detections import FaceDetection
from dice_core.landmarks.detector import Detection, sigmoid
from dice_core.landmarks.face_indices import EYE_CONTOUR_COUNT, LEFT_EYE, LEFT_IRIS, LIPS, RIGHT_EYE, RIGHT_IRIS
from dice_core.landmarks.networks import FACE_FEATURES, FACE_LANDMARKS, Network, packaged_network
from dice_core.landmarks.region import Region, direction_angle

__all__ = ["FaceLandmarker", "face_region", "face_tracking_region", "merge_attention"]

UPRIGHT = 0.0
"""Radians: the way from the subject's right eye to the left one points along the image's x axis."""

WINDOW_SCALE = 1.5
"""Window of the face in sides of the detected box, or of the box around its landmarks, as in training."""

RIGHT_EYE_OUTER, LEFT_EYE_OUTER = 33, 263
MESH_COUNT, POINT_COUNT = 468, 478


class FaceLandmarker:
    """The face network with attention to lips, eyes and irises (Grishchenko et al. 2020,
    https://arxiv.org/abs/2006.10962), waited for when it is first used."""

    @cached_property
    def _network(self) -> Network:
        return packaged_network(FACE_LANDMARKS)

    def __call__(self, image: np.ndarray, region: Region) -> FaceDetection:
        """Read one window of an image, (h, w, 3) uint8 RGB."""
        return self.picture(region.crop(image, self._network.spec.side, replicate=True), region)

    def picture(self, picture: np.ndarray, region: Region) -> FaceDetection:
        """Read what a window shows, (side, side, 3) uint8 RGB, as `Region.crop` has it."""
        side = self._network.spec.side
        outputs = self._network(picture)
        points = region.to_image(merge_attention(outputs) / side).astype(np.float32)
        features = np.concatenate([outputs[name] for name in FACE_FEATURES]).astype(np.float16)
        confidence = float(sigmoid(outputs["conv_faceflag"].astype(np.float64))[0])
        return FaceDetection(points, confidence, region, features, picture=picture)


def merge_attention(outputs: dict[str, np.ndarray]) -> np.ndarray:
    """One set of landmarks from the network's mesh and its close looks at lips, eyes and irises.

    Lips and eyes replace the mesh's x and y and keep its z; an iris takes the mean z of its eye's contour.
    outputs : the network's outputs by name, flattened.
    Returns (478, 3) float32 in the outputs' unit.
    """
    points = np.zeros((POINT_COUNT, 3), np.float32)
    points[:MESH_COUNT] = outputs["output_mesh_identity"].reshape(MESH_COUNT, 3)
    for name, indices in (
        ("output_lips", LIPS),
        ("output_left_eye", LEFT_EYE),
        ("output_right_eye", RIGHT_EYE),
        ("output_left_iris", LEFT_IRIS),
        ("output_right_iris", RIGHT_IRIS),
    ):
        points[list(indices), :2] = outputs[name].reshape(-1, 2)
    for iris, eye in ((LEFT_IRIS, LEFT_EYE), (RIGHT_IRIS, RIGHT_EYE)):
        points[list(iris), 2] = points[list(eye[:EYE_CONTOUR_COUNT]), 2].mean()
    return points


def face_region(face: Detection) -> Region:
    """Window of the landmarks around a detected face."""
    right_eye, left_eye = face.keypoints[0], face.keypoints[1]
    angle = direction_angle(right_eye, left_eye, UPRIGHT)
    return Region.around_box(face.centre, face.extent, angle, scale=WINDOW_SCALE)


def face_tracking_region(points: np.ndarray) -> Region:
    """Window in which to read the face next, from its landmarks (478, 2 or 3), pixels.

    The box is the one along the image's axes, as in training.
    """
    flat = points[:, :2].astype(np.float64)
    low, high = flat.min(axis=0), flat.max(axis=0)
    angle = direction_angle(flat[RIGHT_EYE_OUTER], flat[LEFT_EYE_OUTER], UPRIGHT)
    return Region.around_box((low + high) / 2, high - low, angle, scale=WINDOW_SCALE)
