"""Typed columns: rows, joining, and the way to the disk and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from dice_core.engines.frame_table import FrameTable, column, table
from dice_core.engines.open.frames import OpenFrames
from dice_core.landmarks import FrameLandmarks, HandDetection
from dice_core.landmarks.region import Region


@dataclass
class Inner(FrameTable):
    """A table within."""

    pose: np.ndarray = column(2, 3)


@dataclass
class Outer(FrameTable):
    """A table with another one within."""

    frame: np.ndarray = column(dtype=np.int32)
    inner: Inner = table(Inner)


def filled(count: int) -> Outer:
    rows = Outer.empty(count)
    rows.frame[:] = np.arange(count)
    rows.inner.pose[:] = np.arange(count * 6).reshape(count, 2, 3)
    return rows


def test_empty_tables_have_the_declared_columns() -> None:
    rows = Outer.empty(4)
    assert len(rows) == 4
    assert (rows.frame.dtype, rows.frame.shape) == (np.int32, (4,))
    assert (rows.inner.pose.dtype, rows.inner.pose.shape) == (np.float64, (4, 2, 3))
    assert not rows.inner.pose.any()


def test_parts_join_to_the_whole() -> None:
    whole = filled(7)
    joined = Outer.join([whole.rows(slice(0, 3)), whole.rows(slice(3, 4)), whole.rows(slice(4, 7))])
    for name, values in whole.to_arrays().items():
        np.testing.assert_array_equal(joined.to_arrays()[name], values)


def test_to_arrays_and_back() -> None:
    arrays = filled(3).to_arrays()
    assert set(arrays) == {"frame", "inner.pose"}
    again = Outer.from_arrays(arrays)
    assert isinstance(again.inner, Inner)
    np.testing.assert_array_equal(again.inner.pose, filled(3).inner.pose)
    with pytest.raises(KeyError):
        Outer.from_arrays({"frame": arrays["frame"]})


def test_hands_of_other_sides_are_left_out() -> None:
    points = np.arange(63, dtype=np.float32).reshape(21, 3)
    left, right = (
        HandDetection(points, points / 100, side, 0.9, 0.8, Region(1.0, 1.0, 1.0))  # type: ignore[arg-type]
        for side in ("left", "right")
    )
    row = OpenFrames.of_landmarks(5, FrameLandmarks(None, (left, right)), ("right",))
    assert (row.frame[0], row.head.found[0], row.left.found[0], row.right.found[0]) == (5, 0, 0, 1)
    np.testing.assert_array_equal(row.right.landmarks[0], points)
