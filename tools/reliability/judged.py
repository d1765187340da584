"""Hands of captures with what they are judged by, and whether they are right."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from accuracy.capturing import capture_item, figures_of, take_path

from dice_core.fitting.reliability import FEATURES, RIGHT_DEPTH, Reliability
from dice_core.take import Take, open_take

__all__ = ["JudgedHands", "item_hands", "joined"]

_STEP = 2.0**-20
"""What a hand's number is stored by in place of its reliability: single precision holds a million of them exactly."""
_ALL = "nothing"  # of the stages is replaced by the truth


@dataclass(frozen=True)
class JudgedHands:
    """n hands of frames: features (n, F); right (n,) bool; weight (n,), which makes a clip count for less than as many
    pictures as it has frames."""

    features: np.ndarray
    right: np.ndarray
    weight: np.ndarray


class _Noting:
    """In the place of the regression: keeps the features, and answers with a number for each."""

    def __init__(self) -> None:
        self.rows: list[np.ndarray] = []

    def predict(self, features: np.ndarray) -> np.ndarray:
        first = len(self.rows)
        self.rows.extend(features)
        return np.arange(first, len(self.rows)) * _STEP


def item_hands(name: str, *, folder: Path) -> JudgedHands:
    """Capture an item of a set that tools/benchmark_accuracy.py has made, and judge its hands by the truth."""
    noting = _Noting()
    with mock.patch.object(Reliability, "load", return_value=noting):
        capture_item(name, folder=folder, replaced=_ALL)
    take = open_take(take_path(folder, name, _ALL))
    number: list[int] = []
    right: list[bool] = []
    for row in figures_of(folder, name, _ALL)["frames"]:
        known = {hand["hand"]: hand for hand in row["hands"]}
        for mesh, index in _numbers(take, row["frame"]).items():
            if known:  # of hands that are mostly beside the picture nothing is known
                number.append(index)
                right.append(_is_right(known.get(mesh)))
    features = np.array([noting.rows[k] for k in number]).reshape(-1, len(FEATURES))
    weight = np.full(len(right), 1 / np.sqrt(max(len(right), 1)))
    return JudgedHands(features, np.array(right, bool), weight)


def joined(parts: list[JudgedHands]) -> JudgedHands:
    """The hands of several items."""
    names = ("features", "right", "weight")
    return JudgedHands(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _numbers(take: Take, frame: int) -> dict[str, int]:
    """The numbers that the hands of a frame were given, by the names of their meshes."""
    row = int(np.searchsorted(take.frames, frame))
    values = {mesh: take.array(f"reliability_{mesh}")[row] for mesh in take.meshes if mesh != "head"}
    return {mesh: round(float(value) / _STEP) for mesh, value in values.items() if value >= 0}


def _is_right(hand: dict[str, Any] | None) -> bool:
    """Whether a hand of the take is there, on its side, as far from the camera as it should be, and touches rightly."""
    if hand is None or not hand["found"] or hand["wrong_side"] or "depth" not in hand:
        return False
    return abs(hand["depth"]) <= 1000 * RIGHT_DEPTH and hand["touches"] == hand["called"]
