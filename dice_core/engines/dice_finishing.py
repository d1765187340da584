"""From what the network read of frames to what a take holds: gaps filled, smoothed, contact refined on demand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dice_core.contact.soft_tissue import SoftTissue
from dice_core.engines.finished import Columns, Finished, Press
from dice_core.fitting.smoothing import (
    fill_gaps,
    interpolate,
    interpolate_rotation,
    longest_gap,
    smooth,
    smooth_rotation,
    smoothing_weights,
)
from dice_core.mesh import Mesh, rotation_matrices, triangles

if TYPE_CHECKING:
    from dice_core.network.posing import TakeBodies

__all__ = ["DiceFinisher"]

_INTERPOLATED = 2
_SIDES = ("left", "right")
_HEAD_VALUES = ("translation", "expression", "jaw", "deformation", "contact")
_HAND_VALUES = ("translation", "contact")


class DiceFinisher:
    """Turns windows of columns into the arrays of a chunk.

    mesh : gives a mesh of the take by its name; solve_contact : let the project's own contact stage work on the
    network's result, so that the hand no longer lies inside the head.
    """

    def __init__(self, bodies: TakeBodies, mesh: Callable[[str], Mesh], fps: float, *, solve_contact: bool) -> None:
        self._bodies = bodies
        self._mesh = mesh
        self._fps = fps
        self._gap = longest_gap(fps)
        self._tissue: SoftTissue | None = None
        if solve_contact:
            from dice_core.network.regions import head_tissue_of_mesh

            head = mesh("head")
            self._tissue = SoftTissue(head_tissue_of_mesh(head), head.rest_vertices, triangles(head))

    def finish(self, window: Columns, start: int, stop: int) -> Finished:
        """Rows start..stop-1 as the take holds them; a mesh that is in none of them is left out."""
        single = len(window["frame"]) == 1
        head = self._steady(window, "head", _HEAD_VALUES, single)
        hands = {side: self._steady(window, side, _HAND_VALUES, single) for side in _SIDES}
        out: dict[str, dict[str, np.ndarray]] = {}
        if head["tracked"][start:stop].any():
            out["head"] = self._head_arrays(window, head, start, stop)
        for side in _SIDES:
            if hands[side]["tracked"][start:stop].any():
                out[f"hand_{side}"] = self._hand_arrays(window, hands[side], side, start, stop)
        presses: list[Press] = []
        for k, row in enumerate(range(start, stop)):
            if head["tracked"][row]:
                presses += self._press(out, k, [side for side in _SIDES if hands[side]["tracked"][row]])
        return Finished(window["frame"][start:stop], out, presses)

    def _steady(self, window: Columns, name: str, values: tuple[str, ...], single: bool) -> Columns:
        steady: Columns = {"tracked": window[name].astype(np.uint8), "rotation": window[f"{name}.rotation"].copy()}
        steady |= {value: window[f"{name}.{value}"].astype(np.float64) for value in values}
        if single:
            return steady
        fill, before, after = fill_gaps(steady["tracked"] > 0, self._gap)
        steady["tracked"][fill] = _INTERPOLATED
        weights_from = steady["tracked"] > 0
        weights = smoothing_weights(weights_from, self._fps)
        turns = steady["rotation"].reshape(len(weights_from), -1, 3)
        for joint in range(turns.shape[1]):
            turn = turns[:, joint].copy()
            interpolate_rotation(turn, fill, before, after)
            turns[:, joint] = smooth_rotation(turn, weights)
        for value in values:
            interpolate(steady[value], fill, before, after)
            steady[value] = smooth(steady[value], weights)
        steady["contact"] = np.clip(steady["contact"], 0, 1)
        return steady

    def _head_arrays(self, window: Columns, head: Columns, start: int, stop: int) -> dict[str, np.ndarray]:
        part = {key: value[start:stop] for key, value in head.items()}
        present = part["tracked"] > 0
        local = self._bodies.head_local(part["expression"], part["jaw"])
        vertices = self._bodies.head_vertices(local, part["rotation"], part["translation"])
        turned = part["deformation"] @ np.swapaxes(rotation_matrices(part["rotation"]), -1, -2)
        return {
            "tracked": part["tracked"],
            "vertices": _where(present, vertices),
            "deformation": _where(present, turned.astype(np.float32)),
            "contact": _where(present, part["contact"].astype(np.float32)),
            "rotation": _where(present, part["rotation"].astype(np.float32))[:, None],
            "translation": _where(present, part["translation"].astype(np.float32)),
            "expression": _where(present, self._bodies.expression_keys(part["expression"])),
            "landmarks": window["head.landmarks"][start:stop],
            "confidence": window["head.confidence"][start:stop],
        }

    def _hand_arrays(self, window: Columns, hand: Columns, side: str, start: int, stop: int) -> dict[str, np.ndarray]:
        part = {key: value[start:stop] for key, value in hand.items()}
        present = part["tracked"] > 0
        vertices = self._bodies.hand_vertices(side, part["rotation"], part["translation"])
        return {
            "tracked": part["tracked"],
            "vertices": _where(present, vertices),
            "deformation": np.zeros_like(vertices),
            "contact": _where(present, part["contact"].astype(np.float32)),
            "rotation": _where(present, part["rotation"].astype(np.float32)),
            "translation": _where(present, part["translation"].astype(np.float32)),
            "landmarks": window[f"{side}.landmarks"][start:stop],
            "confidence": window[f"{side}.confidence"][start:stop],
        }

    def _press(self, out: dict[str, dict[str, np.ndarray]], k: int, sides: list[str]) -> list[Press]:
        """Who touches the head in one row, after the contact stage where it is wanted.

        The network does not say which hand its contact on the head belongs to: it read the head with the hand of the
        take's main side, so that hand has it.
        """
        head = out["head"]
        presses = []
        main = "left" if self._bodies.mirrored_head else "right"
        for side in sides:
            contact = head["contact"][k].copy() if side == main else np.zeros_like(head["contact"][k])
            deformation = head["deformation"][k].copy() if side == main else np.zeros_like(head["deformation"][k])
            if self._tissue is not None:
                hand = out[f"hand_{side}"]
                skin = head["vertices"][k] + head["deformation"][k]
                pressed = self._tissue.solve(skin, hand["vertices"][k], triangles(self._mesh(f"hand_{side}")))
                shift = pressed.hand_shift.astype(np.float32)
                hand["vertices"][k] += shift
                hand["translation"][k] += shift
                hand["contact"][k] = np.maximum(hand["contact"][k], pressed.hand_contact)
                head["deformation"][k] += pressed.deformation
                head["contact"][k] = np.maximum(head["contact"][k], pressed.head_contact)
                contact = np.maximum(contact, pressed.head_contact)
                deformation = deformation + pressed.deformation
            presses.append(Press(k, f"hand_{side}", contact, deformation))
        return presses


def _where(present: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values with the rows of absent frames zero."""
    return np.where(present.reshape(-1, *([1] * (values.ndim - 1))), values, np.zeros((), values.dtype))
