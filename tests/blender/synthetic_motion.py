"""A motion whose every number is known, for a character that has been read: no solver is needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dice_blender.character.roles import parent_role
from dice_core.geometry.rotations import rotation_matrices
from dice_core.transfer.files import Character, Motion

__all__ = ["FRAMES", "own_turns", "synthetic_motion"]

FRAMES = 6
# Degrees about an axis by the end of the motion, of each role against what it hangs from.
_TURNS = {
    "neck.1": (0, 0, 8),
    "neck.2": (0, 0, 8),
    "head": (5, 0, 15),
    "upper_arm.L": (-30, 10, 20),
    "forearm.L": (-60, 0, 30),
    "hand.L": (0, 20, 10),
    "index.1.L": (25, 0, 0),
    "index.2.L": (30, 0, 5),
    "index.3.L": (20, 0, 0),
    "thumb.1.L": (0, 15, 10),
    "upper_arm.R": (10, 0, -5),
}


def own_turns(character: Character) -> dict[str, np.ndarray]:
    """Role -> (T, 4, 4) how its bone moves from rest in the world, by forward kinematics along the roles."""
    share = np.linspace(0, 1, FRAMES)
    index = {name: number for number, name in enumerate(character.bone_names)}
    turns: dict[str, np.ndarray] = {}

    def turn_of(role: str) -> np.ndarray:
        if role not in turns:
            above = next((other for other in parent_role(role) if other in character.roles), "")
            start = turn_of(above) if above else np.tile(np.eye(4), (FRAMES, 1, 1))
            joint = character.bone_matrices[index[character.roles[role]]][:3, 3]
            angles = np.radians(_TURNS.get(role, (0, 0, 0))) * share[:, None]
            local = np.tile(np.eye(4), (FRAMES, 1, 1))
            local[:, :3, :3] = rotation_matrices(angles)
            local[:, :3, 3] = joint - local[:, :3, :3] @ joint
            turns[role] = start @ local
        return turns[role]

    return {role: turn_of(role) for role in character.roles}


def synthetic_motion(character: Character) -> Motion:
    """Head, neck, left arm and fingers turn; every expression rises; a made key, a dent, contact and one touch."""
    turns = own_turns(character)
    index = {name: number for number, name in enumerate(character.bone_names)}
    roles = list(turns)
    bones = [character.roles[role] for role in roles]
    pose = np.stack([turns[r] @ character.bone_matrices[index[b]] for r, b in zip(roles, bones, strict=True)], axis=1)
    rising = np.linspace(0, 1, FRAMES, dtype=np.float32)
    count = len(character.vertices)
    targets = list(dict.fromkeys(entry["target"] for entry in character.expressions))
    made = () if targets else ("jawOpen", "eyeBlinkLeft")
    deltas = np.zeros((len(made), count, 3), np.float32)
    for row in range(len(made)):
        deltas[row, character.head_vertices, row] = 0.004
    names = [*targets, *made]
    dent = np.zeros((1, count, 3), np.float32)
    face = np.flatnonzero(character.head_vertices)
    dent[0, face[:40], 1] = 0.003
    contact = np.zeros((2, count), np.float32)
    contact[:, face[:40]] = 0.8
    hand = _hand_triangle(character)
    touch = {
        "region": "lips",
        "hand": "hand_left",
        "first_frame": 2,
        "last_frame": 4,
        "face_triangle": int(np.flatnonzero(character.head_vertices[character.triangles].all(axis=1))[0]),
        "face_weights": [0.2, 0.3, 0.5],
        "hand_triangle": hand,
        "hand_weights": [0.6, 0.2, 0.2],
    }
    return Motion(
        frame=np.arange(FRAMES, dtype=np.int32),
        fps=24.0,
        role_names=tuple(roles),
        bone_names=tuple(bones),
        pose_matrices=pose,
        hand_weight=np.ones((FRAMES, 2), np.float32),
        expression_names=tuple(names),
        expression_weights=np.tile(rising[:, None], (1, len(names))),
        made_key_names=made,
        made_key_deltas=deltas,
        dent_names=("contact.01",),
        dent_deltas=dent,
        dent_weights=rising[:, None],
        contact_names=("contact", "contact.lips"),
        contact_weights=contact,
        contact_curves=np.stack([rising, rising], axis=1),
        touches=[touch],
        touch_influence=rising[:, None],
        report={"warnings": []},
    )


def without_touches(motion: Motion) -> Motion:
    """The same motion, nothing touched."""
    return replace(motion, touches=[], touch_influence=np.zeros((len(motion.frame), 0), np.float32))


def _hand_triangle(character: Character) -> int:
    names = character.bone_names
    bone = names.index(character.roles["hand.L"])
    share = np.where(character.skin_bones == bone, character.skin_weights, 0).sum(axis=1)
    return int(np.argmax(share[character.triangles].min(axis=1)))
