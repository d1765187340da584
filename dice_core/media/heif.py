"""HEIC and AVIF photos: the boxes of ISO/IEC 23008-12 (HEIF), and the pictures in them by PyAV's decoders.

Phones store a photo as one picture or as a grid of tiles, with properties that say how it is cropped, turned and
mirrored.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from dice_core.media.heif_boxes import HeifFile, Item, read_boxes
from dice_core.media.orientation import turn_upright

__all__ = ["HeifError", "read_heif"]

_DECODERS = {"hvc1": ("hevc", "hvcC"), "av01": ("libdav1d", "av1C")}
MOST_TILES = 4096
"""Tiles of a grid: a photo of 120 million pixels has 460 of 512 x 512. Set by hand."""

_LARGEST_BLOCK = 128
"""Pixels along a side of the blocks that pictures are coded in, in AV1; in HEVC it is 64. What is decoded may reach
beyond the picture by less than one."""


class HeifError(Exception):
    """The photo cannot be decoded; the message is a reason, in a few words."""


@dataclass(frozen=True)
class _Grid:
    rows: int
    columns: int
    width: int
    height: int


def read_heif(path: Path) -> np.ndarray:
    """The main picture of a HEIC or AVIF file, upright, (h, w, 3) uint8 RGB; transparency and depth are left out.

    Raises HeifError if it cannot be decoded, ValueError or struct.error for damaged boxes, OSError if the file cannot
    be read.
    """
    with path.open("rb") as stream:
        boxes = read_boxes(stream)
        try:
            image = _stored(boxes, boxes.main)
        except av.error.FFmpegError as error:
            raise HeifError("its pixels cannot be decoded") from error
    return turn_upright(_cropped(image, boxes.main), boxes.main.orientation)


def _stored(boxes: HeifFile, item: Item) -> np.ndarray:
    if item.kind != "grid":
        return _decode(item, boxes.content(item))
    grid = _grid(boxes.content(item))
    tiles = boxes.tiles(item)
    if len(tiles) != grid.rows * grid.columns or len(tiles) > MOST_TILES:
        raise HeifError("its tiles are not complete")
    if (grid.width, grid.height) != item.size or not _fit(grid, tiles):
        raise HeifError("its tiles are of another size than the picture")
    image = np.zeros((grid.height, grid.width, 3), np.uint8)
    for number, tile in enumerate(tiles):
        part = _decode(tile, boxes.content(tile))
        top, left = number // grid.columns * part.shape[0], number % grid.columns * part.shape[1]
        room = image[top : top + part.shape[0], left : left + part.shape[1]]
        room[:] = part[: room.shape[0], : room.shape[1]]
    return image


def _fit(grid: _Grid, tiles: list[Item]) -> bool:
    """Whether tiles cover their grid and no more: all of one size, and each row and column needed."""
    width, height = tiles[0].size
    across = (grid.columns - 1) * width < grid.width <= grid.columns * width
    down = (grid.rows - 1) * height < grid.height <= grid.rows * height
    return across and down and all(tile.size == (width, height) for tile in tiles)


def _decode(item: Item, content: bytes) -> np.ndarray:
    if item.kind not in _DECODERS:
        raise HeifError(f"it is stored as {item.kind!r}")
    name, configuration = _DECODERS[item.kind]
    context = av.CodecContext.create(name, "r")
    if not isinstance(context, av.VideoCodecContext):
        raise HeifError(f"{name} is no decoder of pictures")
    if configuration in item.properties:
        context.extradata = item.properties[configuration]
    # What the coded picture says of itself is held against what the file says of it before it is decoded: a kilobyte
    # can be coded as a gigabyte.
    width, height = item.size
    context.options = {"max_pixels": str((width + _LARGEST_BLOCK) * (height + _LARGEST_BLOCK))}
    frames = [*context.decode(av.Packet(content)), *context.decode(None)]
    if not frames or (frames[0].width, frames[0].height) != item.size:
        raise HeifError("its pixels are of another size than it says")
    frame = frames[0]
    colour = item.properties.get("nclx")
    if colour is not None:
        matrix, flags = struct.unpack(">HB", colour[4:7])
        frame.colorspace, frame.color_range = matrix, 2 if flags & 0x80 else 1
    return frame.reformat(format="rgb24", interpolation="BICUBIC").to_ndarray()


def _grid(content: bytes) -> _Grid:
    _, flags, rows, columns = struct.unpack(">4B", content[:4])
    width, height = struct.unpack(">II", content[4:12]) if flags & 1 else struct.unpack(">HH", content[4:8])
    return _Grid(rows + 1, columns + 1, width, height)


def _cropped(image: np.ndarray, item: Item) -> np.ndarray:
    """The part that the clean aperture leaves."""
    left, top, width, height = item.crop
    return np.ascontiguousarray(image[top : top + height, left : left + width])
