"""Names in an exported file: each used once, and the same however often the take was imported before."""

from __future__ import annotations

import re
from collections.abc import Iterable

import bpy

__all__ = ["FileNames", "NameLoan", "plain_name"]

# What Blender appends to a name that is taken; materials are named after objects that may have it.
_COUNTER = re.compile(r"\.\d{3}(?=\s|$)")
# Readers take some of these for each other: three.js drops dots, Unity and Unreal Engine make underscores of them, and
# Unreal Engine does not tell capital letters from small ones.
_ALIKE = re.compile(r"[\s._:/\\\[\]-]")
_SET_ASIDE = "DICE set aside"
# Lists of `bpy.data` by the kind of block in them.
_COLLECTIONS = {
    "OBJECT": "objects",
    "MESH": "meshes",
    "ARMATURE": "armatures",
    "MATERIAL": "materials",
    "CAMERA": "cameras",
    "SCENE": "scenes",
    "KEY": "shape_keys",
    "ACTION": "actions",
}


def plain_name(name: str) -> str:
    """A name without the number that Blender appends where it is taken: "Head.003 Skin.001" is "Head Skin"."""
    return _COUNTER.sub("", name) or name


class FileNames:
    """The names given out so far in one file. taken : those that cannot be given out."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._used = {_key(name) for name in taken}

    def unused(self, wanted: str) -> str:
        """`wanted` without Blender's counter, or with "_2", "_3" ... where something in the file has that name."""
        base = plain_name(wanted)
        name, count = base, 1
        while _key(name) in self._used:
            count += 1
            name = f"{base}_{count}"
        self._used.add(_key(name))
        return name


def _key(name: str) -> str:
    return _ALIKE.sub("", name).casefold()


class NameLoan:
    """Gives names to copies although the user's blocks have them, which get them back in the end.

    users : the blocks that stay.
    """

    def __init__(self, users: set[bpy.types.ID]) -> None:
        self._users = users
        self._lent: list[tuple[bpy.types.ID, str]] = []

    def give(self, block: bpy.types.ID, name: str) -> None:
        """Call a block exactly `name`; another block of this file that is called so waits under another name."""
        holder = getattr(bpy.data, _COLLECTIONS[block.id_type]).get((name, None))
        if holder is not None and holder != block:
            if holder in self._users:
                self._lent.append((holder, name))
            holder.name = _SET_ASIDE
        block.name = name

    def end(self) -> None:
        """Give all names back. The copies have to be gone by then."""
        for block, name in reversed(self._lent):
            block.name = name
        self._lent.clear()
