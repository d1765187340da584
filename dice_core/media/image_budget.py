"""What decoding a picture would take, from its own headers, before any of it is decoded.

Decoders believe what a file says: a PNG of 5 kB whose data claims 4 GB makes OpenCV allocate them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["check_image"]

BUDGET = 800_000_000
"""Bytes that decoding may take: the pictures of 108 megapixels that phones make take 650 million as TIFF."""

SCAN_BUDGET = 3_000_000_000
"""Pixels times passes of a progressive JPEG, some ten seconds of work; a photo has ten passes."""

_CHANNELS = 3  # of what OpenCV gives back
_PNG_ONCE = {b"IHDR", b"PLTE"}
_PNG_TEXT = 16_000_000
"""Bytes of a PNG's chunk that is no picture: text, colour profiles, EXIF. Set by hand."""
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = {0x01, *range(0xD0, 0xD9)}
_TIFF_SHORT, _TIFF_LONG = 3, 4
_WIDTH, _HEIGHT, _BITS, _SAMPLES, _ROWS, _TILE_WIDTH, _TILE_HEIGHT = 0x100, 0x101, 0x102, 0x115, 0x116, 0x142, 0x143
_TIFF_NUMBERS = {_WIDTH, _HEIGHT, _SAMPLES, _ROWS, _TILE_WIDTH, _TILE_HEIGHT}
_ANIMATED = 0x02


def check_image(content: memoryview, size: tuple[int, int]) -> None:
    """Check that a picture can be decoded within the budget.

    content : the whole file; size : width and height in pixels, either way round, as `image_size` has found them.
    Raises ValueError, in words that fit into a sentence, where it claims more data than it has, or would take too much.
    """
    start = bytes(content[:16])
    pixels = size[0] * size[1]
    try:
        if start.startswith(b"\x89PNG\r\n\x1a\n"):
            needed = _png(content)
        elif start.startswith(b"\xff\xd8"):
            needed = _jpeg(content, pixels)
        elif start[:4] == b"RIFF":
            needed = _webp(content)
        elif start[:4] in (b"II*\0", b"MM\0*"):
            needed = _tiff(content)
        else:
            return  # BMP: its header is all it says, and `image_size` has read that
    except (struct.error, IndexError):
        raise ValueError("it is cut short") from None
    if needed + _CHANNELS * pixels > BUDGET:
        raise ValueError(f"decoding it would take {(needed + _CHANNELS * pixels) / 1e9:.1f} GB of memory")


def _png(content: memoryview) -> int:
    place, first = 8, True
    once = set(_PNG_ONCE)
    while place < len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        if place + 12 + length > len(content):
            raise ValueError("it claims more data than it has")
        if first and (kind != b"IHDR" or length != 13):
            raise ValueError("it does not begin with its size")
        if kind in _PNG_ONCE:
            if kind not in once:
                raise ValueError("it says its size or its colours twice")
            once.remove(kind)
        elif kind not in (b"IDAT", b"fdAT") and length > _PNG_TEXT:
            raise ValueError(f"it has {length / 1e6:.0f} MB of something that is no picture")
        if kind == b"IEND":
            return 0
        place, first = place + 12 + length, False
    raise ValueError("it is cut short")


def _jpeg(content: memoryview, pixels: int) -> int:
    """Progressive files are held as a whole, in two bytes a coefficient; others are decoded row by row."""
    needed = 0
    for marker, place, length in _jpeg_segments(content):
        if marker in _FRAMES:
            components = content[place + 5]
            samples = [content[place + 7 + 3 * number] for number in range(components)]
            factors = [(value >> 4) * (value & 15) for value in samples]
            if not factors or not all(factors) or length < 6 + 3 * components:
                raise ValueError("its frame is damaged")
            # A factor counts the samples of a component in a block; the largest of a block is all of its pixels.
            share = sum(factors) / max(factors)
            needed = int(2 * share * pixels) if marker in _PROGRESSIVE else 0
            break
    scans = bytes(content).count(b"\xff\xda") if needed else 1
    if scans * pixels > SCAN_BUDGET:
        raise ValueError(f"it has {scans} passes, which would take minutes to decode")
    return needed


def _jpeg_segments(content: memoryview) -> Iterator[tuple[int, int, int]]:
    """Marker, place of the content and its length of each segment before the picture data."""
    place = 2
    while True:
        while content[place] == 0xFF and content[place + 1] == 0xFF:
            place += 1
        lead, marker = content[place], content[place + 1]
        if lead != 0xFF or marker in (0xD9, 0xDA):
            return
        place += 2
        if marker in _BARE:
            continue
        (length,) = struct.unpack_from(">H", content, place)
        if place + length > len(content) or length < 2:
            raise ValueError("it claims more data than it has")
        yield marker, place + 2, length - 2
        place += length


def _webp(content: memoryview) -> int:
    place, animated = 12, False
    width = height = needed = 0
    (announced,) = struct.unpack_from("<I", content, 4)
    while place + 8 <= min(len(content), 8 + announced):
        kind, length = struct.unpack_from("<4sI", content, place)
        if place + 8 + length > len(content):
            raise ValueError("it claims more data than it has")
        at = place + 8
        if kind == b"VP8X":
            animated = bool(content[at] & _ANIMATED)
            width = 1 + int.from_bytes(content[at + 4 : at + 7], "little")
            height = 1 + int.from_bytes(content[at + 7 : at + 10], "little")
        elif kind == b"VP8L":
            (bits,) = struct.unpack_from("<I", content, at + 1)
            needed = max(needed, 4 * (1 + (bits & 0x3FFF)) * (1 + (bits >> 14 & 0x3FFF)))
        elif kind == b"VP8 ":
            inner_width, inner_height = struct.unpack_from("<HH", content, at + 6)
            needed = max(needed, 2 * (inner_width & 0x3FFF) * (inner_height & 0x3FFF))
        place = at + length + length % 2
    # An animation keeps two whole pictures of its canvas, with transparency.
    return max(needed, 8 * width * height) if animated else needed


def _tiff(content: memoryview) -> int:
    order = "<" if bytes(content[:2]) == b"II" else ">"
    (directory,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, directory)
    values: dict[int, int] = {}
    for number in range(count):
        entry = directory + 2 + 12 * number
        tag, kind, amount = struct.unpack_from(f"{order}HHI", content, entry)
        if tag in values or (tag in _TIFF_NUMBERS and (kind not in (_TIFF_SHORT, _TIFF_LONG) or amount != 1)):
            raise ValueError("it says its size twice, or in an unusual way")
        if tag == _BITS and kind == _TIFF_SHORT and 2 < amount < 99:  # too many for the entry, which has their place
            (entry,) = struct.unpack_from(f"{order}I", content, entry + 8)
            entry -= 8
        letter = "H" if kind == _TIFF_SHORT else "I"
        (values[tag],) = struct.unpack_from(f"{order}{letter}", content, entry + 8)
    width, height = values.get(_WIDTH, 0), values.get(_HEIGHT, 0)
    depth = max(1, values.get(_BITS, 1) // 8) * max(1, values.get(_SAMPLES, 1))
    if _TILE_WIDTH in values or _TILE_HEIGHT in values:
        part = values.get(_TILE_WIDTH, 0) * values.get(_TILE_HEIGHT, 0)
    else:
        part = width * min(height, values.get(_ROWS, height))
    # Pictures of more than a byte a channel are decoded as they are, and made into bytes afterwards.
    whole = width * height * depth if values.get(_BITS, 1) > 8 else 0
    return part * depth + whole
