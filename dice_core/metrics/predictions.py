"""The paper's metrics of single predictions against their truth, outside of any take: for training."""

from __future__ import annotations

from typing import Any

import numpy as np

from dice_core.geometry.signed_distance import PartsIndex
from dice_core.metrics.accuracy import ContactScore, mean_distance, procrustes
from dice_core.metrics.plausibility import Plausibility, hand_distances, harmonic_mean, is_touching

__all__ = ["PredictionScore"]


class PredictionScore:
    """Gathers the errors of predictions.

    triangles : (T, 3) of the head.
    """

    def __init__(self, triangles: np.ndarray) -> None:
        self._triangles = triangles
        self._plausibility = Plausibility()
        self._contact = {"head": ContactScore(), "hand": ContactScore()}
        self._errors: dict[str, list[float]] = {"pve_mm": [], "mpjpe_mm": [], "pa_mpjpe_mm": []}
        self._touching = self._found_touching = 0

    def add(self, found: dict[str, np.ndarray], true: dict[str, np.ndarray]) -> None:
        """One prediction. Both have `head` (V, 3), deformed, `hand` (W, 3), `joints` (J, 3) in metres, and
        `head_contact` (V,), `hand_contact` (W,)."""
        centre, true_centre = found["head"].mean(0), true["head"].mean(0)
        bodies = [np.concatenate([each["head"], each["hand"]]) for each in (found, true)]
        self._errors["pve_mm"].append(1000 * mean_distance(bodies[0] - centre, bodies[1] - true_centre))
        joints, others = found["joints"] - centre, true["joints"] - true_centre
        self._errors["mpjpe_mm"].append(1000 * mean_distance(joints, others))
        self._errors["pa_mpjpe_mm"].append(1000 * mean_distance(procrustes(joints, others), others))
        for name, score in self._contact.items():
            score.add(found[f"{name}_contact"], true[f"{name}_contact"])
        distance = hand_distances(PartsIndex(found["head"], self._triangles), found["hand"])
        self._plausibility.add(distance)
        if is_touching(hand_distances(PartsIndex(true["head"], self._triangles), true["hand"])):
            self._touching += 1
            self._found_touching += is_touching(distance)

    def result(self) -> dict[str, Any]:
        """pve_mm, mpjpe_mm, pa_mpjpe_mm, non_col_percent, col_dist_mm, touchness_percent, f_percent and contact, as
        `dice metrics` has them; None where there is nothing to compare."""
        non_col = self._plausibility.non_col_percent
        touchness = 100 * self._found_touching / self._touching if self._touching else None
        both = touchness is not None and non_col is not None
        return {
            **{name: float(np.mean(values)) if values else None for name, values in self._errors.items()},
            "non_col_percent": non_col,
            "col_dist_mm": self._plausibility.col_dist_mm,
            "touchness_percent": touchness,
            "f_percent": harmonic_mean(touchness, non_col) if both else None,  # type: ignore[arg-type]
            "contact": {name: score.result() for name, score in self._contact.items()},
        }
