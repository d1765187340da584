"""What the folder of a take is called, where its name is ours to choose."""

from __future__ import annotations

import hashlib
import os

__all__ = ["TAKE_ENDING", "distinct_name", "fitting_name"]

TAKE_ENDING = ".dicetake"

_LONGEST_NAME = 200
"""Bytes of a take's name before its ending: with the endings that takes and what is made of them get, it fits the 255
bytes that file systems allow. Set by hand."""

_DIGITS = 8
"""Hexadecimal digits that tell a name from others of the same beginning."""


def fitting_name(name: str) -> str:
    """A name, or as much of it as a disk allows, and a few digits that tell it from others of the same beginning."""
    return name if len(os.fsencode(name)) <= _LONGEST_NAME else distinct_name(name, name)


def distinct_name(name: str, whole: str) -> str:
    """A name of which as much is left as a disk allows, and a few digits made of `whole`."""
    beginning = os.fsencode(name)[: _LONGEST_NAME - _DIGITS - 1].decode("utf-8", "ignore")
    return f"{beginning}-{hashlib.sha256(os.fsencode(whole)).hexdigest()[:_DIGITS]}"
