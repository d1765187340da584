"""Errors against a ground truth: vertices, joints and contact, defined as DICE (Wu et al., ICLR 2025) reports them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.errors import ShapeError

__all__ = ["CONTACT_THRESHOLD", "ContactScore", "mean_distance", "procrustes"]

CONTACT_THRESHOLD = 0.5
"""A vertex is in contact above this value."""


def mean_distance(found: np.ndarray, true: np.ndarray) -> float:
    """Mean distance between corresponding points.

    found, true : (n, 3), metres. Returns metres. Raises ShapeError where they do not correspond.
    """
    if found.shape != true.shape or found.ndim != 2 or found.shape[1] != 3:
        raise ShapeError(f"Points must be (n, 3) and correspond, not {found.shape} and {true.shape}.")
    return float(np.linalg.norm(found - true, axis=1).mean())


def procrustes(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Move, turn and scale points onto others: the similarity with the least squared distance.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", IEEE PAMI 13(4), 1991,
    doi:10.1109/34.88573.
    found, true : (n, 3). Returns (n, 3), `found` aligned with `true`.
    """
    found, true = np.asarray(found, np.float64), np.asarray(true, np.float64)
    found_centre, true_centre = found.mean(axis=0), true.mean(axis=0)
    centred = found - found_centre
    left, size, right = np.linalg.svd((true - true_centre).T @ centred)
    # A mirror image is not a rotation.
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = (left * sign) @ right
    scale = float((size * sign).sum() / max((centred**2).sum(), np.finfo(np.float64).tiny))
    return scale * centred @ rotation.T + true_centre


@dataclass
class ContactScore:
    """Counts vertices in contact, over all frames given."""

    hits: int = 0
    false_alarms: int = 0
    misses: int = 0
    agreed_free: int = 0

    def add(self, found: np.ndarray, true: np.ndarray) -> None:
        """One frame of one mesh. found, true : (V,) contact in [0, 1]."""
        one, other = found > CONTACT_THRESHOLD, true > CONTACT_THRESHOLD
        self.hits += int((one & other).sum())
        self.false_alarms += int((one & ~other).sum())
        self.misses += int((~one & other).sum())
        self.agreed_free += int((~one & ~other).sum())

    def result(self) -> dict[str, float] | None:
        """f, precision, recall and accuracy, 0 to 1; None without a vertex, 0 where nothing was found."""
        total = self.hits + self.false_alarms + self.misses + self.agreed_free
        if not total:
            return None
        precision = self.hits / max(self.hits + self.false_alarms, 1)
        recall = self.hits / max(self.hits + self.misses, 1)
        f = 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
        accuracy = (self.hits + self.agreed_free) / total
        return {"f": f, "precision": precision, "recall": recall, "accuracy": accuracy}
