"""How often what happens in the simulated scenes, and how wrong the head is behind them.

Two recipes, of which each trains a network: the mean of both is better than either alone (docs/accuracy.md). All shares
and ranges were set by hand, for phone footage and portraits of people who touch their faces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["RECIPES", "Recipe"]


@dataclass(frozen=True)
class Recipe:
    """touching, missing : shares of hands that touch, and that end a little before the face; all others are free;
    regions : of the face, each with its share of all touches; fields_of_view : degrees, of phones held close and of
    portrait lenses; turn_sigma : degrees about each axis, deviation of the fitted head's rotation from the true one."""

    name: str
    touching: float
    missing: float
    regions: Mapping[str, float]
    fields_of_view: tuple[float, float]
    turn_sigma: float


_EXACT = Recipe(
    "exact heads",
    touching=0.62,
    missing=0.10,
    regions={
        "cheek": 0.32,
        "jaw": 0.17,
        "chin": 0.13,
        "lips": 0.1,
        "forehead": 0.08,
        "nose": 0.07,
        "eye": 0.07,
        "brow": 0.03,
        "ear": 0.03,
    },
    fields_of_view=(18.0, 55.0),
    turn_sigma=0.0,
)

# More near misses and ears, wider lenses, and heads as wrong as they were fitted to rendered stills.
_FITTED = Recipe(
    "fitted heads",
    touching=0.56,
    missing=0.18,
    regions={**_EXACT.regions, "cheek": 0.29, "jaw": 0.16, "chin": 0.12, "forehead": 0.09, "ear": 0.07},
    fields_of_view=(18.0, 68.0),
    turn_sigma=3.5,
)

RECIPES = (_EXACT, _FITTED)
