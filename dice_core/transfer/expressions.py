"""Expressions of a take on a character's own keys, by its table of names, gains and offsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.transfer.files import Character

__all__ = ["ExpressionCurves", "apply_table", "key_deltas"]


@dataclass(frozen=True)
class ExpressionCurves:
    """names : E keys of the target; weights : (T, E) float32; unknown : sources of the table that no take has."""

    names: tuple[str, ...]
    weights: np.ndarray
    unknown: tuple[str, ...]


def apply_table(table: Sequence[dict[str, Any]], expression: np.ndarray) -> ExpressionCurves:
    """Weights of the target's keys: the sum over the table's rows of gain times source, plus offset.

    table : as of `Character.expressions`; expression : (T, 52).
    """
    names = tuple(dict.fromkeys(str(row["target"]) for row in table))
    weights = np.zeros((len(expression), len(names)))
    unknown = []
    for row in table:
        if row["source"] not in EXPRESSION_NAMES:
            unknown.append(str(row["source"]))
            continue
        source = expression[:, EXPRESSION_NAMES.index(row["source"])]
        weights[:, names.index(row["target"])] += float(row["gain"]) * source + float(row["offset"])
    return ExpressionCurves(names, weights.astype(np.float32), tuple(unknown))


def key_deltas(character: Character, names: Sequence[str]) -> np.ndarray:
    """(E, V, 3) float32 what keys add, world axes; keys of one name on several objects count as one."""
    deltas = np.zeros((len(names), len(character.vertices), 3), np.float32)
    for k, name in enumerate(names):
        for row in [i for i, key in enumerate(character.shape_key_names) if key == name]:
            deltas[k] += character.shape_key_deltas[row]
    return deltas
