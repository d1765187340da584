"""Videos: what is in the file, and its frames."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np

from dice_core.errors import InputError, Stopped
from dice_core.geometry.camera import square_size
from dice_core.media.decoder import Decoder, orientation_of, to_rgb
from dice_core.media.focal_length import video_field_of_view
from dice_core.media.footage import Footage, check_size, never, select_range, spread_rows
from dice_core.media.frame_times import FrameTimes, frame_times
from dice_core.media.images import hash_file
from dice_core.media.orientation import swaps_sides
from dice_core.media.pixel_density import MOST_ASPECT
from dice_core.media.source_files import SourceFiles
from dice_core.prefetch import prefetch

__all__ = ["VideoFootage"]

_log = logging.getLogger(__name__)

DECODED_AHEAD = 2
"""Frames that wait to be looked at: of 4K, two take 50 MB. Set by hand."""

MOST_KEPT = 64 * 2**20
"""Bytes of frames, as they were decoded, that are kept from counting, so that nobody has to go through the clip again
for them: eight of 2560 x 1440. Set by hand."""

TOLERATED_SHORTFALL = 2
"""Frames by which sound containers announce too many (edit lists, rounding): no reason for a warning. Set by
hand."""

TOLERATED_SECONDS = 1.0
"""Seconds by which the picture may end before the file does, where only the whole's length is known: sound lasts
longer. Set by hand."""

LONGEST_SIDE = 4096
"""Pixels: larger frames are looked at in this size. A frame of 8K takes 100 MB, several of which are in hand at a time;
faces that are 60 pixels wide in 4K are found. Set by hand."""

REORDERED = 16
"""Frames at most by which the order of storing and showing differs, in all codecs that are read."""


class VideoFootage(Footage):
    """A video file, upright by its rotation tag, in square pixels, whole frames where they are interlaced; frames of
    more than 4K are reduced.

    Frames are counted by decoding them, because containers announce wrong numbers, and reached by decoding from
    the start, because seeking by time stamps lands beside the frame in many files.
    """

    def __init__(self, path: Path, frames: tuple[int, int] | None, should_stop: Callable[[], bool] = never) -> None:
        """Raises InputError if nothing can be decoded, or if the range lies outside; Stopped once should_stop(), asked
        after each frame, says so."""
        files = SourceFiles((path,))
        facts = _scan(path, frames, should_stop)
        first, stop = select_range(frames, facts.count, path)
        upright = facts.size[::-1] if swaps_sides(facts.orientation) else facts.size
        aspect = 1 / facts.pixel_aspect if swaps_sides(facts.orientation) else facts.pixel_aspect
        square = square_size(*upright, aspect)
        check_size(*square, path.name)
        scale = min(1.0, LONGEST_SIDE / max(square))
        square = round(square[0] * scale), round(square[1] * scale)
        super().__init__(
            "video",
            path,
            files,
            size=square,
            source_size=upright,
            orientation=facts.orientation,
            fps=facts.times.fps,
            frames=(first, stop),
            seconds=None if facts.times.even else facts.times.seconds[first:stop],
            field_of_view=video_field_of_view(facts.metadata, square),
            warnings=tuple(_warnings(path, facts, whole=frames is None)),
            should_stop=should_stop,
        )
        self._facts = facts
        self._kept = facts.kept  # each is forgotten once it is read
        self._decoder: Decoder | None = None

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_facts": replace(self._facts, kept={}), "_kept": {}, "_decoder": None}

    def _hash(self) -> str:
        return hash_file(self.path, self._should_stop)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        start, stop = self.bounds(start, stop)
        # In a thread of its own: every call into FFmpeg gives up Python's lock and has to wait for it afterwards.
        return prefetch(self._decode(start, stop), DECODED_AHEAD, "decoding")

    def _decode(self, start: int, stop: int) -> Iterator[tuple[int, np.ndarray]]:
        decoder = self._open()
        try:
            for index in range(start, stop):
                yield index, self._read(decoder, index)
        finally:
            decoder.close()

    def read(self, index: int) -> np.ndarray:
        """One frame; the decoder stays where it is, so that reading on is fast. Of a few all over the clip
        (`spread_rows`) nothing is decoded the first time."""
        self.bounds(index, index + 1)
        if (kept := self._kept.pop(self.first_frame + index, None)) is not None:
            return self._shown(kept)
        if self._decoder is None or self._decoder.position > self.first_frame + index:
            self.close()
            self._decoder = self._open()
        return self._read(self._decoder, index)

    def close(self) -> None:
        """Close the file that `read` keeps open."""
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    def _open(self) -> Decoder:
        return Decoder(self.path, deinterlace=self._facts.interlaced)

    def _read(self, decoder: Decoder, index: int) -> np.ndarray:
        number = self.first_frame + index
        frame = decoder.read(number)
        if frame is None or (frame.width, frame.height) != self._facts.size:
            raise InputError(f"Frame {number} of {self.path.name} cannot be decoded: export the clip again.")
        return self._shown(frame)

    def _shown(self, frame: av.VideoFrame) -> np.ndarray:
        stored = (self.height, self.width) if swaps_sides(self.orientation) else (self.width, self.height)
        return to_rgb(frame, stored, self.orientation)


@dataclass(frozen=True)
class _Facts:
    """What a video really holds.

    size : width, height as stored; pixel_aspect : width of a stored pixel in heights; orientation : 1 to 8 as in EXIF;
    times : of all frames, also of those that were not decoded; count : frames decoded; announced : frames by the
    container, and tolerated : by how many too many; damaged : parts that could not be decoded; metadata : texts by
    their keys, of the file and of its picture; kept : some of the frames, by their numbers.
    """

    size: tuple[int, int]
    pixel_aspect: float
    orientation: int
    interlaced: bool
    times: FrameTimes
    count: int
    announced: int
    tolerated: int
    damaged: int
    metadata: dict[str, str]
    kept: dict[int, av.VideoFrame]


def _scan(path: Path, frames: tuple[int, int] | None, should_stop: Callable[[], bool]) -> _Facts:
    """Go through a video, up to the end of a range of frames; of what comes after, only the time stamps are read.

    Raises InputError if nothing can be decoded or the size changes on the way, Stopped once should_stop() says so.
    """
    _log.debug("counting the frames of %s", path)
    decoder = Decoder(path)
    stop = None if frames is None else frames[1]
    try:
        stream = decoder.stream
        check_size(stream.width, stream.height, path.name)
        first = frame = decoder.next()
        if first is None:
            raise InputError(f"No frame of {path.name} can be decoded: export it again, for instance as H.264 in MP4.")
        size, orientation = (first.width, first.height), orientation_of(first)
        stamps: list[int | None] = []
        interlaced = False
        wanted = _wanted(first, frames or (0, stream.frames))
        kept: dict[int, av.VideoFrame] = {}
        while frame is not None:
            if (frame.width, frame.height) != size:
                raise InputError(
                    f"{path.name} changes from {size[0]} x {size[1]} to {frame.width} x {frame.height} pixels near "
                    f"frame {len(stamps)}: cut it there and capture the parts one by one."
                )
            if len(stamps) in wanted:
                kept[len(stamps)] = frame
            stamps.append(frame.pts)
            interlaced = interlaced or frame.interlaced_frame
            if should_stop():
                raise Stopped
            frame = None if len(stamps) == stop else decoder.next()
        if stream.codec_context.name == "gif" and len(stamps) == 1 != stop:
            raise InputError(f"{path.name} is a single picture, but a GIF: save it as PNG.")
        if len(stamps) == stop:
            count = len(stamps)
            stamps += _later(decoder.remaining_stamps(), stamps[-1])
        else:
            cut_off = stream.frames - len(stamps) > decoder.damaged
            count = _unbroken(stamps) if cut_off else len(stamps)
            stamps = stamps[:count]
        times = frame_times(_seconds(stamps, stream.time_base), _rates(stream))
        announced = stream.frames or (round(decoder.duration * times.fps) if times.even else 0)
        tolerated = TOLERATED_SHORTFALL if stream.frames else round(TOLERATED_SECONDS * times.fps)
        aspect = _pixel_aspect(stream.sample_aspect_ratio, path)
        return _Facts(
            size,
            aspect,
            orientation,
            interlaced,
            times,
            count,
            announced,
            tolerated,
            decoder.damaged,
            decoder.metadata,
            {} if interlaced else kept,
        )
    finally:
        decoder.close()


def _wanted(first: av.VideoFrame, frames: tuple[int, int]) -> set[int]:
    """The frames of a range that are worth keeping, none where they are too large; first : one of them.

    Of a clip the range is what its container announces: where that is wrong, these frames are not the ones asked for.
    """
    start, stop = frames
    rows = spread_rows(stop - start) if 0 <= start < stop else np.zeros(0, int)
    size = sum(plane.buffer_size for plane in first.planes)
    return set((start + rows).tolist()) if len(rows) * size <= MOST_KEPT else set()


def _unbroken(stamps: list[int | None]) -> int:
    """How many frames of a cut-off clip there are before the hole at its end, where some that are shown earlier are
    stored later and are lost."""
    known = [stamp for stamp in stamps if stamp is not None]
    gaps = np.diff(known)
    if len(known) < len(stamps) or len(gaps) < 2:
        return len(stamps)
    holes = np.flatnonzero(gaps[-REORDERED:] > 1.5 * np.median(gaps))
    return len(stamps) - len(gaps[-REORDERED:]) + int(holes[0]) if len(holes) else len(stamps)


def _later(stamps: Iterator[int | None], last: int | None) -> list[int]:
    """The stamps after the last decoded frame's, in order."""
    return [] if last is None else sorted(stamp for stamp in stamps if stamp is not None and stamp > last)


def _seconds(stamps: list[int | None], unit: object) -> list[float | None]:
    return [None if stamp is None or unit is None else stamp * float(unit) for stamp in stamps]  # type: ignore[arg-type]


def _rates(stream: object) -> list[float]:
    """Frames a second that the container announces, the most trusted first."""
    rates = (getattr(stream, name) for name in ("guessed_rate", "average_rate"))
    return [float(rate) for rate in rates if rate]


def _pixel_aspect(ratio: object, path: Path) -> float:
    aspect = float(ratio) if ratio else 1.0  # type: ignore[arg-type]
    if not 1 / MOST_ASPECT <= aspect <= MOST_ASPECT:
        raise InputError(f"{path.name} says that its pixels are {ratio} as wide as high: export it with square pixels.")
    return aspect


def _warnings(path: Path, facts: _Facts, *, whole: bool) -> Iterator[str]:
    if whole and facts.announced - facts.count > facts.tolerated:
        yield (
            f"{path.name} announces {facts.announced} frames but only {facts.count} can be decoded: "
            "it is cut off or damaged, and the rest is left out."
        )
    elif facts.damaged:
        parts = "1 part" if facts.damaged == 1 else f"{facts.damaged} parts"
        yield f"{parts} of {path.name} cannot be decoded: it is cut off or damaged, and what is missing is left out."
    if not facts.times.even:
        gaps = np.diff(facts.times.seconds) * 1000
        yield (
            f"The frames of {path.name} do not follow each other evenly, but after {gaps.min():.0f} to "
            f"{gaps.max():.0f} milliseconds: each keeps its own time, and {facts.times.fps:g} frames a second "
            "are counted for the whole."
        )
