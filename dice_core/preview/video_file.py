"""Videos that every browser and player shows: H.264 in MP4, by the encoder that PyAV bundles."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

__all__ = ["VideoWriter"]

CLOCK = 90_000
"""Ticks a second of the time stamps: those of MPEG, in which all usual frame rates are whole."""

_OPTIONS = {"preset": "medium", "crf": "20", "movflags": "+faststart"}
"""Quality and speed of x264, set by hand: contact colours stay clear, and a minute has some 10 MB. The index stands
first, so that a browser plays while it loads."""


class VideoWriter:
    """Writes frames with their times; closing it makes the file whole.

    path : the file; size : width and height in pixels, even; fps : frames a second, as the container says it.
    Raises OSError where the file cannot be written.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        try:
            self._container = av.open(str(path), "w", format="mp4", options={"movflags": _OPTIONS["movflags"]})
        except av.error.FFmpegError as error:
            raise _as_os_error(error) from error
        encoding = {key: value for key, value in _OPTIONS.items() if key != "movflags"}
        self._stream = self._container.add_stream(
            "libx264", rate=Fraction(fps).limit_denominator(1001), options=encoding
        )
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = Fraction(1, CLOCK)
        self._last = -1

    def write(self, image: np.ndarray, seconds: float) -> None:
        """Add a frame, (h, w, 3) uint8 RGB, shown from `seconds` on, which is later than the frame before."""
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts = self._last = max(round(seconds * CLOCK), self._last + 1)
        frame.time_base = Fraction(1, CLOCK)
        self._mux(frame)

    def finish(self) -> None:
        """Write what is still held back."""
        self._mux(None)

    def close(self) -> None:
        """Close the file, whatever has happened before."""
        try:
            self._container.close()
        except av.error.FFmpegError as error:
            raise _as_os_error(error) from error

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except av.error.FFmpegError as error:
            raise _as_os_error(error) from error


def _as_os_error(error: av.error.FFmpegError) -> OSError:
    return OSError(error.errno, error.strerror)
