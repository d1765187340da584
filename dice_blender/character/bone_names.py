"""Roles of a rig's bones by their names.

Names are compared without case, separators, namespaces and the prefixes that exporters put in front, so that
`mixamorig:LeftHand` and `LeftHand` are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .conventions import CONVENTIONS, Convention, plain

__all__ = ["roles_by_name"]

# A convention is taken for a rig's where it names at least this many of its bones: head and one arm of three bones.
_LEAST_NAMED = 4


def roles_by_name(
    bones: Iterable[str], moving_skin: Iterable[str] = (), *, least: int = _LEAST_NAMED
) -> tuple[str, dict[str, str]]:
    """The roles that a rig's own names tell.

    bones : names of an armature's bones; moving_skin : those of them that have vertices to move, which are preferred
    where several names of a convention are there; least : how many bones a convention has to name.
    Returns the convention's name, "" where none fits, and role -> bone.
    """
    there: dict[str, str] = {}
    for bone in bones:
        there.setdefault(plain(bone), bone)
    skin = set(moving_skin)
    best: tuple[int, str, dict[str, str]] = (0, "", {})
    for convention in CONVENTIONS:
        found = _named(convention, there, skin)
        weight = len(found) + sum(bone in skin for bone in found.values())
        if len(found) >= least and weight > best[0]:
            best = (weight, convention.name, found)
    _, name, found = best
    return name, _with_neck_in_order(found)


def _named(convention: Convention, there: Mapping[str, str], skin: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for role, names in convention.roles():
        fits = [there[name] for name in names if name in there]
        if fits:
            found[role] = next((bone for bone in fits if bone in skin), fits[0])
    return found


def _with_neck_in_order(found: dict[str, str]) -> dict[str, str]:
    """The neck's bones numbered from 1 without gaps."""
    necks = [found.pop(f"neck.{n}") for n in (1, 2, 3) if f"neck.{n}" in found]
    return found | {f"neck.{n + 1}": bone for n, bone in enumerate(necks)}
