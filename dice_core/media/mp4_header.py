"""How many frames an MP4 or QuickTime movie has and when they are shown, from its header alone.

Containers of other kinds do not say; players that know only a mean frame rate count wrong where frames are uneven, as
phones film them. Standard library and numpy only: Blender's side looks here too. Boxes and fields are those of
ISO/IEC 14496-12.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

__all__ = ["MovieHeader", "read_movie_header"]

# Frames by which a frame of an even clip may come early or late. As the decoder has it.
_TOLERANCE = 0.5
# Bytes of a table, set by hand: a million frames; a header that claims more is damaged.
_LARGEST_TABLE = 1 << 24
# Four days at 24 frames a second; a header that claims more is damaged.
_MOST_FRAMES = 1 << 23
_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}


@dataclass(frozen=True)
class MovieHeader:
    """When a movie's frames are shown.

    fps : frames a second, that of most frames where they are uneven; even : whether all lie where that rate has them;
    seconds : (n,) float64, of each frame after the first.
    """

    fps: float
    even: bool
    seconds: np.ndarray

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(self.seconds)


def read_movie_header(path: Path) -> MovieHeader | None:
    """What the header of a movie says of its first video track.

    Returns None for files of other kinds, fragmented ones and damaged ones. Raises OSError if it cannot be read.
    """
    with path.open("rb") as file:
        if file.read(8)[4:] not in (b"ftyp", b"moov", b"wide", b"mdat", b"free", b"skip"):
            return None
        try:
            for track in _tracks(file):
                if track.get(b"hdlr", b"")[8:12] == b"vide":
                    return _header(track)
        except (struct.error, ValueError, ZeroDivisionError):
            return None
    return None


def _header(track: dict[bytes, bytes]) -> MovieHeader | None:
    media = track.get(b"mdhd", b"")
    scale = struct.unpack_from(">I", media, 20 if media[:1] == b"\1" else 12)[0]
    (entries,) = struct.unpack_from(">I", track.get(b"stts", b""), 4)
    table = np.frombuffer(track[b"stts"], ">u4", 2 * entries, 8).astype(np.int64).reshape(-1, 2)
    if not 0 < table[:, 0].sum() <= _MOST_FRAMES:
        return None
    gaps = np.repeat(table[:, 1], table[:, 0])
    if not scale:
        return None
    if len(gaps) == 1:
        return MovieHeader(scale / max(int(gaps[0]), 1), True, np.zeros(1))
    ticks = np.sort(np.concatenate([[0], np.cumsum(gaps[:-1])]) + _display_delays(track, len(gaps)))
    gaps, seconds = np.diff(ticks), (ticks - ticks[0]) / scale
    if not (gaps > 0).all():
        return None
    mean, usual = len(gaps) / seconds[-1], scale / float(np.median(gaps))
    places = np.arange(len(seconds))
    for rate in (usual, mean):
        if np.abs(seconds * rate - places).max() <= _TOLERANCE:
            return MovieHeader(float(rate), True, seconds)
    return MovieHeader(float(usual), False, seconds)


def _display_delays(track: dict[bytes, bytes], count: int) -> np.ndarray:
    """(count,) ticks from when each frame is decoded until it is shown: not the same order where frames look ahead."""
    content = track.get(b"ctts")
    if content is None:
        return np.zeros(count, np.int64)
    (entries,) = struct.unpack_from(">I", content, 4)
    table = np.frombuffer(content, ">i4", 2 * entries, 8).astype(np.int64).reshape(-1, 2)
    if (table[:, 0] < 0).any() or table[:, 0].sum() != count:
        raise ValueError("delays of other frames")
    return np.repeat(table[:, 1], table[:, 0])


def _tracks(file: BinaryIO) -> Iterator[dict[bytes, bytes]]:
    """The boxes of each track that are of use, by kind."""
    file.seek(0, 2)
    end = file.tell()
    for kind, start, stop in _boxes(file, 0, end):
        if kind == b"moov":
            for inner, begin, finish in _boxes(file, start, stop):
                if inner == b"trak":
                    found: dict[bytes, bytes] = {}
                    _collect(file, begin, finish, found)
                    yield found


def _collect(file: BinaryIO, start: int, stop: int, found: dict[bytes, bytes]) -> None:
    for kind, begin, end in _boxes(file, start, stop):
        if kind in _CONTAINERS:
            _collect(file, begin, end, found)
        elif kind in (b"hdlr", b"mdhd", b"stts", b"ctts") and kind not in found and end - begin <= _LARGEST_TABLE:
            file.seek(begin)
            found[kind] = file.read(end - begin)


def _boxes(file: BinaryIO, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte and end of what each box between two places holds."""
    while start + 8 <= stop:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            size, header = struct.unpack(">Q", file.read(8))[0], 16
        end = stop if size == 0 else start + size
        if end > stop or end < start + header:
            return
        yield kind, start + header, end
        start = end
