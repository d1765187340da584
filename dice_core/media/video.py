"""Videos, decoded by the FFmpeg that OpenCV bundles."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dice_core.errors import InputError, Stopped
from dice_core.media.footage import DEFAULT_FPS, HIGHEST_FPS, Footage, check_size, never, select_range
from dice_core.media.images import hash_file

__all__ = ["VideoFootage"]

_log = logging.getLogger(__name__)

TOLERATED_SHORTFALL = 2
"""Frames by which sound containers announce too many (edit lists, rounding): no reason for a warning. Set by
hand."""

# FFmpeg writes to stderr otherwise. OpenCV looks at this once, before its first video, read or written.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


class VideoFootage(Footage):
    """A video file, upright by its rotation tag.

    Frames are counted by decoding them, because containers announce wrong numbers, and reached by decoding from
    the start, because seeking by time stamps lands beside the frame in many files.
    """

    def __init__(self, path: Path, frames: tuple[int, int] | None, should_stop: Callable[[], bool] = never) -> None:
        """Raises InputError if nothing can be decoded, or if the range lies outside; Stopped once should_stop(), asked
        after each frame, says so."""
        stop = None if frames is None else frames[1]
        facts = _scan(path, stop, should_stop)
        warnings: tuple[str, ...] = ()
        if frames is None and facts.announced - facts.count > TOLERATED_SHORTFALL:
            warnings = (
                f"{path.name} announces {facts.announced:.0f} frames but only {facts.count} can be decoded: "
                "it is cut off or damaged, and the rest is left out.",
            )
        chosen = select_range(frames, facts.count, path)
        super().__init__(
            "video",
            path,
            size=facts.size,
            fps=facts.fps,
            frames=chosen,
            warnings=warnings,
            should_stop=should_stop,
        )
        self._decoder: _Decoder | None = None

    def _hash(self) -> str:
        return hash_file(self.path, self._should_stop)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        start, stop = self.bounds(start, stop)
        return self._decode(start, stop)

    def _decode(self, start: int, stop: int) -> Iterator[tuple[int, np.ndarray]]:
        decoder = _Decoder(self.path)
        try:
            for index in range(start, stop):
                yield index, self._checked(decoder, index)
        finally:
            decoder.close()

    def read(self, index: int) -> np.ndarray:
        """One frame; the decoder stays where it is, so that reading on is fast."""
        self.bounds(index, index + 1)
        if self._decoder is None or self._decoder.position > self.first_frame + index:
            self.close()
            self._decoder = _Decoder(self.path)
        return self._checked(self._decoder, index)

    def close(self) -> None:
        """Close the file that `read` keeps open."""
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    def _checked(self, decoder: _Decoder, index: int) -> np.ndarray:
        number = self.first_frame + index
        image = decoder.read(number)
        if image is None or image.shape[1::-1] != (self.width, self.height):
            raise InputError(f"Frame {number} of {self.path.name} cannot be decoded: export the clip again.")
        return image


class _Decoder:
    """An open video; `position` is the number of the frame that comes next."""

    def __init__(self, path: Path) -> None:
        """Raises InputError if the file is no video."""
        self.capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
        self.position = 0
        if not self.capture.isOpened():
            raise InputError(
                f"{path.name} is neither an image nor a video that can be read, or it was cut off: export it again, "
                "for instance as PNG or as H.264 in MP4."
            )

    def read(self, number: int) -> np.ndarray | None:
        """Frame `number`, not before `position`: (h, w, 3) uint8 RGB, or None past the end."""
        while self.position < number and self.capture.grab():
            self.position += 1
        found, image = self.capture.read()
        self.position += 1
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if found else None

    def close(self) -> None:
        self.capture.release()


@dataclass(frozen=True)
class _Facts:
    """What a video really holds: upright size, frames a second, frames decoded and frames announced."""

    size: tuple[int, int]
    fps: float
    count: int
    announced: float


def _scan(path: Path, stop: int | None, should_stop: Callable[[], bool]) -> _Facts:
    """Go through a video, up to frame `stop`.

    Raises InputError if nothing can be decoded, Stopped once should_stop() says so.
    """
    _log.debug("counting the frames of %s", path)
    decoder = _Decoder(path)
    try:
        capture = decoder.capture
        width, height = (int(capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        check_size(width, height, path.name)
        image = decoder.read(0)
        if image is None:
            raise InputError(f"No frame of {path.name} can be decoded: export it again, for instance as H.264 in MP4.")
        begin = capture.get(cv2.CAP_PROP_POS_MSEC)
        count = 1
        while count != stop and capture.grab():
            count += 1
            if should_stop():
                raise Stopped
        seconds = (capture.get(cv2.CAP_PROP_POS_MSEC) - begin) / 1000
        fps = _plausible_fps(capture.get(cv2.CAP_PROP_FPS), count - 1, seconds)
        return _Facts((image.shape[1], image.shape[0]), fps, count, capture.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        decoder.close()


def _plausible_fps(announced: float, intervals: int, seconds: float) -> float:
    """Frames a second: announced, otherwise by the time stamps, otherwise the default."""
    measured = intervals / seconds if seconds > 0 else 0.0
    return next((fps for fps in (announced, measured) if 0 < fps <= HIGHEST_FPS), DEFAULT_FPS)
