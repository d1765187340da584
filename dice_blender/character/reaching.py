"""Keys of an arm's IK controls: its hand's goes where the hand has to be, and its pole leads the elbow."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
import numpy as np
from mathutils import Matrix

from ..scene.object_data import armature_of
from .ik_arms import local_of
from .rig import RigPart

__all__ = ["ReachingArm"]

# Of the arm's length: how far the elbow has to stand beside the line from shoulder to wrist for its side to be known,
# and how far from it a pole is put at least. Set by hand.
_BENT, _POLE_AWAY = 0.02, 0.5
_TINY = 1e-9


class ReachingArm:
    """Where the IK controls of one arm stand in T frames, corrected by where the skin's bones are found.

    taken : the roles whose FK controls need no keys; measured : name -> bone that has to be measured for `correct`.
    """

    def __init__(self, part: RigPart, side: str, turns: Mapping[str, np.ndarray]) -> None:
        """turns : role -> (T, 4, 4) from rest, in the armature's space, with `hand.SIDE` among them."""
        bones = armature_of(part.armature).bones
        self._bones, self._arm = bones, part.controls.arms[side]
        names = {limb: part.roles.get(f"{limb}.{side}", "") for limb in ("upper_arm", "forearm", "hand")}
        self._role = f"hand.{side}"
        turn = turns[self._role]
        self._wanted = turn @ np.array(bones[names["hand"]].matrix_local, np.float64)
        control = np.array(bones[self._arm.hand].matrix_local, np.float64)
        self._stands = turn @ control
        if not self._arm.turns_hand:
            self._stands[:, :3, :3] = control[:3, :3]
        self.measured = {"hand": names["hand"], "above hand": self._above(self._arm.hand)}
        self._pole: _Pole | None = None
        if self._arm.pole and all(names.values()) and f"upper_arm.{side}" in turns:
            shoulder, elbow, wrist = (np.array([*_place(bones[name]), 1.0]) for name in names.values())
            upper = turns[f"upper_arm.{side}"]
            rest = np.array([shoulder, elbow, wrist, [*_place(bones[self._arm.pole]), 1.0]])[:, :3]
            self._pole = _Pole((upper @ shoulder)[:, :3], (upper @ elbow)[:, :3], (turn @ wrist)[:, :3], rest)
            self.measured |= {"elbow": names["forearm"], "above pole": self._above(self._arm.pole)}
        own = set(self._arm.chain) & {part.controls.of.get(f"{limb}.{side}") for limb in ("upper_arm", "forearm")}
        # Without a pole the elbow stays where the chain's own keys put it, if they are the skin's bones.
        arm_roles = () if own and self._pole is None else ("upper_arm", "forearm")
        self.taken = {f"{limb}.{side}" for limb in (*arm_roles, *(["hand"] if self._arm.turns_hand else []))}

    def _above(self, bone: str) -> str:
        above = self._bones[bone].parent
        return "" if above is None else above.name

    def off(self, there: Mapping[str, np.ndarray]) -> float:
        """The largest distance of hand and elbow from their places. there : name of `measured` -> (T, 4, 4)."""
        rows = slice(None) if self._arm.turns_hand else slice(3, None)
        found = float(np.abs(there["hand"] - self._wanted)[:, :3, rows].max())
        return max(found, self._pole.off(there["elbow"][:, :3, 3]) if self._pole is not None else 0.0)

    def moves(self, there: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Role -> (T, 4, 4) by which its bone of the skin has yet to move."""
        return {self._role: self._wanted @ np.linalg.inv(there["hand"])}

    def correct(self, there: Mapping[str, np.ndarray]) -> None:
        """Move the controls by what hand and elbow are off."""
        missing = self._wanted @ np.linalg.inv(there["hand"])
        if self._arm.turns_hand:
            self._stands = missing @ self._stands
        else:
            self._stands[:, :3, 3] += self._wanted[:, :3, 3] - there["hand"][:, :3, 3]
        if self._pole is not None:
            self._pole.correct(there["elbow"][:, :3, 3])

    def channels(self, there: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Control -> (T, 4, 4) of its own channels. there : as measured last, {} where everything rests above them."""
        found = {self._arm.hand: self._local(self._arm.hand, self._stands, there.get("above hand"))}
        if self._pole is not None:
            pole = np.tile(np.array(self._bones[self._arm.pole].matrix_local, np.float64), (len(self._stands), 1, 1))
            pole[:, :3, 3] = self._pole.places()
            local = self._local(self._arm.pole, pole, there.get("above pole"))
            local[:, :3, :3] = np.eye(3)
            found[self._arm.pole] = local
        return found

    def turned(self) -> set[str]:
        """The controls that need keys of rotation."""
        return {self._arm.hand} if self._arm.turns_hand else set()

    def _local(self, name: str, matrices: np.ndarray, above: np.ndarray | None) -> np.ndarray:
        bone = self._bones[name]
        parents = [None] * len(matrices) if above is None else [Matrix(one.tolist()) for one in above]
        pairs = zip(matrices, parents, strict=True)
        return np.array([local_of(bone, Matrix(matrix.tolist()), parent) for matrix, parent in pairs], np.float64)


class _Pole:
    """A point beside the arm that its elbow points at. shoulder, elbow, wrist : (T, 3) where they have to be;
    rest : (4, 3) where these and the pole rest."""

    def __init__(self, shoulder: np.ndarray, elbow: np.ndarray, wrist: np.ndarray, rest: np.ndarray) -> None:
        length = float(np.linalg.norm(rest[1] - rest[0]) + np.linalg.norm(rest[2] - rest[1]))
        self._axis = _unit(wrist - shoulder)
        aside = elbow - shoulder
        along = np.einsum("ti,ti->t", aside, self._axis)
        self._centre = shoulder + along[:, None] * self._axis
        aside = elbow - self._centre
        self._known = np.linalg.norm(aside, axis=1) > _BENT * length
        axis = _unit((rest[2] - rest[0])[None])[0]
        away = rest[3] - rest[1]
        away -= (away @ axis) * axis
        self._far = max(float(np.linalg.norm(away)), _POLE_AWAY * length)
        if not self._known.any():
            aside = np.tile(away, (len(elbow), 1))
        elif not self._known.all():
            aside = aside[_nearest(self._known)]
        aside = aside - np.einsum("ti,ti->t", aside, self._axis)[:, None] * self._axis
        self._out = _unit(aside)
        self._across = np.cross(self._axis, self._out)
        self._angle = np.zeros(len(elbow))

    def places(self) -> np.ndarray:
        """(T, 3) where the pole stands."""
        way = np.cos(self._angle)[:, None] * self._out + np.sin(self._angle)[:, None] * self._across
        return self._centre + self._far * way

    def off(self, elbow: np.ndarray) -> float:
        """How far around the arm the elbow (T, 3) is from where it has to be; how far from it is up to the rig."""
        across = np.einsum("ti,ti->t", elbow - self._centre, self._across)
        return float(np.abs(across[self._known]).max(initial=0.0))

    def correct(self, elbow: np.ndarray) -> None:
        """Go around the arm by the angle that the elbow (T, 3) is off."""
        if not self._known.any():
            return
        aside = elbow - self._centre
        off = np.arctan2(np.einsum("ti,ti->t", aside, self._across), np.einsum("ti,ti->t", aside, self._out))
        self._angle = (self._angle - off)[_nearest(self._known)]


def _place(bone: bpy.types.Bone) -> tuple[float, ...]:
    return tuple(np.array(bone.head_local, np.float64).tolist())


def _nearest(known: np.ndarray) -> np.ndarray:
    """(T,) for each frame the nearest one of those that are known, (T,) bool."""
    frames = np.flatnonzero(known)
    nearest: np.ndarray = frames[np.abs(np.arange(len(known))[:, None] - frames).argmin(axis=1)]
    return nearest


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), _TINY)
