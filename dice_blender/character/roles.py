"""The bones that a transfer moves, by what they are in a body: their roles."""

from __future__ import annotations

from dice_core.transfer.names import ARM_ROLES, FINGER_JOINTS, FINGERS, SIDES

__all__ = ["FINGERS", "ROLES", "SIDES", "parent_role", "side_of"]

ROLES: tuple[str, ...] = (
    "head",
    "neck.1",
    "neck.2",
    "neck.3",
    "jaw",
    "eye.L",
    "eye.R",
    *(
        f"{part}.{side}"
        for side in SIDES
        for part in (*ARM_ROLES, *(f"{finger}.{n}" for finger in FINGERS for n in FINGER_JOINTS[finger]))
    ),
)
"""All roles, a bone before those that hang from it within an arm; `neck.1` is the lowest bone of the neck."""


def side_of(role: str) -> str:
    """ "L" or "R", "" for a role in the middle of the body."""
    end = role.rpartition(".")[2]
    return end if end in SIDES else ""


def parent_role(role: str) -> list[str]:
    """The roles that a role can hang from, the nearest first; a rig need not have all of them."""
    side = side_of(role)
    name = role.removesuffix(f".{side}") if side else role
    if name in ("jaw", "eye"):
        return ["head"]
    if name == "head":
        return ["neck.3", "neck.2", "neck.1"]
    if name.startswith("neck."):
        return [f"neck.{n}" for n in range(int(name[5:]) - 1, 0, -1)]
    if name in ARM_ROLES:
        return [f"{above}.{side}" for above in reversed(ARM_ROLES[: ARM_ROLES.index(name)])]
    finger, _, number = name.partition(".")
    above = [f"{finger}.{n}.{side}" for n in reversed(FINGER_JOINTS[finger]) if n < int(number)]
    return [*above, *(f"{part}.{side}" for part in reversed(ARM_ROLES))]
