"""The arm that brings a hand where it has to be: two bones, an elbow, and a shoulder that helps a little.

Everything in the character's world.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.geometry.rotations import rotation_matrices
from dice_core.transfer.files import Character
from dice_core.transfer.own_axes import own_axes
from dice_core.transfer.turns import least_turn, twist_about

__all__ = ["Arm", "ArmPose", "arm_of"]

# All of these were set by hand, by the look of arms that reach for a face.

STRETCH = 0.995
"""Longest reach in lengths of the straight arm: a fully straight elbow has no direction."""

SHOULDER_FROM = 0.93
"""Share of the reach from which the shoulder begins to help."""

SHOULDER_MOST = np.radians(25.0)
"""Radians that a collar bone turns at most."""

STRAIGHT = 0.03
"""Share of the arm's length: an elbow nearer than this to the line from shoulder to wrist has no side."""

REST_SIDE, DOWN_SIDE = 0.6, 1.0
"""How much the elbow stays on its side in the rest pose, and how much it hangs."""

FOREARM_TWIST = 0.5
"""Share of the hand's turn about the forearm that the forearm takes over."""


@dataclass(frozen=True)
class ArmPose:
    """Turns (3, 3) from rest of the shoulder, upper arm and forearm; wrist : (3,), where the hand comes to be;
    missing : how far that is from where it should be."""

    shoulder: np.ndarray
    upper: np.ndarray
    forearm: np.ndarray
    wrist: np.ndarray
    missing: float


@dataclass(frozen=True)
class Arm:
    """Joints at rest, (3,) each; collar : of the shoulder's bone, None without one; axes : (3, 3) the character's own,
    rows left, back and up."""

    collar: np.ndarray | None
    shoulder: np.ndarray
    elbow: np.ndarray
    wrist: np.ndarray
    axes: np.ndarray

    @property
    def lengths(self) -> tuple[float, float]:
        return float(np.linalg.norm(self.elbow - self.shoulder)), float(np.linalg.norm(self.wrist - self.elbow))

    def reach_for(self, wrist: np.ndarray, hand_turn: np.ndarray) -> ArmPose:
        """The pose that brings the wrist to a point (3,); hand_turn : (3, 3) of the hand from rest."""
        upper, lower = self.lengths
        reach = upper + lower
        collar_turn, shoulder = self._shrug(wrist, reach)
        way = wrist - shoulder
        distance = float(np.linalg.norm(way))
        bent = float(np.clip(distance, abs(upper - lower) + 0.02 * reach, STRETCH * reach))
        along = way / max(distance, 1e-9)
        side = self._side(along, collar_turn)
        cosine = np.clip((upper**2 + bent**2 - lower**2) / (2 * upper * bent), -1, 1)
        elbow = shoulder + upper * (cosine * along + np.sqrt(1 - cosine**2) * side)
        reached = shoulder + bent * along
        rest_side = self._rest_side()
        rest_normal = np.cross(self.wrist - self.shoulder, rest_side)
        normal = np.cross(along, side)
        upper_turn = _frame(elbow - shoulder, normal) @ _frame(self.elbow - self.shoulder, rest_normal).T
        lower_turn = _frame(reached - elbow, normal) @ _frame(self.wrist - self.elbow, rest_normal).T
        axis = (reached - elbow) / np.linalg.norm(reached - elbow)
        twist = FOREARM_TWIST * twist_about(hand_turn @ lower_turn.T, axis)
        lower_turn = rotation_matrices(twist * axis) @ lower_turn
        return ArmPose(collar_turn, upper_turn, lower_turn, reached, float(np.linalg.norm(reached - wrist)))

    def _shrug(self, wrist: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
        """Turn of the collar bone, and where the shoulder comes to be."""
        if self.collar is None:
            return np.eye(3), self.shoulder
        lack = float(np.linalg.norm(wrist - self.shoulder)) / reach - SHOULDER_FROM
        if lack <= 0:
            return np.eye(3), self.shoulder
        bone = self.shoulder - self.collar
        full = least_turn(bone, wrist - self.collar)
        whole = np.arccos(np.clip((np.trace(full) - 1) / 2, -1, 1))
        # Smooth where it begins, and never beyond what a collar bone does.
        angle = SHOULDER_MOST * np.tanh((lack * reach / np.linalg.norm(bone)) ** 2 / SHOULDER_MOST)
        share = min(1.0, angle / max(whole, 1e-9))
        axis = np.array([full[2, 1] - full[1, 2], full[0, 2] - full[2, 0], full[1, 0] - full[0, 1]])
        length = float(np.linalg.norm(axis))
        if length < 1e-9:
            return np.eye(3), self.shoulder
        turn = rotation_matrices(axis / length * whole * share)
        return turn, self.collar + turn @ bone

    def _side(self, along: np.ndarray, collar_turn: np.ndarray) -> np.ndarray:
        """(3,) unit, across the way to the wrist, to where the elbow points."""
        rest, down = collar_turn @ self._rest_side(), -self.axes[2]
        carried = least_turn(collar_turn @ (self.wrist - self.shoulder), along) @ rest
        side = REST_SIDE * carried + DOWN_SIDE * (down - (down @ along) * along)
        side -= (side @ along) * along
        length = float(np.linalg.norm(side))
        return side / length if length > 1e-6 else carried

    def _rest_side(self) -> np.ndarray:
        """(3,) unit, where the elbow points at rest; backwards and down where the arm is straight."""
        way = self.wrist - self.shoulder
        along = way / np.linalg.norm(way)
        side = self.elbow - self.shoulder
        side = side - (side @ along) * along
        if np.linalg.norm(side) < STRAIGHT * np.linalg.norm(way):
            side = self.axes[1] - 0.3 * self.axes[2]
            side = side - (side @ along) * along
        return side / np.linalg.norm(side)


def arm_of(character: Character, letter: str) -> Arm | None:
    """The arm of a side, "L" or "R", None where the rig lacks a part of it."""
    joints = {}
    for role in ("shoulder", "upper_arm", "forearm", "hand"):
        bone = character.roles.get(f"{role}.{letter}")
        if bone is not None:
            joints[role] = character.bone_matrices[character.bone_names.index(bone), :3, 3]
    if not {"upper_arm", "forearm", "hand"} <= joints.keys():
        return None
    arm = Arm(joints.get("shoulder"), joints["upper_arm"], joints["forearm"], joints["hand"], own_axes(character))
    return arm if min(arm.lengths) > 0 else None


def _frame(along: np.ndarray, normal: np.ndarray) -> np.ndarray:
    y = along / np.linalg.norm(along)
    z = normal - (normal @ y) * y
    z /= np.linalg.norm(z)
    return np.stack([np.cross(y, z), y, z], axis=1)
