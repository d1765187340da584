"""From what the network read of frames to what a take holds: gaps filled, smoothed, contact refined on demand."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dice_core.contact.soft_tissue import SoftTissue
from dice_core.contact.touch_events import TOUCHING
from dice_core.engines.base import SIDES, Columns, Press
from dice_core.engines.dice.contact_refinement import lifting_shift, resting_shift, spread_over_time
from dice_core.engines.postprocess import INTERPOLATED, ChunkFinisher, press_hand
from dice_core.fitting.temporal_filter import (
    fill_gaps,
    interpolate,
    interpolate_rotation,
    longest_gap,
    reach,
    smooth,
    smooth_rotation,
    smoothing_weights,
)
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import Mesh, triangles
from dice_core.geometry.rotations import rotation_matrices

if TYPE_CHECKING:
    from dice_core.network.body_models.posing import TakeBodies

__all__ = ["DiceFinisher"]

_CONTACTS = tuple(f"contact_{side}" for side in SIDES)
_HEAD_VALUES = ("translation", "expression", "jaw", *(f"deformation_{side}" for side in SIDES), *_CONTACTS)
_HAND_VALUES = ("translation", "contact")


class DiceFinisher(ChunkFinisher):
    """Turns windows of columns into the arrays of a chunk.

    mesh : gives a mesh of the take by its name; solve_contact : let the project's own contact stage work on the
    network's result, so that the hand lies on the head where it touches it, and no longer inside.
    """

    def __init__(self, bodies: TakeBodies, mesh: Callable[[str], Mesh], fps: float, *, solve_contact: bool) -> None:
        self._bodies = bodies
        self._mesh = mesh
        self._fps = fps
        self._gap = longest_gap(fps)
        self._solve_contact = solve_contact
        self._hand_triangles: dict[str, np.ndarray] = {}

    @cached_property
    def _tissue(self) -> SoftTissue:
        from dice_core.network.body_models.regions import head_tissue_of_mesh

        head = self._mesh("head")
        return SoftTissue(head_tissue_of_mesh(head), head.rest_vertices, triangles(head))

    @cached_property
    def _skin(self) -> SurfaceIndex:
        """What a hand can touch of the head."""
        corners, touchable = self._tissue.triangles, self._tissue.tissue.touchable
        return SurfaceIndex(self._mesh("head").rest_vertices, corners[touchable[corners].all(axis=1)])

    def _steady_head(self, window: Columns, single: bool) -> Columns:
        return self._steady(window, "head", _HEAD_VALUES, single)

    def _steady_hand(self, window: Columns, side: str, single: bool) -> Columns:
        return self._steady(window, side, _HAND_VALUES, single)

    def _steady(self, window: Columns, name: str, values: tuple[str, ...], single: bool) -> Columns:
        steady: Columns = {"tracked": window[name].astype(np.uint8), "rotation": window[f"{name}.rotation"].copy()}
        steady |= {value: window[f"{name}.{value}"].astype(np.float64) for value in values}
        if single:
            return steady
        fill, before, after = fill_gaps(steady["tracked"] > 0, self._gap)
        steady["tracked"][fill] = INTERPOLATED
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
        for value in values:
            if value.startswith("contact"):
                steady[value] = np.clip(steady[value], 0, 1)
        return steady

    def _settle(self, head: Columns, hands: dict[str, Columns], start: int, stop: int) -> None:
        """Move hands that the network lets touch the head onto its skin, and hands that are far inside towards it."""
        if not self._solve_contact:
            return
        around = reach(self._fps)
        rows = np.arange(max(0, start - around), min(stop + around, len(head["tracked"])))
        for side, hand in hands.items():
            both = rows[(head["tracked"][rows] > 0) & (hand["tracked"][rows] > 0)]
            if not len(both):
                continue
            skins, _, _ = self._skins(head, both)
            poses = self._bodies.hand_vertices(side, hand["rotation"][both], hand["translation"][both])
            touched = head[f"contact_{side}"][both].max(axis=1) >= TOUCHING
            contact = hand["contact"][both] * touched[:, None]
            shifts = np.zeros((len(hand["tracked"]), 3))
            for row, skin, posed, touching in zip(both, skins, poses, contact, strict=True):
                surface = self._skin.moved(skin)
                shift = resting_shift(surface, posed, touching)
                shifts[row] = shift + lifting_shift(surface, posed + shift)
            known = (shifts != 0).any(axis=1)
            known[both] |= contact.max(axis=1) >= TOUCHING
            spread = spread_over_time(shifts[rows], known[rows], self._fps)
            hand["translation"][rows] += spread

    def _skins(self, head: Columns, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Deformed vertices, undeformed vertices and deformation of rows, (T, V, 3) each in camera space."""
        part = {key: value[rows] for key, value in head.items()}
        local = self._bodies.head_local(part["expression"], part["jaw"])
        vertices = self._bodies.head_vertices(local, part["rotation"], part["translation"])
        left, right = part["deformation_left"], part["deformation_right"]
        # Each hand's dents are seen in a view of its own: the deeper of the two at each vertex.
        deeper = (left**2).sum(-1, keepdims=True) > (right**2).sum(-1, keepdims=True)
        added = np.where(deeper, left, right) @ np.swapaxes(rotation_matrices(part["rotation"]), -1, -2)
        added = added.astype(np.float32)
        return vertices + added, vertices, added

    def _head_arrays(self, window: Columns, head: Columns, start: int, stop: int) -> dict[str, np.ndarray]:
        part = {key: value[start:stop] for key, value in head.items()}
        present = part["tracked"] > 0
        _, vertices, deformation = self._skins(head, np.arange(start, stop))
        contact = np.maximum(part["contact_left"], part["contact_right"])
        return {
            "tracked": part["tracked"],
            "vertices": _where(present, vertices),
            "deformation": _where(present, deformation),
            "contact": _where(present, contact.astype(np.float32)),
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

    def _press(self, out: dict[str, dict[str, np.ndarray]], head: Columns, row: int, k: int, side: str) -> Press:
        """What the network saw of this hand's touch, and what the contact stage adds where it is wanted."""
        name = f"hand_{side}"
        contact, deformation = head[f"contact_{side}"][row], head[f"deformation_{side}"][row]
        if self._solve_contact:
            if side not in self._hand_triangles:
                self._hand_triangles[side] = triangles(self._mesh(name))
            pressed = press_hand(self._tissue, out["head"], out[name], k, self._hand_triangles[side])
            contact = np.maximum(contact, pressed.head_contact)
            deformation = deformation + pressed.deformation @ rotation_matrices(head["rotation"][row])
        return Press(k, name, contact, deformation)


def _where(present: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values with the rows of absent frames zero."""
    return np.where(present.reshape(-1, *([1] * (values.ndim - 1))), values, np.zeros((), values.dtype))
