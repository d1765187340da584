"""What the properties that transfers key were before the first of them, noted on the data blocks themselves."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from typing import Any

import bpy

__all__ = ["Channel", "give_back_values", "note_values", "value_of"]

_VALUES = "dice_values_before"
"""Of a data block: JSON, a list of data path, index and value."""

Channel = tuple[str, int]
"""Data path of a property from its data block, and index of its component, 0 for a single value."""


def value_of(block: bpy.types.ID, channel: Channel) -> float:
    """The value that a property has now."""
    holder, name = _holder(block, channel[0])
    found = holder[name] if channel[0].endswith("]") else getattr(holder, name)
    value: float = found[channel[1]] if hasattr(found, "__getitem__") else found
    return value


def note_values(block: bpy.types.ID, values: Mapping[Channel, float]) -> None:
    """Note values of before a transfer. What is noted already was before an earlier one, and stays."""
    _set_noted(block, {**values, **_noted(block)})


def give_back_values(block: bpy.types.ID, keyed: Container[Channel]) -> None:
    """Give properties the values that are noted.

    keyed : those that other transfers still key, which keep their notes.
    """
    noted = _noted(block)
    if not noted:
        return
    for channel, value in noted.items():
        if channel not in keyed:
            _set_value(block, channel, value)
    _set_noted(block, {channel: value for channel, value in noted.items() if channel in keyed})
    block.update_tag()


def _set_value(block: bpy.types.ID, channel: Channel, value: float) -> None:
    path, index = channel
    try:
        holder, name = _holder(block, path)
    except ValueError:
        return  # a bone, a constraint or a key that is there no more
    if path.endswith("]"):
        if name in holder:
            holder[name] = value
        return
    if hasattr(getattr(holder, name), "__setitem__"):
        getattr(holder, name)[index] = value
    else:
        setattr(holder, name, value)


def _holder(block: Any, path: str) -> tuple[Any, str]:
    """What has a property, and the property's name. Raises ValueError where there is no such thing."""
    if path.endswith("]"):  # a custom property
        start, _, name = path.rpartition('["')
        name = bpy.utils.unescape_identifier(name.removesuffix('"]'))
    else:
        start, _, name = path.rpartition(".")
    return (block.path_resolve(start) if start else block), name


def _noted(block: Any) -> dict[Channel, float]:
    return {(path, index): value for path, index, value in json.loads(str(block.get(_VALUES, "[]")))}


def _set_noted(block: Any, values: Mapping[Channel, float]) -> None:
    if values:
        block[_VALUES] = json.dumps([[*channel, value] for channel, value in values.items()])
    elif _VALUES in block:
        del block[_VALUES]
