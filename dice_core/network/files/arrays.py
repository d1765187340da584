"""Numbers out of the objects that model files keep them in: arrays, chumpy objects, scipy matrices, lists."""

from __future__ import annotations

from typing import Any

import numpy as np

from dice_core.errors import InputError
from dice_core.network.files.array_records import ArrayRecord
from dice_core.network.files.records import Record

__all__ = ["MOST_ELEMENTS", "as_array"]

MOST_ELEMENTS = 8_000_000
"""Numbers of an array; the largest, FLAME's shape basis of 5,023 x 3 x 400, has six million, which take 48 MB."""

_DEEPEST = 8
"""Objects within objects that lead to an array; chumpy's have two."""


def as_array(value: object, depth: int = 0) -> np.ndarray:
    """Numbers of an array, a chumpy object (array under `x`, a selection under `a` and `idxs`) or a scipy matrix.

    depth : how many objects have led to this one.
    Returns an array of numbers; a sparse matrix becomes a dense one.
    Raises InputError where `value` is none of these, or has more than `MOST_ELEMENTS`.
    """
    array = _as_array(value, depth)
    if array.dtype.kind not in "fiub" or array.size > MOST_ELEMENTS:
        raise InputError("The file holds an array of something else than numbers, or a far larger one than expected.")
    return array


def _as_array(value: object, depth: int) -> np.ndarray:
    if depth > _DEEPEST:
        raise InputError("The file holds an array within too many objects: it is damaged.")
    if isinstance(value, ArrayRecord):
        return value.array()
    if isinstance(value, int | float | np.ndarray | np.generic):
        return np.asarray(value)
    if isinstance(value, list | tuple):
        return _listed(value)
    if isinstance(value, Record):
        state = value.state
        if "x" in state:
            return as_array(state["x"], depth + 1)
        if "a" in state and "idxs" in state:
            shape = state.get("preferred_shape")
            picks = as_array(state["idxs"], depth + 1)
            try:
                picked = as_array(state["a"], depth + 1).ravel()[picks]
                return picked if shape is None else picked.reshape(as_array(shape, depth + 1).astype(int))
            except (IndexError, ValueError):
                raise InputError("The file holds a selection of numbers that are not there: it is damaged.") from None
        if "indptr" in state:
            return _dense(value, depth)
    kind = value.class_name if isinstance(value, Record) else type(value).__name__
    raise InputError(f"The file holds a {kind} where an array was expected: it is damaged or another file.")


def _listed(values: list[Any] | tuple[Any, ...]) -> np.ndarray:
    """An array of a list of numbers, or of lists of numbers. No deeper: lists may hold each other many times over."""
    rows = values if values and all(isinstance(row, list | tuple) for row in values) else [values]
    if sum(map(len, rows)) > MOST_ELEMENTS or not all(isinstance(x, int | float | np.generic) for r in rows for x in r):
        raise InputError("The file holds a list of something else than numbers: it is damaged or another file.")
    return np.array([list(row) for row in rows]).reshape(len(rows), -1) if rows is values else np.array(list(values))


def _dense(matrix: Record, depth: int) -> np.ndarray:
    """Dense copy of a compressed sparse scipy matrix."""
    state = matrix.state
    shape = as_array(state.get("_shape", state.get("shape")), depth + 1)
    data, minor, starts = (as_array(state.get(name), depth + 1) for name in ("data", "indices", "indptr"))
    by_column = "csc" in type(matrix).__qualname__
    fits = shape.shape == (2,) and data.shape == minor.shape == (len(data),) and starts.ndim == 1
    if not fits or not all(part.dtype.kind in "iu" for part in (shape, minor, starts)):
        raise InputError("The file holds a sparse matrix that is not described as one: it is damaged.")
    rows, columns = (int(size) for size in shape)
    steps: np.ndarray = np.diff(starts.astype(np.int64))
    if (
        not 0 <= rows * columns <= MOST_ELEMENTS
        or min(rows, columns) < 0
        or len(starts) != (columns if by_column else rows) + 1
        or (steps < 0).any()
        or int(starts[0]) != 0
        or int(starts[-1]) != len(data)
        or (len(data) and not 0 <= int(minor.min()) <= int(minor.max()) < (rows if by_column else columns))
    ):
        raise InputError("The file holds a sparse matrix whose indices lie outside it: it is damaged.")
    major = np.repeat(np.arange(len(steps)), steps)
    dense = np.zeros((rows, columns), data.dtype)
    np.add.at(dense, (minor, major) if by_column else (major, minor), data)
    return dense
