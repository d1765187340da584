"""The boxes of a HEIC or AVIF file: which item is the photo, where its bytes lie, and how it is to be shown.

Nothing is believed of what a file says of itself: all offsets and counts are held against its length.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import BinaryIO

from dice_core.media.orientation import MIRRORED, QUARTER_TURN, UPSIDE_DOWN_MIRRORED, combined

__all__ = ["HeifFile", "Item", "is_heif", "read_boxes"]

STILLS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif"})
ANIMATIONS = frozenset({b"hevc", b"hevx", b"msf1", b"avis"})
"""Brands of files with one photo, and of those with several pictures over time."""

MOST_BOX_BYTES = 16_000_000
"""Of the description alone; a phone's takes some kilobytes. Set by hand."""


@dataclass
class Item:
    """A picture in the file.

    kind : its four letters, as "hvc1", "av01" or "grid"; properties : bytes by their four letters; colour as "nclx";
    orientation : how it is turned to stand upright, 1 to 8 as in EXIF; extents : (offset, length) of its bytes;
    in_idat : whether those count within the description.
    """

    kind: str
    properties: dict[str, bytes] = field(default_factory=dict)
    orientation: int = 1
    extents: list[tuple[int, int]] = field(default_factory=list)
    in_idat: bool = False
    tiles: list[int] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels as stored. Raises ValueError where it is not given."""
        if "ispe" not in self.properties:
            raise ValueError("no size")
        width, height = struct.unpack(">II", self.properties["ispe"][4:12])
        return width, height

    @property
    def crop(self) -> tuple[int, int, int, int]:
        """Left, top, width and height in pixels of what is shown of it, before it is turned.

        Raises ValueError where that is not within the picture.
        """
        width, height = self.size
        if "clap" not in self.properties:
            return 0, 0, width, height
        numbers = struct.unpack(">4I", self.properties["clap"][:16]) + struct.unpack(
            ">iIiI", self.properties["clap"][16:32]
        )
        if not all(numbers[1::2]):
            raise ValueError("a crop of nothing")
        across, down, right, below = (Fraction(*numbers[k : k + 2]) for k in (0, 2, 4, 6))
        left, top = (width - across) / 2 + right, (height - down) / 2 + below
        if left < 0 or top < 0 or left + across > width or top + down > height:
            raise ValueError("a crop outside the picture")
        return int(left), int(top), int(across), int(down)


@dataclass
class HeifFile:
    """An open HEIF file."""

    stream: BinaryIO
    items: dict[int, Item]
    main_id: int
    idat: bytes

    @property
    def main(self) -> Item:
        """The photo. Raises ValueError where there is none."""
        if self.main_id not in self.items:
            raise ValueError("no main picture")
        return self.items[self.main_id]

    def tiles(self, item: Item) -> list[Item]:
        """The pictures that a grid is made of, row by row."""
        return [self.items[number] for number in item.tiles if number in self.items]

    def content(self, item: Item) -> bytes:
        """An item's bytes."""
        length = self.stream.seek(0, 2)
        if sum(size for _, size in item.extents) > length:
            raise ValueError("more bytes than there are")
        parts = []
        for offset, size in item.extents:
            if item.in_idat:
                parts.append(self.idat[offset : offset + size])
            elif offset + size > length:
                raise ValueError("bytes beyond the end")
            else:
                self.stream.seek(offset)
                parts.append(self.stream.read(size or length - offset))
        return b"".join(parts)


def is_heif(start: bytes) -> str:
    """What the first bytes of a file, 32 or more, say: "photo", "animation", or "" for no HEIF file."""
    if start[4:8] != b"ftyp":
        return ""
    size = struct.unpack(">I", start[:4])[0]
    brands = {start[8:12], *(start[k : k + 4] for k in range(16, min(size, len(start)) - 3, 4))}
    if start[8:12] in ANIMATIONS:
        return "animation"
    return "photo" if brands & STILLS else ""


def read_boxes(stream: BinaryIO) -> HeifFile:
    """The description of a HEIF file. Raises ValueError if it is damaged."""
    try:
        for kind, body in _top_boxes(stream):
            if kind == "meta":
                return _meta(stream, body[4:])
    except (struct.error, IndexError) as error:
        raise ValueError("boxes cut short") from error
    raise ValueError("no description")


def _top_boxes(stream: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """The boxes of the file; only the description's content is read."""
    length = stream.seek(0, 2)
    at = 0
    while at + 8 <= length:
        stream.seek(at)
        head = stream.read(16)
        size, kind, head_size = _head(head, length - at)
        if kind == "meta":
            if size > MOST_BOX_BYTES:
                raise ValueError("a description beyond measure")
            stream.seek(at + head_size)
            yield kind, stream.read(size - head_size)
        at += size


def _head(head: bytes, left: int) -> tuple[int, str, int]:
    """Size, kind, and size of the head of a box, of which `left` bytes are there."""
    size, kind = struct.unpack(">I4s", head[:8])
    head_size = 8
    if size == 1:
        (size,) = struct.unpack(">Q", head[8:16])
        head_size = 16
    elif size == 0:
        size = left
    if size < head_size:
        raise ValueError("a box without size")
    return size, kind.decode("latin-1"), head_size


def _boxes(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind, head_size = _head(data[at : at + 16], len(data) - at)
        yield kind, data[at + head_size : at + size]
        at += size


def _meta(stream: BinaryIO, body: bytes) -> HeifFile:
    parts = dict(_boxes(body))
    for kind in ("pitm", "iinf", "iloc", "iprp"):
        if kind not in parts:
            raise ValueError(f"no {kind}")
    items = _items(parts["iinf"])
    _locate(parts["iloc"], items)
    _describe(parts["iprp"], items)
    for number, tiles in _references(parts.get("iref", b"")):
        if number in items:
            items[number].tiles = tiles
    main_id = struct.unpack(">I" if parts["pitm"][0] else ">H", parts["pitm"][4 : 8 if parts["pitm"][0] else 6])[0]
    return HeifFile(stream, items, main_id, parts.get("idat", b""))


def _items(body: bytes) -> dict[int, Item]:
    items = {}
    for _, entry in _boxes(body[8 if body[0] else 6 :]):
        number_format = ">I" if entry[0] == 3 else ">H"
        start = 4 + struct.calcsize(number_format)
        (number,) = struct.unpack(number_format, entry[4:start])
        items[number] = Item(entry[start + 2 : start + 6].decode("latin-1"))
    return items


class _Numbers:
    """Big-endian numbers one after the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def take(self, size: int) -> int:
        if self._at + size > len(self._data):
            raise ValueError("cut short")
        self._at += size
        return int.from_bytes(self._data[self._at - size : self._at], "big")


def _locate(body: bytes, items: dict[int, Item]) -> None:
    version, numbers = body[0], _Numbers(body, 4)
    sizes = numbers.take(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(numbers.take(4 if version == 2 else 2)):
        item = items.get(numbers.take(4 if version == 2 else 2), Item(""))
        method = numbers.take(2) & 15 if version else 0
        if method > 1:
            raise ValueError("bytes of other items")
        item.in_idat = method == 1
        numbers.take(2)
        base = numbers.take(base_size)
        count = numbers.take(2)
        if count > 1 and not offset_size + length_size:
            raise ValueError("parts without a place")
        for _ in range(count):
            numbers.take(index_size if version else 0)
            offset = numbers.take(offset_size)
            item.extents.append((base + offset, numbers.take(length_size)))


def _describe(body: bytes, items: dict[int, Item]) -> None:
    parts = dict(_boxes(body))
    properties = list(_boxes(parts["ipco"])) if "ipco" in parts else []
    for kind, links in _boxes(body):
        if kind != "ipma":
            continue
        wide, numbers = links[3] & 1, _Numbers(links, 4)
        for _ in range(numbers.take(4)):
            item = items.get(numbers.take(4 if links[0] else 2), Item(""))
            for _ in range(numbers.take(1)):
                index = numbers.take(2) & 0x7FFF if wide else numbers.take(1) & 0x7F
                if 0 < index <= len(properties):
                    _add(item, *properties[index - 1])


def _add(item: Item, kind: str, content: bytes) -> None:
    if kind == "irot":
        for _ in range(content[0] & 3):
            item.orientation = combined(item.orientation, QUARTER_TURN)
    elif kind == "imir":
        item.orientation = combined(item.orientation, MIRRORED if content[0] & 1 else UPSIDE_DOWN_MIRRORED)
    elif kind == "colr":
        if content[:4] == b"nclx":
            item.properties["nclx"] = content[4:]
    else:
        item.properties[kind] = content


def _references(body: bytes) -> Iterator[tuple[int, list[int]]]:
    """The tiles of each grid."""
    if not body:
        return
    size = 4 if body[0] else 2
    for kind, entry in _boxes(body[4:]):
        if kind == "dimg":
            numbers = _Numbers(entry, 0)
            number = numbers.take(size)
            yield number, [numbers.take(size) for _ in range(numbers.take(2))]
