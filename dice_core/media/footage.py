"""What all footage has in common, and the limits on its frames."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from dice_core.errors import InputError
from dice_core.media.orientation import UPRIGHT
from dice_core.media.source_files import SourceFiles

__all__ = [
    "DEFAULT_FPS",
    "HIGHEST_FPS",
    "SURVEY_FRAMES",
    "Footage",
    "check_fps",
    "check_size",
    "never",
    "select_range",
    "spread_rows",
]

MIN_SIDE = 32
"""Pixels: the landmark networks find nothing in anything smaller."""

MAX_PIXELS = 120_000_000
"""Pixels a frame: the 108-megapixel pictures of phones pass. With a copy for turning, such a frame takes 0.7 GB."""

DEFAULT_FPS = 24.0
"""Frames a second of clips that do not say: Blender's own default."""

HIGHEST_FPS = 480.0
"""Frames a second that are believed. Set by hand: phones film slow motion at up to 240, and a container that claims
more gives its clock's ticks instead."""


SURVEY_FRAMES = 8
"""Frames all over a clip that are looked at for what is constant in it. Set by hand."""


def spread_rows(count: int, most: int = SURVEY_FRAMES) -> np.ndarray:
    """At most `most` of `count` frames, from the first to the last one, evenly spread: (n,) int, in order."""
    return np.linspace(0, count - 1, min(most, count)).round().astype(int)


def never() -> bool:
    """A stop request that does not come."""
    return False


class Footage(ABC):
    """Frames of one clip, or a single picture, all of one size.

    kind : "image", "sequence" or "video". path : what the user gave. width, height : pixels, upright and square, as the
    frames are read. source_size : width and height, pixels, upright, as the source has them, whether square or not.
    orientation : how what is stored was turned to stand upright, 1 to 8 as in EXIF. fps : frames a second, 0 for a
    single picture. first_frame : number, from 0, of the first of these frames in the source. count : number of frames.
    seconds : (count,) float64, when each is shown, after frame 0 of the source; uneven : whether that is not simply its
    number / fps. field_of_view : degrees along the longer side by what the camera wrote into the file, None where it
    wrote nothing. warnings : sentences for the user about what is wrong with the source but not fatal.

    Footage is a context manager: leaving it closes the files that it holds open.
    """

    def __init__(
        self,
        kind: Literal["image", "sequence", "video"],
        path: Path,
        source_files: SourceFiles,
        *,
        size: tuple[int, int],
        fps: float,
        frames: tuple[int, int],
        source_size: tuple[int, int] | None = None,
        orientation: int = UPRIGHT,
        seconds: np.ndarray | None = None,
        field_of_view: float | None = None,
        warnings: tuple[str, ...] = (),
        should_stop: Callable[[], bool] = never,
    ) -> None:
        """source_files : as they were before anything was read of them; size : width, height; frames : first and
        last + 1 of the frames of the source that belong to the clip; source_size : the same as `size` by default;
        seconds : of frames that are not even; should_stop : asked again and again while the source is hashed."""
        self.kind = kind
        self.path = path
        self._source_files = source_files
        self.width, self.height = size
        self.source_size = size if source_size is None else source_size
        self.orientation = orientation
        self.fps = fps
        self.first_frame = frames[0]
        self.count = frames[1] - frames[0]
        self.uneven = seconds is not None
        self.seconds = np.arange(*frames) / (fps or 1.0) if seconds is None else seconds
        self.field_of_view = field_of_view
        self.warnings = warnings
        self._should_stop = should_stop

    def __getstate__(self) -> dict[str, Any]:
        """For another process, which has another current folder and is ended when it shall stop."""
        return self.__dict__ | {"path": self.path.absolute(), "_should_stop": never}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027 (pictures hold nothing open)
        """Close the files that are held open; what is read afterwards opens them again."""

    @cached_property
    def sha256(self) -> str:
        """Hash of the whole source's content, wherever it lies and whatever it is called.

        Raises Stopped if that is asked for meanwhile, InputError if a file cannot be read.
        """
        return self._hash()

    def change(self) -> str | None:
        """A sentence where the source is no longer what it was when it was opened, None where it is the same.

        What only looks changed, such as a file that was copied over itself, is told by its hash. Raises as `sha256`.
        """
        missing = self._source_files.missing()
        if missing is not None:
            return f"{missing} has vanished while it was captured: bring it back, and capture again."
        if not self._source_files.look_changed() or self._hash() == self.sha256:
            return None
        return (
            f"{self.path} was changed while it was captured, so that the take is of no footage there is: "
            "delete it, and capture again."
        )

    @abstractmethod
    def _hash(self) -> str: ...

    @abstractmethod
    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """Frames one after the other, the fast way to go through a clip.

        start, stop : the frames start, ..., stop - 1, counted from `first_frame`; to the end by default.
        Yields (index, image), image (height, width, 3) uint8 RGB. At no time is more than a few frames in memory.
        Raises IndexError outside the clip, InputError for a frame that cannot be read.
        """

    def read(self, index: int) -> np.ndarray:
        """One frame, (height, width, 3) uint8 RGB; index : from 0, counted from `first_frame`.

        In a video, going back means to decode from its start. Raises as `frames`.
        """
        ((_, image),) = self.frames(index, index + 1)
        return image

    def bounds(self, start: int, stop: int | None) -> tuple[int, int]:
        """Checked start and stop of a range of these frames. Raises IndexError outside the clip."""
        stop = self.count if stop is None else stop
        if not 0 <= start <= stop <= self.count:
            raise IndexError(f"frames {start}:{stop} of a clip of {self.count}")
        return start, stop


def select_range(frames: tuple[int, int] | None, count: int, path: Path) -> tuple[int, int]:
    """The frames A, ..., B - 1 that the user asked for, of a source that has `count`.

    Raises InputError if they are not within it or none.
    """
    if frames is None:
        return 0, count
    first, stop = frames
    if first < 0 or stop <= first:
        raise InputError(f"A frame range {first}:{stop} is empty: give A:B with 0 <= A < B for the frames A to B - 1.")
    if stop > count:
        raise InputError(
            f"Frames {first}:{stop} lie outside {path.name}, which has {_frames(count)}: stay within 0:{count}."
        )
    return first, stop


def check_fps(fps: float) -> float:
    """Frames a second as the user gave them. Raises InputError for what cannot be."""
    if not (math.isfinite(fps) and 0 < fps <= HIGHEST_FPS):
        raise InputError(f"Footage cannot have {fps:g} frames a second: give --fps a number up to {HIGHEST_FPS:g}.")
    return fps


def check_size(width: int, height: int, name: str) -> None:
    """Raises InputError for frames that are too small to see a face in or too large for memory."""
    if min(width, height) < MIN_SIDE:
        raise InputError(
            f"{name} is {width} x {height} pixels, too small to find anything in: "
            f"use footage of at least {MIN_SIDE} x {MIN_SIDE}."
        )
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name} is {width} x {height} pixels, more than the {MAX_PIXELS // 1_000_000} million that fit into "
            "memory: scale it down first."
        )


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"
