"""How head, neck, jaw and eye bones follow the captured head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.bodies import load_head
from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.transfer.files import Character
from dice_core.transfer.gaze import eye_turn, iris_vertices
from dice_core.transfer.performance import Performance
from dice_core.transfer.target import TargetHead
from dice_core.transfer.turns import mean_turn, share_of

__all__ = ["BoneMotion", "bone_transforms", "head_motion"]

_JAW_KEYS = ("jawForward", "jawLeft", "jawOpen", "jawRight")


@dataclass(frozen=True)
class BoneMotion:
    """Bones of a character over T frames, world space: a rest point x goes to turn @ x + offset.

    roles : R names; bones : (R,) int; turn : (T, R, 3, 3); offset : (T, R, 3).
    """

    roles: tuple[str, ...]
    bones: np.ndarray
    turn: np.ndarray
    offset: np.ndarray

    def of(self, role: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Turn (T, 3, 3) and offset (T, 3) of a role, None where it does not move."""
        if role not in self.roles:
            return None
        k = self.roles.index(role)
        return self.turn[:, k], self.offset[:, k]


def head_motion(
    target: TargetHead, performance: Performance, neck_share: float, *, eyes: bool, jaw: bool
) -> BoneMotion:
    """Neck, head, and where wanted eyes and jaw.

    neck_share : 0 to 1, of the head's turn that the neck's bones carry, in equal steps. The turn is the one against the
    camera: a head that looks into the camera looks straight ahead.
    """
    roles = target.character.roles
    axes = target.similarity.rotation
    turn = axes @ performance.rotation @ axes.T
    necks = sorted((role for role in roles if role.startswith("neck.")), key=lambda role: int(role[5:]))
    turns: dict[str, np.ndarray] = {}
    if "head" in roles:
        for k, role in enumerate(necks):
            turns[role] = share_of(turn, neck_share * (k + 1) / len(necks))
        turns["head"] = turn
        for letter in "LR" if eyes else "":
            if f"eye.{letter}" in roles:
                turns[f"eye.{letter}"] = turn @ _carried(axes, eye_turns(performance, letter))
        if jaw and "jaw" in roles:
            turns["jaw"] = turn @ _carried(axes, jaw_turns(performance))
    return bone_transforms(target.character, turns, len(performance.frame))


def bone_transforms(character: Character, turns: dict[str, np.ndarray], frames: int) -> BoneMotion:
    """Transforms of bones from their world rotations from rest: each joint is carried by the nearest bone above it.

    turns : (T, 3, 3) by role.
    """
    bones = {role: character.bone_names.index(character.roles[role]) for role in turns}
    owner = {bone: role for role, bone in bones.items()}
    offsets: dict[str, np.ndarray] = {}

    def offset_of(role: str) -> np.ndarray:
        if role not in offsets:
            joint = character.bone_matrices[bones[role], :3, 3]
            above = int(character.bone_parents[bones[role]])
            while above >= 0 and above not in owner:
                above = int(character.bone_parents[above])
            at = np.tile(joint, (frames, 1))
            if above >= 0:
                at = turns[owner[above]] @ joint + offset_of(owner[above])
            offsets[role] = at - turns[role] @ joint
        return offsets[role]

    for role in turns:
        offset_of(role)
    names = tuple(turns)
    return BoneMotion(
        names,
        np.array([bones[role] for role in names], np.int64),
        np.stack([turns[role] for role in names], axis=1) if names else np.zeros((frames, 0, 3, 3)),
        np.stack([offsets[role] for role in names], axis=1) if names else np.zeros((frames, 0, 3)),
    )


def eye_turns(performance: Performance, letter: str) -> np.ndarray:
    """(T, 3, 3) turns of an eyeball against the head; letter : "L" or "R", the subject's own."""
    displacement = _displacements(performance, iris_vertices(letter), EXPRESSION_NAMES)
    return np.array([eye_turn(letter, one) for one in displacement])


def jaw_turns(performance: Performance) -> np.ndarray:
    """(T, 3, 3) turns of the lower jaw against the head."""
    mesh = load_head().mesh
    chin = np.flatnonzero(mesh.region_vertices("chin"))
    rest = mesh.rest_vertices[chin].astype(np.float64)
    return np.array([mean_turn(rest, rest + one) for one in _displacements(performance, chin, _JAW_KEYS)])


def _displacements(performance: Performance, rows: np.ndarray, keys: tuple[str, ...]) -> np.ndarray:
    """(T, n, 3) what some expressions alone move vertices of our head by."""
    index = [EXPRESSION_NAMES.index(name) for name in keys]
    deltas = load_head().expressions[index][:, rows].astype(np.float64)
    return np.einsum("te,evx->tvx", performance.expression[:, index], deltas)


def _carried(axes: np.ndarray, turns: np.ndarray) -> np.ndarray:
    return axes @ turns @ axes.T
