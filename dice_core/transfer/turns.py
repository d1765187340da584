"""Rotations between others: shares of a turn, and the least turn between two directions."""

from __future__ import annotations

import numpy as np

from dice_core.geometry.rotations import axis_angle, rotation_matrices

__all__ = ["between", "least_turn", "mean_turn", "share_of", "turn_about", "twist_about"]

_TINY = 1e-9


def share_of(turn: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """Part of rotations (..., 3, 3) from none; share : 0 to 1, (...,) or a number."""
    return rotation_matrices(axis_angle(turn) * np.asarray(share)[..., None])


def between(first: np.ndarray, second: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """Rotations (..., 3, 3) on the way from the first (share 0) to the second (share 1)."""
    return share_of(second @ np.swapaxes(first, -1, -2), share) @ first


def least_turn(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(3, 3) the rotation by the smallest angle that takes one direction (3,) to another."""
    a, b = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis = np.cross(a, b)
    sine, cosine = float(np.linalg.norm(axis)), float(a @ b)
    if sine < _TINY:
        if cosine > 0:
            return np.eye(3)
        other = np.cross(a, [1.0, 0, 0] if abs(a[0]) < 0.9 else [0, 1.0, 0])
        return rotation_matrices(np.pi * other / np.linalg.norm(other))
    return rotation_matrices(axis / sine * np.arctan2(sine, cosine))


def mean_turn(ours: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(3, 3) the rotation that brings points (n, 3), about their middle, nearest to others (Kabsch 1976)."""
    return turn_about(ours - ours.mean(axis=0), target - target.mean(axis=0))


def turn_about(ours: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(3, 3) the rotation about the origin that brings points (n, 3) nearest to others."""
    u, _, vt = np.linalg.svd(target.T @ ours)
    return (u * [1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt


def twist_about(turn: np.ndarray, axis: np.ndarray) -> float:
    """Radians by which a rotation (3, 3) turns about a unit axis (3,), the rest of it being a turn of the axis."""
    vector = axis_angle(turn)
    angle = float(np.linalg.norm(vector))
    if angle < _TINY:
        return 0.0
    along = float(vector @ axis) / angle * np.sin(angle / 2)
    return float(2 * np.arctan2(along, np.cos(angle / 2)))
