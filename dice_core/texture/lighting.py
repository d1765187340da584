"""The light of the footage, taken out of what it shows: exposure of each frame, and shading by the skin's direction.

Light from afar on skin that scatters it evenly depends on the direction of the skin alone, and is a sum of nine
spherical harmonics but for about 1 % (Ramamoorthi and Hanrahan 2001, doi:10.1145/383259.383317; Basri and Jacobs 2003,
doi:10.1109/TPAMI.2003.1177153). Shadows that one part casts on another are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Lighting", "fit_lighting", "from_linear", "to_linear"]

ROUNDS = 4
"""Of fitting shading and exposures in turn: two more move neither by more than 0.0015 on the sample."""
RIDGE = 0.02
"""Share of the data's own weight that pulls the directional harmonics to zero: skin seen from one side says nothing
about the other. Set by hand on the four photos."""
OUTLIER = 0.35
"""Relative difference from which a sample counts ever less: hair, brows, shadows and highlights are not shading."""
RANGE = (0.4, 2.5)
"""Of shading relative to the mean that is taken out; beyond it the footage is black or burnt out."""
TINT = 0.5
"""Share of the shading's colour that is believed: what is in shadow looks tinted, which coloured light would be, too.
Set by hand on the sample."""


@dataclass(frozen=True)
class Lighting:
    """coefficients : (9, 3) of the harmonics, for each channel, 1 in the mean; gains : (F, 3) of each frame."""

    coefficients: np.ndarray
    gains: np.ndarray

    def even(self, colours: np.ndarray, normals: np.ndarray, frame: int) -> np.ndarray:
        """Colours as an even light would show them. colours : (n, 3) linear; normals : (n, 3) camera space."""
        shading = np.clip(_harmonics(normals) @ self.coefficients.astype(np.float32), *RANGE)
        return colours / (shading * self.gains[frame].astype(np.float32))


def fit_lighting(
    colours: Sequence[np.ndarray],
    normals: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    plain: Sequence[np.ndarray],
) -> Lighting:
    """Light and exposures that explain what F frames show of skin whose colour is about known.

    colours, normals, plain : (n_f, 3) for each frame: linear RGB, camera space, and the neutral skin's linear RGB at
    the same points; weights : (n_f,).
    """
    sizes = [len(part) for part in colours]
    frame = np.repeat(np.arange(len(sizes)), sizes)
    ratio = np.concatenate(colours) / np.maximum(np.concatenate(plain), 1e-3)
    basis = _harmonics(np.concatenate(normals)).astype(np.float64)
    weight = np.concatenate(weights).astype(np.float64)
    gains = np.ones((len(sizes), 3))
    coefficients = np.zeros((9, 3))
    coefficients[0] = 1.0
    total = max(float(weight.sum()), 1e-12)
    for channel in range(3):
        values = ratio[:, channel]
        level = max(_weighted_median(values, weight), 1e-6)
        coefficient = np.zeros(9)
        coefficient[0] = level
        for _ in range(ROUNDS):
            relative = (values / gains[frame, channel] - basis @ coefficient) / level
            robust = weight / (1 + (relative / OUTLIER) ** 2)
            normal = basis.T @ (basis * robust[:, None])
            normal[np.arange(1, 9), np.arange(1, 9)] += RIDGE * total
            coefficient = np.linalg.solve(normal, basis.T @ (robust * values / gains[frame, channel]))
            fitted = np.maximum(basis @ coefficient, RANGE[0] * level)
            for number in range(len(sizes)):
                own = frame == number
                if weight[own].sum() > 0:
                    gains[number, channel] = max(_weighted_median(values[own] / fitted[own], weight[own]), 1e-3)
        mean = float((weight * (basis @ coefficient)).sum() / total) if weight.any() else 1.0
        coefficients[:, channel] = coefficient / max(mean, 1e-6)
    coefficients = coefficients.mean(axis=1, keepdims=True) * (1 - TINT) + TINT * coefficients
    # A common gain is the exposure of the footage, which the texture keeps.
    shares = np.array([weight[frame == number].sum() for number in range(len(sizes))])
    common = np.exp((np.log(gains) * shares[:, None]).sum(axis=0) / max(float(shares.sum()), 1e-12))
    return Lighting(coefficients, gains / common)


def to_linear(image: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] as linear light (IEC 61966-2-1), float32."""
    values = np.asarray(image, np.float32)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)


def from_linear(values: np.ndarray) -> np.ndarray:
    """The inverse of `to_linear`; what is outside [0, 1] is clipped."""
    clipped = np.clip(np.asarray(values, np.float32), 0.0, 1.0)
    return np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055).astype(np.float32)


def _harmonics(normals: np.ndarray) -> np.ndarray:
    """(n, 9) real spherical harmonics up to the second order, without their constants."""
    x, y, z = np.asarray(normals, np.float32).T
    return np.stack([np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], axis=1)


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    cumulated = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(cumulated, cumulated[-1] / 2)]])
