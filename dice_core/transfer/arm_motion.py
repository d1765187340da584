"""From hands against a still head to bones in the world: the head's motion, the arm, and rest where none was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.transfer.arm import Arm, arm_of
from dice_core.transfer.hand_motion import HandFrames
from dice_core.transfer.head_motion import BoneMotion, bone_transforms
from dice_core.transfer.target import TargetHead
from dice_core.transfer.turns import between, share_of

__all__ = ["ArmMotion", "hand_weights", "move_arm"]

EASE = 0.4
"""Seconds in which an arm goes from rest to where the hand is first seen, and back. Set by hand."""


@dataclass(frozen=True)
class ArmMotion:
    """motion : of the arm's and the hand's bones; wrist_missing : (T,) metres of a person by which the arm is
    too short; hand_turn : (T, B, 3, 3) and hand_joints : (T, B, 3) of the hand's bones as they come to be, world."""

    motion: BoneMotion
    wrist_missing: np.ndarray
    hand_turn: np.ndarray
    hand_joints: np.ndarray


def hand_weights(tracked: np.ndarray, fps: float) -> np.ndarray:
    """(T,) float64: 1 where a hand was seen, easing to 0 in `EASE` seconds around; tracked : (T,) bool."""
    seen = np.flatnonzero(tracked)
    if not len(seen):
        return np.zeros(len(tracked))
    apart = np.abs(np.arange(len(tracked))[:, None] - seen).min(axis=1)
    t = np.clip(1 - apart / max(EASE * fps, 1.0), 0, 1)
    return t * t * (3 - 2 * t)


def move_arm(
    target: TargetHead, hand: HandFrames, letter: str, head: BoneMotion, tracked: np.ndarray, weight: np.ndarray
) -> ArmMotion:
    """Bones of one arm and hand; letter : "L" or "R"; tracked : (T,) bool; weight : (T,) as of `hand_weights`."""
    frames, rig = len(tracked), hand.rig
    similarity, character = target.similarity, target.character
    axes = similarity.rotation
    seen = np.flatnonzero(tracked)
    nearest = seen[np.abs(np.arange(frames)[:, None] - seen).argmin(axis=1)]
    turn = axes @ hand.turn[nearest] @ axes.T
    joints = similarity.to_target(hand.joints[nearest])
    rest_joints = similarity.to_target(rig.anatomy.joints)
    moving = head.of("head")
    if moving is not None:
        turn = moving[0][:, None] @ turn
        joints = np.einsum("tij,tbj->tbi", moving[0], joints) + moving[1][:, None]
    turn = between(np.broadcast_to(np.eye(3), turn.shape), turn, weight[:, None])
    wrist = rest_joints[0] + weight[:, None] * (joints[:, 0] - rest_joints[0])
    names = [f"{name}.{letter}" for name in rig.anatomy.names]
    turns = {name: turn[:, k] for k, name in enumerate(names)}
    arm = arm_of(character, letter)
    missing = np.zeros(frames)
    if arm is not None:
        turns, missing = _arm_turns(arm, wrist, turns, letter, weight) | turns, np.zeros(frames)
        if f"shoulder.{letter}" not in character.roles:
            turns.pop(f"shoulder.{letter}")
        wrist, missing = _reached(arm, wrist, turns, letter)
    motion = bone_transforms(character, turns, frames)
    hand_row = motion.roles.index(f"hand.{letter}")
    # The wrist is where the arm ends; where no arm holds the hand, it is put there.
    motion.offset[:, hand_row] = wrist - motion.turn[:, hand_row] @ rest_joints[0]
    motion = _refreshed(target, motion, names, rig.anatomy.parents, rest_joints)
    rows = [motion.roles.index(name) for name in names]
    where = np.einsum("tbij,bj->tbi", motion.turn[:, rows], rest_joints) + motion.offset[:, rows]
    return ArmMotion(motion, missing / similarity.scale, motion.turn[:, rows], where)


def _arm_turns(
    arm: Arm, wrist: np.ndarray, turns: dict[str, np.ndarray], letter: str, weight: np.ndarray
) -> dict[str, np.ndarray]:
    """Turns (T, 3, 3) of shoulder, upper arm and forearm."""
    hand = turns[f"hand.{letter}"]
    poses = [arm.reach_for(at, one) for at, one in zip(wrist, hand, strict=True)]
    found = {
        f"shoulder.{letter}": np.array([pose.shoulder for pose in poses]),
        f"upper_arm.{letter}": np.array([pose.upper for pose in poses]),
        f"forearm.{letter}": np.array([pose.forearm for pose in poses]),
    }
    # At rest the arm has its own pose, which a straight elbow's side need not give.
    ease = np.clip(weight / 0.3, 0, 1)
    return {name: share_of(value, ease) for name, value in found.items()}


def _reached(arm: Arm, wrist: np.ndarray, turns: dict[str, np.ndarray], letter: str) -> tuple[np.ndarray, np.ndarray]:
    """Where the turned arm ends (T, 3), and how far that is from where it should."""
    collar = turns.get(f"shoulder.{letter}")
    shoulder = np.tile(arm.shoulder, (len(wrist), 1))
    if collar is not None and arm.collar is not None:
        shoulder = arm.collar + collar @ (arm.shoulder - arm.collar)
    elbow = shoulder + turns[f"upper_arm.{letter}"] @ (arm.elbow - arm.shoulder)
    reached = elbow + turns[f"forearm.{letter}"] @ (arm.wrist - arm.elbow)
    return reached, np.linalg.norm(reached - wrist, axis=1)


def _refreshed(
    target: TargetHead, motion: BoneMotion, names: list[str], parents: np.ndarray, joints: np.ndarray
) -> BoneMotion:
    """Fingers that hang on the hand again after it was moved."""
    row = [motion.roles.index(name) for name in names]
    for k in range(1, len(names)):
        above = row[int(parents[k])]
        at = motion.turn[:, above] @ joints[k] + motion.offset[:, above]
        motion.offset[:, row[k]] = at - motion.turn[:, row[k]] @ joints[k]
    return motion
