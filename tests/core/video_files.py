"""Videos of every kind, made on the spot by PyAV."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

WIDTH, HEIGHT = 96, 64
STEP = 9
"""Grey levels from one frame of `grey_frames` to the next."""


def grey_frames(count: int, width: int = WIDTH, height: int = HEIGHT) -> list[np.ndarray]:
    """Frame k is grey of level 20 + STEP k, with a red top left quarter."""
    frames = []
    for index in range(count):
        frame = np.full((height, width, 3), 20 + STEP * index, np.uint8)
        frame[: height // 2, : width // 2] = (200, 0, 0)
        frames.append(frame)
    return frames


def number(image: np.ndarray) -> int:
    """Which of `grey_frames` a picture shows."""
    height, width = image.shape[:2]
    return round((float(image[height * 5 // 8 :, width * 5 // 8 :].mean()) - 20) / STEP)


def write_video(
    path: Path,
    frames: Sequence[np.ndarray],
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    rate: Fraction | int = 25,
    stamps: Sequence[int] | None = None,
    aspect: Fraction | None = None,
    rotation: int = 0,
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
) -> Path:
    """A video of frames (h, w, 3) uint8 RGB, or av.VideoFrames.

    stamps : of the frames, in units of 1 / rate, which are as even as can be by default; aspect : width of a pixel in
    heights; rotation : degrees anticlockwise by which a player turns it.
    """
    first = frames[0]
    size = (first.width, first.height) if isinstance(first, av.VideoFrame) else (first.shape[1], first.shape[0])
    with av.open(str(path), "w", options=container or {}) as output:
        stream = output.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        stream.time_base = stream.codec_context.time_base = 1 / Fraction(rate)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        for index, image in enumerate(frames):
            frame = image if isinstance(image, av.VideoFrame) else av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = index if stamps is None else stamps[index]
            frame.time_base = 1 / Fraction(rate)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def combed_frames(count: int) -> list[np.ndarray]:
    """Interlaced frames of a bright bar that moves by 8 pixels from field to field, the upper field first."""
    frames = []
    for index in range(count):
        frame = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
        for field in (0, 1):
            left = 4 + 8 * (2 * index + field) % (WIDTH - 20)
            frame[field::2, left : left + 12] = 220
        frames.append(frame)
    return frames
