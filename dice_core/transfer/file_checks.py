"""What the arrays of a character and of a motion have to be: types, sizes, ranges, and indices that are there.

All checks raise ValueError in words that fit into a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dice_core.npy_header import NpyHeader
from dice_core.transfer.names import is_role

__all__ = ["MOST_ROWS", "Kind", "check_arrays", "check_character", "check_header", "check_motion"]

_LONGEST_NAME = 255  # characters; a name in Blender has at most 63 bytes, or 255 from version 5 on
_LONGEST_TEXT = 4_000_000  # characters of JSON; a touch takes about 300
MOST_ROWS = 5_000_000
"""Rows along any dimension; the size of the file bounds the rest."""

Kind = tuple[str, tuple[str | int, ...], float, float]
"""Type, dimensions (letters are sizes that agree within a file), and the range of the values."""


_NOT_A_NUMBER_ALLOWED = frozenset({"landmarks"})
_NAMES_MAY_REPEAT = frozenset({"shape_key_names"})  # keys of one name on several objects are one expression

_EXPRESSION_PARTS = {"source": str, "target": str, "gain": float, "offset": float}
_TOUCH_PARTS = {
    "region": str,
    "hand": str,
    "first_frame": int,
    "last_frame": int,
    "face_triangle": int,
    "face_weights": list,
    "hand_triangle": int,
    "hand_weights": list,
}


def check_header(name: str, kind: str, dimensions: tuple[str | int, ...], header: NpyHeader) -> None:
    assert header.dtype is not None
    if kind in "UJ":
        longest = _LONGEST_NAME if kind == "U" else _LONGEST_TEXT
        right = header.dtype.kind == "U" and header.dtype.itemsize <= 4 * longest
    else:
        right = header.dtype == np.dtype(kind)
    if not right or len(header.shape) != len(dimensions):
        raise ValueError(f"{name} is of the wrong type")


def check_arrays(arrays: Mapping[str, Any], kinds: Mapping[str, Kind]) -> None:
    """Sizes that agree, values within their range, names that tell things apart."""
    sizes: dict[str, int] = {}
    for name, (kind, dimensions, low, high) in kinds.items():
        value = arrays[name]
        if kind == "J":
            continue
        shape = (len(value),) if kind == "U" else value.shape
        if len(shape) != len(dimensions):
            raise ValueError(f"{name} has {len(shape)} dimensions, not {len(dimensions)}")
        for dimension, size in zip(dimensions, shape, strict=True):
            expected = dimension if isinstance(dimension, int) else sizes.setdefault(dimension, size)
            if size != expected or size > MOST_ROWS:
                raise ValueError(f"{name} has {size} rows or columns where {expected} belong")
        if kind == "U":
            _check_names(name, value)
        else:
            _check_range(name, value, low, high)


def _check_range(name: str, value: np.ndarray, low: float, high: float) -> None:
    known = value[~np.isnan(value)] if name in _NOT_A_NUMBER_ALLOWED else value
    # Written so that NaN, which passes through both, is refused.
    if known.size and not (low <= known.min() and known.max() <= high):
        raise ValueError(f"{name} holds values that are not within {low:g} and {high:g}")


def _check_names(name: str, values: tuple[str, ...]) -> None:
    if not all(values) or (len(set(values)) < len(values) and name not in _NAMES_MAY_REPEAT):
        raise ValueError(f"{name} holds a name twice, or an empty one")


def check_character(arrays: Mapping[str, Any]) -> None:
    count, bones = len(arrays["vertices"]), len(arrays["bone_names"])
    if not count or not len(arrays["triangles"]):
        raise ValueError("it has no mesh")
    _check_indices("triangles", arrays["triangles"], count)
    _check_indices("object", arrays["object"], len(arrays["object_names"]))
    _check_indices("shape_key_object", arrays["shape_key_object"], len(arrays["object_names"]))
    _check_indices("bone_parents", arrays["bone_parents"], bones)
    _check_indices("skin_bones", arrays["skin_bones"], max(bones, 1))
    total = arrays["skin_weights"].sum(axis=1)
    if (np.minimum(np.abs(total - 1), np.abs(total)) > 0.01).any():
        raise ValueError("skin_weights do not sum to 1")
    _check_parents(arrays["bone_parents"])
    _check_roles(arrays["roles"], arrays["bone_names"])
    for entry in _dicts("expressions", arrays["expressions"], _EXPRESSION_PARTS):
        if entry["target"] not in arrays["shape_key_names"]:
            raise ValueError(f"expressions names the key {entry['target'][:60]!r}, which the head does not have")


def _check_parents(parents: np.ndarray) -> None:
    above = parents.copy()
    for _ in range(len(parents)):
        if (above < 0).all():
            return
        above = np.where(above >= 0, parents[above], -1)
    if (above >= 0).any():
        raise ValueError("bone_parents runs in a circle")


def _check_roles(roles: Any, bones: tuple[str, ...]) -> None:
    if not isinstance(roles, dict):
        raise ValueError("roles is not a table")
    for role, bone in roles.items():
        if not is_role(role):
            raise ValueError(f"roles has the unknown role {role[:60]!r}")
        if bone not in bones:
            raise ValueError(f"roles gives {role} to a bone that is not there")
    if len(set(roles.values())) < len(roles):
        raise ValueError("roles gives two roles to one bone")


def check_motion(arrays: Mapping[str, Any]) -> None:
    if (np.diff(arrays["frame"]) <= 0).any():
        raise ValueError("frame does not count up")
    touches = _dicts("touches", arrays["touches"], _TOUCH_PARTS)
    if len(touches) != arrays["touch_influence"].shape[1]:
        raise ValueError("touches and touch_influence do not fit each other")
    for touch in touches:
        for name in ("face_weights", "hand_weights"):
            if len(touch[name]) != 3 or not all(isinstance(x, int | float) for x in touch[name]):
                raise ValueError(f"{name} of a touch are not three numbers")
    if not isinstance(arrays["report"], dict):
        raise ValueError("report is not a table")


def _dicts(name: str, value: Any, parts: Mapping[str, type]) -> list[dict[str, Any]]:
    """A list of tables that have all of these parts, of these types."""
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise ValueError(f"{name} is not a list of tables")
    for entry in value:
        for part, kind in parts.items():
            found = entry.get(part)
            right = isinstance(found, int | float) and np.isfinite(found) if kind is float else isinstance(found, kind)
            if not right:
                raise ValueError(f"{name} has an entry without a proper {part}")
    return value


def _check_indices(name: str, values: np.ndarray, count: int) -> None:
    if values.size and int(values.max()) >= count:
        raise ValueError(f"{name} names something that is not there")
