"""A face that no person has: eyes half as large again, in a head that is larger than its body allows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .makehuman import MakeHuman

__all__ = ["exaggerated"]

# Factors of the eyes and of the head, metres within which they fade, and the share of the nose that is left.
_EYE_SIZE, _HEAD_SIZE = 1.5, 1.25
_EYE_REACH, _NECK_REACH = 0.032, 0.08
_NOSE_LEFT = 0.45


def exaggerated(
    points: np.ndarray, deltas: Mapping[str, np.ndarray], source: MakeHuman
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The mesh with large eyes, a small nose and a large head, and its expressions to match.

    points : (N, 3) metres; deltas : name -> (N, 3).
    """
    moved = _warp(points, points, source)
    return moved, {name: _warp(points + delta, points, source) - moved for name, delta in deltas.items()}


def _warp(points: np.ndarray, rest: np.ndarray, source: MakeHuman) -> np.ndarray:
    """points : (N, 3) near `rest`, which says where the eyes, the nose and the head are."""
    eyes = [rest[source.groups[f"helper-{side}-eye"]].mean(axis=0) for side in "lr"]
    moved = points.copy()
    for eye in eyes:
        distance = np.linalg.norm(rest - eye, axis=1)
        weight = np.exp(-((distance / _EYE_REACH) ** 2) / 2)
        weight[source.groups["helper-l-eye" if eye[0] > 0 else "helper-r-eye"]] = 1.0
        moved += ((_EYE_SIZE - 1) * weight)[:, None] * (points - eye)
    between = np.mean(eyes, axis=0)
    body = source.groups["body"]
    near = body[np.linalg.norm(rest[body][:, [0, 2]] - between[[0, 2]], axis=1) < 0.06]
    tip = rest[near[np.argmin(rest[near, 1])]]
    weight = np.exp(-((np.linalg.norm((rest - tip) * (1.0, 0.6, 0.8), axis=1) / 0.016) ** 2) / 2)
    moved[:, 1] += (1 - _NOSE_LEFT) * 0.03 * weight
    joint = rest[source.groups["joint-head"]].mean(axis=0)
    rising = np.clip((rest[:, 2] - joint[2] + _NECK_REACH) / _NECK_REACH, 0, 1)
    rising = rising * rising * (3 - 2 * rising) * (np.abs(rest[:, 0]) < 0.2)
    return moved + ((_HEAD_SIZE - 1) * rising)[:, None] * (moved - joint)
