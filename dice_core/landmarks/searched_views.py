"""Views that were searched for hands in vain: while a picture looks as it did then, it need not be searched again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from dice_core.landmarks.detections import FaceDetection
from dice_core.landmarks.region import Region

__all__ = ["SearchedViews"]

GRID = 24
"""Cells along each side of the reduced picture that is compared. Set by hand: a hand at a face covers several."""

CHANGE = 8
"""Levels, of 255, by which the mean of a cell has to change in any colour to count. With 4, 8 and 12, no hand
of eleven public clips is missed; of 224 searches for hands of somebody who speaks and shows none, 50, 149 and 181 are
saved."""


@dataclass(frozen=True)
class _View:
    """A picture that was searched: cells, (GRID, GRID, 3) uint8, and the number of its frame."""

    cells: np.ndarray
    frame: int


class SearchedViews:
    """The last picture in which each way of looking found no hand; ways are told apart by a number.

    lasting : frames after which a picture is searched again although nothing has changed.
    """

    def __init__(self, lasting: int) -> None:
        self._lasting = lasting
        self._views: dict[int, _View] = {}

    def is_new(self, way: int, frame: int, image: np.ndarray, face: FaceDetection | None) -> bool:
        """Whether a picture has to be searched; if so, it is noted as searched in vain, until it is forgotten.

        image : (h, w, 3) uint8; face : the person's, None where it is not seen. What changes inside its window does not
        count, because faces move, and hands come from outside.
        """
        cells = cv2.resize(image, (GRID, GRID), interpolation=cv2.INTER_AREA)
        last = self._views.get(way)
        if last is not None and 0 < frame - last.frame < self._lasting:
            change = cv2.absdiff(cells, last.cells).max(axis=2)
            if face is not None:
                change[_cells_in(face.region, image)] = 0
            if change.max() < CHANGE:
                return False
        self._views[way] = _View(cells, frame)
        return True

    def forget(self) -> None:
        """Have every picture searched again: a hand was found in the last one."""
        self._views = {}

    @property
    def state(self) -> dict[str, np.ndarray]:
        """As plain arrays."""
        views = self._views
        return {
            "searched_ways": np.array(list(views), np.int64),
            "searched_cells": np.array([view.cells for view in views.values()], np.uint8).reshape(-1, GRID, GRID, 3),
            "searched_frames": np.array([view.frame for view in views.values()], np.int64),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from a `state`; those of versions that searched every picture hold nothing of this."""
        columns = (state.get(f"searched_{name}", ()) for name in ("ways", "cells", "frames"))
        self._views = {int(way): _View(cells, int(frame)) for way, cells, frame in zip(*columns, strict=True)}


def _cells_in(window: Region, image: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the cells that a window, as if it stood upright, covers at least in part."""
    spans = []
    for middle, extent in ((window.y, image.shape[0]), (window.x, image.shape[1])):
        ends = (np.array([-0.5, 0.5]) * window.size + middle) * GRID / extent
        low, high = np.clip(np.array([np.floor(ends[0]), np.ceil(ends[1])]), 0, GRID).astype(int)
        spans.append(slice(low, high))
    return spans[0], spans[1]
