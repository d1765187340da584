"""From the poses of single frames to what a take holds: gaps filled, smoothed, skin pressed in where hands touch."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from dice_core.contact.soft_tissue import SoftTissue
from dice_core.contact.tissue.stiffness import Tissue
from dice_core.engines.base import SIDES, Columns, Press
from dice_core.engines.open.survey import Person
from dice_core.engines.postprocess import INTERPOLATED, ChunkFinisher, press_hand
from dice_core.fitting.temporal_filter import (
    BLINK_SECONDS,
    EXPRESSION_SECONDS,
    fill_gaps,
    interpolate,
    interpolate_rotation,
    longest_gap,
    smooth,
    smooth_rotation,
    smoothing_weights,
)
from dice_core.geometry.mesh import triangles

__all__ = ["Finisher"]

_QUICK_ACTIONS = ("eyeBlink",)
_SHORTEST_STAY_SECONDS = 0.1  # a hand seen more briefly is a misdetection
_HEAD_LANDMARKS = 468


class Finisher(ChunkFinisher):
    """Turns windows of columns into the arrays of a chunk."""

    def __init__(self, person: Person, tissue: Tissue, fps: float) -> None:
        self.person = person
        self.fps = fps
        self._gap = longest_gap(fps)
        self._stay = max(1, round(_SHORTEST_STAY_SECONDS * fps))
        self._quick = np.array([name.startswith(_QUICK_ACTIONS) for name in person.head.expression_names])
        self._person_tissue = tissue
        self._hand_triangles = {side: triangles(person.hand(side).mesh) for side in SIDES}

    @cached_property
    def _tissue(self) -> SoftTissue:
        # Made when the first hand is there: a second or more that clips of heads alone need not wait for.
        mesh = self.person.head_mesh()
        return SoftTissue(self._person_tissue, mesh.rest_vertices, triangles(mesh))

    def expect_hands(self) -> None:
        """Make what hands on a face need now: half a second that stopping a capture should not wait for."""
        _ = self._tissue

    def _steady_head(self, window: Columns, single: bool) -> Columns:
        tracked = window["head"].astype(np.uint8)
        rotation, translation = window["head.rotation"].copy(), window["head.translation"].copy()
        expression = window["head.expression"].copy()
        if not single:
            self._fill(tracked, [rotation], [translation, expression])
            weights = smoothing_weights(tracked > 0, self.fps)
            rotation = smooth_rotation(rotation, weights)
            translation = smooth(translation, weights)
            quick = smoothing_weights(tracked > 0, self.fps, BLINK_SECONDS)
            slow = smoothing_weights(tracked > 0, self.fps, EXPRESSION_SECONDS)
            expression = np.where(self._quick, smooth(expression, quick), smooth(expression, slow))
            expression = np.clip(expression, 0, 1)
        return {"tracked": tracked, "rotation": rotation, "translation": translation, "expression": expression}

    def _steady_hand(self, window: Columns, side: str, single: bool) -> Columns:
        tracked = window[side].astype(np.uint8)
        pose = window[f"{side}.pose"]
        rotation, rest = pose[:, :3].copy(), pose[:, 3:].copy()
        if not single:
            self._fill(tracked, [rotation], [rest])
            _drop_short(tracked, self._stay)
            weights = smoothing_weights(tracked > 0, self.fps)
            rotation = smooth_rotation(rotation, weights)
            rest = smooth(rest, weights)
        hand = self.person.hand(side)
        angles = np.clip(rest[:, 3:], hand.dof_lower, hand.dof_upper)
        return {"tracked": tracked, "rotation": rotation, "translation": rest[:, :3], "angles": angles}

    def _fill(self, tracked: np.ndarray, rotations: list[np.ndarray], values: list[np.ndarray]) -> None:
        fill, before, after = fill_gaps(tracked > 0, self._gap)
        tracked[fill] = INTERPOLATED
        for rotation in rotations:
            interpolate_rotation(rotation, fill, before, after)
        for value in values:
            interpolate(value, fill, before, after)

    def _head_arrays(self, window: Columns, head: Columns, start: int, stop: int) -> dict[str, np.ndarray]:
        model, shape = self.person.head, self.person.head_shape
        count, joints = stop - start, len(model.mesh.joints)
        size = len(model.mesh.rest_vertices)
        present = head["tracked"][start:stop] > 0
        arrays: dict[str, np.ndarray] = {
            "tracked": np.where(present, head["tracked"][start:stop], 0).astype(np.uint8),
            "vertices": np.zeros((count, size, 3), np.float32),
            "deformation": np.zeros((count, size, 3), np.float32),
            "contact": np.zeros((count, size), np.float32),
            "rotation": np.zeros((count, joints, 3), np.float32),
            "translation": np.zeros((count, 3), np.float32),
            "expression": np.zeros((count, len(model.expressions)), np.float32),
            "landmarks": window["head.landmarks"][start:stop, :_HEAD_LANDMARKS, :2].astype(np.float32),
            "confidence": window["head.confidence"][start:stop].astype(np.float32),
        }
        for k in np.flatnonzero(present):
            row = start + k
            arrays["rotation"][k, 0] = head["rotation"][row]
            arrays["translation"][k] = head["translation"][row]
            arrays["expression"][k] = head["expression"][row]
            arrays["vertices"][k] = model.pose(
                shape, arrays["expression"][k], head["rotation"][row], head["translation"][row]
            )
        return arrays

    def _hand_arrays(self, window: Columns, hand: Columns, side: str, start: int, stop: int) -> dict[str, np.ndarray]:
        person = self.person
        model = person.hand(side)
        count, size = stop - start, len(model.mesh.rest_vertices)
        present = hand["tracked"][start:stop] > 0
        arrays: dict[str, np.ndarray] = {
            "tracked": hand["tracked"][start:stop].astype(np.uint8),
            "vertices": np.zeros((count, size, 3), np.float32),
            "deformation": np.zeros((count, size, 3), np.float32),
            "contact": np.zeros((count, size), np.float32),
            "rotation": np.zeros((count, len(model.mesh.joints), 3), np.float32),
            "translation": np.zeros((count, 3), np.float32),
            "landmarks": window[f"{side}.landmarks"][start:stop, :, :2].astype(np.float32),
            "confidence": window[f"{side}.confidence"][start:stop].astype(np.float32),
        }
        for k in np.flatnonzero(present):
            row = start + k
            rotation, angles, translation = hand["rotation"][row], hand["angles"][row], hand["translation"][row]
            arrays["rotation"][k] = model.rotation_vectors(rotation, angles)
            arrays["translation"][k] = translation
            arrays["vertices"][k] = model.pose(person.hand_shape, person.hand_scale, rotation, angles, translation)
        return arrays

    def _press(self, out: dict[str, dict[str, np.ndarray]], head: Columns, row: int, k: int, side: str) -> Press:
        name = f"hand_{side}"
        pressed = press_hand(self._tissue, out["head"], out[name], k, self._hand_triangles[side])
        return Press(k, name, pressed.head_contact, pressed.deformation)


def _drop_short(tracked: np.ndarray, shortest: int) -> None:
    """Take back, in place, stretches that are shorter than `shortest` and end on both sides within the window."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (tracked > 0).astype(int), [0]])))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if last - first < shortest and first > 0 and last < len(tracked):
            tracked[first:last] = 0
