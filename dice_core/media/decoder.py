"""Pictures and time stamps out of video files, by the FFmpeg that PyAV bundles."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.stream import Disposition

from dice_core.errors import InputError
from dice_core.media.orientation import UPRIGHT, from_display_matrix, turn_upright

__all__ = ["Decoder", "orientation_of", "to_rgb"]

MOST_THREADS = 4
"""Threads that decode. Each holds a frame of its own: of 4K and 10 bits, four take 100 MB. Set by hand."""

CONTAINERS = (
    "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,asf,flv,ogg,mxf,ivf,obu,av1,h264,hevc,m4v,dv,nut,gif,mjpeg"
)
"""What is opened, by FFmpeg's names. Playlists, which name other files and addresses, are not footage."""

_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}


class Decoder:
    """An open video; `position` is the number of the frame that comes next.

    Frames are those that decode without damage, in the order in which they are shown: the same in every run, whatever
    the number of threads. damaged : parts of the file, so far, that gave none.
    """

    def __init__(self, path: Path, *, deinterlace: bool = False) -> None:
        """deinterlace : make whole frames of the interlaced ones. Raises InputError if the file is no video."""
        self.position = 0
        self.damaged = 0
        self.packet_stamps: list[int | None] = []
        try:
            self._container = av.open(str(path.resolve()), options=_OPTIONS)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise InputError(_no_video(path)) from error
        stream = self._container.streams.best("video")
        # There is no codec_context where there is no decoder for it.
        if (
            not isinstance(stream, av.VideoStream)
            or stream.disposition & Disposition.attached_pic
            or stream.codec_context is None
        ):
            self.close()
            raise InputError(_no_video(path))
        self.stream = stream
        self._packets = self._container.demux(stream)
        stream.codec_context.thread_type = "AUTO"
        stream.codec_context.thread_count = min(MOST_THREADS, os.cpu_count() or 1)
        decoded = self._decode()
        self._frames = self._deinterlace(decoded) if deinterlace else decoded

    def next(self) -> av.VideoFrame | None:
        """The frame that comes next, None at the end."""
        frame = next(self._frames, None)
        self.position += frame is not None
        return frame

    def read(self, number: int) -> av.VideoFrame | None:
        """Frame `number`, not before `position`; None past the end."""
        while self.position < number:
            if self.next() is None:
                return None
        return self.next()

    def remaining_stamps(self) -> Iterator[int | None]:
        """Time stamps of what has not been decoded, in no order; nothing can be read afterwards."""
        yield from self.packet_stamps
        try:
            for packet in self._packets:
                if packet.size:
                    yield packet.pts
        except av.error.FFmpegError:
            self.damaged += 1

    @property
    def duration(self) -> float:
        """Seconds that the container announces, 0 where it does not."""
        return (self._container.duration or 0) / av.time_base

    @property
    def metadata(self) -> dict[str, str]:
        """Texts by their keys that the file, and within it its picture, holds."""
        return {**self._container.metadata, **self.stream.metadata}

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _decode(self) -> Iterator[av.VideoFrame]:
        ended = False
        while not ended:
            try:
                packet = next(self._packets, None)
            except av.error.FFmpegError:  # the file ends in the middle of something
                self.damaged += 1
                packet = None
            ended = packet is None or not packet.size
            if packet is not None and packet.size:
                if packet.is_corrupt:
                    self.damaged += 1
                    continue
                self.packet_stamps.append(packet.pts)
            try:
                frames = self.stream.codec_context.decode(None if ended else packet)
            except av.error.FFmpegError:
                self.damaged += 1
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self.damaged += 1
                else:
                    yield frame

    def _deinterlace(self, frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        graph = av.filter.Graph()
        source = graph.add_buffer(template=self.stream)
        graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink"))
        graph.configure()
        for frame in frames:
            graph.push(frame)
            yield from _pulled(graph)
        graph.push(None)
        yield from _pulled(graph)


def orientation_of(frame: av.VideoFrame) -> int:
    """How a frame is to be turned, 1 to 8 as in EXIF."""
    data = frame.side_data.get(Type.DISPLAYMATRIX)  # type: ignore[call-overload] # the stubs know the names alone
    return UPRIGHT if data is None else from_display_matrix(bytes(data))


def to_rgb(frame: av.VideoFrame, size: tuple[int, int], orientation: int) -> np.ndarray:
    """A frame as (h, w, 3) uint8 RGB, upright; its depth, range and matrix converted, its transparency left out.

    size : width and height, pixels, before it is turned; orientation : 1 to 8 as in EXIF.
    """
    scaled = frame.reformat(*size, format="rgb24", interpolation="BICUBIC")
    return turn_upright(scaled.to_ndarray(), orientation)


def _pulled(graph: av.filter.Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        if isinstance(frame, av.VideoFrame):
            yield frame


def _no_video(path: Path) -> str:
    return (
        f"{path.name} is neither an image nor a video that can be read, or it was cut off: export it again, "
        "for instance as PNG or as H.264 in MP4."
    )
