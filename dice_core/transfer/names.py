"""Fixed names between the two halves of a transfer: bone roles, and the twelve points of a face set by hand."""

from __future__ import annotations

__all__ = ["ARM_ROLES", "FINGERS", "FINGER_JOINTS", "POINT_LANDMARKS", "POINT_NAMES", "SIDES", "is_role"]

SIDES = ("L", "R")

FINGERS = ("thumb", "index", "middle", "ring", "pinky")

FINGER_JOINTS = {finger: (1, 2, 3) if finger == "thumb" else (0, 1, 2, 3) for finger in FINGERS}
"""Numbers of each finger's bones from the wrist on; 0 is a metacarpal, which many rigs do not have."""

ARM_ROLES = ("shoulder", "upper_arm", "forearm", "hand")

_SINGLE = frozenset({"head", "jaw", "eye.L", "eye.R"})
_LONGEST_NECK = 9

POINT_NAMES = (
    "eye.R.outer",
    "eye.R.inner",
    "eye.L.inner",
    "eye.L.outer",
    "forehead",
    "nose.bridge",
    "nose.tip",
    "mouth.R",
    "mouth.L",
    "lip.upper",
    "lip.lower",
    "chin",
)
"""Points of a face that can be set by hand, in the order of `Character.landmarks`; right is the character's own."""

POINT_LANDMARKS = (33, 133, 362, 263, 10, 168, 4, 61, 291, 0, 17, 152)
"""The landmark of the face network that each of them is."""


def is_role(name: str) -> bool:
    """Whether a bone can have a role of this name."""
    if name in _SINGLE:
        return True
    parts = name.split(".")
    if parts[0] == "neck":
        return len(parts) == 2 and parts[1].isdecimal() and 1 <= int(parts[1]) <= _LONGEST_NECK
    if parts[-1] not in SIDES:
        return False
    if len(parts) == 2:
        return parts[0] in ARM_ROLES
    return len(parts) == 3 and parts[1].isdecimal() and int(parts[1]) in FINGER_JOINTS.get(parts[0], ())
