"""Rotations as matrices and as axis-angle vectors, on numpy."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["axis_angle", "rotation_matrices"]

_TINY = 1e-12
_SMALL_SINE = 1e-9  # of half a turn, which below is as large as its sine
_SMALL_TURN = 1e-6  # radians: below, the series of sine and cosine are more exact than their quotients


def rotation_matrices(axis_angle: np.ndarray) -> np.ndarray:
    """Rodrigues' formula.

    axis_angle : (..., 3) float, radians.
    Returns (..., 3, 3), float64.
    """
    vector = np.asarray(axis_angle, np.float64)
    if vector.ndim == 1:
        return _rotation_matrix(*vector.tolist())
    x, y, z = vector[..., 0], vector[..., 1], vector[..., 2]
    square = x * x + y * y + z * z
    small = square < _SMALL_TURN**2
    safe = np.where(small, 1.0, square)
    angle = np.sqrt(safe)
    sine = np.where(small, 1.0 - square / 6, np.sin(angle) / angle)
    cosine = np.where(small, 0.5 - square / 24, (1 - np.cos(angle)) / safe)
    result = np.empty((*square.shape, 3, 3))
    # The identity, the cross product matrix times the sine, its square times the cosine's term.
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        a, b, c = vector[..., i], vector[..., j], vector[..., k]
        result[..., i, i] = 1 - cosine * (b * b + c * c)
        both, turn = cosine * a * b, sine * c
        result[..., i, j], result[..., j, i] = both - turn, both + turn
    return result


def _rotation_matrix(x: float, y: float, z: float) -> np.ndarray:
    """One turn, in plain numbers: an optimiser asks for a good many."""
    square = x * x + y * y + z * z
    angle = math.sqrt(square)
    if angle < _SMALL_TURN:
        sine, cosine = 1 - square / 6, 0.5 - square / 24
    else:
        sine, cosine = math.sin(angle) / angle, (1 - math.cos(angle)) / square
    xy, yz, zx = cosine * x * y, cosine * y * z, cosine * z * x
    return np.array(
        [
            [1 - cosine * (y * y + z * z), xy - sine * z, zx + sine * y],
            [xy + sine * z, 1 - cosine * (z * z + x * x), yz - sine * x],
            [zx - sine * y, yz + sine * x, 1 - cosine * (x * x + y * y)],
        ]
    )


def axis_angle(matrices: np.ndarray) -> np.ndarray:
    """Inverse of `rotation_matrices`, through quaternions so that half turns are exact too.

    matrices : (..., 3, 3) rotations.
    Returns (..., 3) float64, radians, angle at most pi.
    """
    m = np.asarray(matrices, np.float64)
    if m.ndim == 2:
        return _axis_angle(m.tolist())
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    products = np.empty((*m.shape[:-2], 4, 4))  # four times the quaternion's entries by each other
    products[..., 0, 0], products[..., 1, 1] = 1 + m00 + m11 + m22, 1 + m00 - m11 - m22
    products[..., 2, 2], products[..., 3, 3] = 1 - m00 + m11 - m22, 1 - m00 - m11 + m22
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        products[..., 0, i + 1] = products[..., i + 1, 0] = m[..., k, j] - m[..., j, k]
        products[..., i + 1, j + 1] = products[..., j + 1, i + 1] = m[..., i, j] + m[..., j, i]
    largest = np.argmax(np.einsum("...ii->...i", products), axis=-1)
    quaternion = np.take_along_axis(products, largest[..., None, None], axis=-2)[..., 0, :]
    quaternion = quaternion / np.sqrt((quaternion * quaternion).sum(axis=-1, keepdims=True))
    quaternion *= np.where(quaternion[..., :1] < 0, -1.0, 1.0)
    sine = np.sqrt((quaternion[..., 1:] ** 2).sum(axis=-1, keepdims=True))
    angle = 2 * np.arctan2(sine, quaternion[..., :1])
    factor = np.where(sine < _SMALL_SINE, 2.0, angle / np.maximum(sine, _TINY))
    return quaternion[..., 1:] * factor


def _axis_angle(m: list[list[float]]) -> np.ndarray:
    """Of one matrix, in plain numbers, as `_rotation_matrix`."""
    (m00, m01, m02), (m10, m11, m12), (m20, m21, m22) = m
    # Four times each entry of the quaternion, times the largest one, which is divided by without loss.
    w, x, y, z = max(
        (1 + m00 + m11 + m22, m21 - m12, m02 - m20, m10 - m01),
        (m21 - m12, 1 + m00 - m11 - m22, m01 + m10, m02 + m20),
        (m02 - m20, m01 + m10, 1 - m00 + m11 - m22, m12 + m21),
        (m10 - m01, m02 + m20, m12 + m21, 1 - m00 - m11 + m22),
        key=lambda quaternion: sum(entry * entry for entry in quaternion),
    )
    length = math.sqrt(w * w + x * x + y * y + z * z) * (-1 if w < 0 else 1)
    w, x, y, z = w / length, x / length, y / length, z / length
    sine = math.sqrt(x * x + y * y + z * z)
    factor = 2 * math.atan2(sine, w) / sine if sine > _SMALL_SINE else 2.0
    return np.array([factor * x, factor * y, factor * z])
