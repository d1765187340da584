"""HEIC and AVIF photos as phones write them, put together box by box."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

_CODECS = {
    "hvc1": ("libx265", {"preset": "ultrafast", "x265-params": "log-level=none:keyint=1:qp=10"}, "hvcC"),
    "av01": ("libsvtav1", {"preset": "12", "crf": "10", "svtav1-params": "keyint=1"}, "av1C"),
}


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def encode(pictures: Sequence[np.ndarray], kind: str, folder: Path) -> tuple[bytes, list[bytes]]:
    """Configuration and bytes of pictures, each a key frame by itself."""
    name, options, _ = _CODECS[kind]
    film = folder / "tiles.mp4"
    with av.open(str(film), "w") as container:
        stream = container.add_stream(name, rate=1, options=options)
        stream.width, stream.height, stream.pix_fmt = pictures[0].shape[1], pictures[0].shape[0], "yuv420p"
        if kind == "hvc1":
            stream.codec_context.codec_tag = "hvc1"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        return bytes(stream.codec_context.extradata), [
            bytes(packet) for packet in container.demux(stream) if packet.size
        ]


@dataclass(frozen=True)
class _Contents:
    """Items of a photo, numbered from 1: its pictures, and behind them the grid that joins them, if there are several.

    kinds, contents : type and bytes of each; shared : boxes of properties; links : for each item, the numbers of its
    properties, from 1; exif : bytes of one more item, none where empty.
    """

    kinds: list[bytes]
    contents: list[bytes]
    shared: list[bytes]
    links: list[list[int]]
    grid: bool
    exif: bytes = b""

    @property
    def main(self) -> int:
        """Number of the item that is shown."""
        return len(self.kinds)

    @property
    def parts(self) -> list[bytes]:
        """The pictures without the grid."""
        return self.contents[:-1] if self.grid else self.contents


def write_heif(
    path: Path,
    pictures: Sequence[np.ndarray],
    *,
    columns: int = 1,
    size: tuple[int, int] | None = None,
    properties: Sequence[bytes] = (),
    kind: str = "hvc1",
    brand: bytes | None = None,
    exif: bytes = b"",
) -> Path:
    """A photo of one picture, or of tiles (h, w, 3) uint8 in rows of `columns`.

    size : width and height of the whole, where the last tiles reach beyond it; properties : boxes of how it is shown;
    exif : a TIFF structure.
    """
    configuration, parts = encode(pictures, kind, path.parent)
    height, width = pictures[0].shape[:2]
    rows = len(pictures) // columns
    whole = (width * columns, height * rows) if size is None else size
    grid = len(pictures) > 1
    shared = [
        box(_CODECS[kind][2].encode(), configuration),
        full_box(b"ispe", 0, 0, struct.pack(">II", width, height)),
        full_box(b"ispe", 0, 0, struct.pack(">II", *whole)),
        *properties,
    ]
    turned = list(range(4, len(shared) + 1))
    links = [[1, 2] for _ in parts]
    if grid:
        links.append([3, *turned])
    else:
        links[0] += turned
    idat = struct.pack(">4BHH", 0, 0, rows - 1, columns - 1, *whole) if grid else b""
    kinds = [kind.encode()] * len(parts) + ([b"grid"] if grid else [])
    described = struct.pack(">I", 6) + b"Exif\0\0" + exif if exif else b""
    contents = _Contents(kinds, [*parts, idat] if grid else list(parts), shared, links, grid, described)
    name = brand or (b"heic" if kind == "hvc1" else b"avif")
    head = box(b"ftyp", name, struct.pack(">I", 0), b"mif1", name)
    first = len(head) + len(_description(contents, 0)) + 8
    path.write_bytes(head + _description(contents, first) + box(b"mdat", *parts, described))
    return path


def _description(photo: _Contents, first: int) -> bytes:
    """The box `meta`. first : place in the file of the first picture's bytes; the others follow."""
    infos = (
        full_box(b"infe", 2, 0, struct.pack(">HH4s", number, 0, kind), b"\0")
        for number, kind in enumerate([*photo.kinds, *([b"Exif"] if photo.exif else [])], 1)
    )
    boxes = [
        full_box(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, b"pict"), b"\0"),
        full_box(b"pitm", 0, 0, struct.pack(">H", photo.main)),
        full_box(b"iinf", 0, 0, struct.pack(">H", len(photo.kinds) + bool(photo.exif)), *infos),
        _places(photo, first),
        _properties(photo),
    ]
    if photo.grid:
        count = len(photo.parts)
        tiles = struct.pack(f">HH{count}H", photo.main, count, *range(1, photo.main))
        boxes += [full_box(b"iref", 0, 0, box(b"dimg", tiles)), box(b"idat", photo.contents[-1])]
    return full_box(b"meta", 0, 0, *boxes)


def _places(photo: _Contents, first: int) -> bytes:
    """The box `iloc`, where the bytes of each item are: a grid's are in the box `idat`."""
    places, at = [], first
    for number, content in enumerate(photo.contents, 1):
        in_idat = photo.grid and number == photo.main
        places.append(struct.pack(">HHHHII", number, in_idat, 0, 1, 0 if in_idat else at, len(content)))
        at += 0 if in_idat else len(content)
    if photo.exif:
        places.append(struct.pack(">HHHHII", len(photo.contents) + 1, 0, 0, 1, at, len(photo.exif)))
    return full_box(b"iloc", 1, 0, struct.pack(">BBH", 0x44, 0, len(places)), *places)


def _properties(photo: _Contents) -> bytes:
    """The box `iprp`, the properties and which items have them."""
    links = (
        struct.pack(">HB", number, len(link)) + bytes(0x80 | k for k in link)
        for number, link in enumerate(photo.links, 1)
    )
    return box(
        b"iprp",
        box(b"ipco", *photo.shared),
        full_box(b"ipma", 0, 0, struct.pack(">I", len(photo.links)), *links),
    )


def turned_by(quarters: int) -> bytes:
    """Shown turned by quarters anticlockwise."""
    return box(b"irot", bytes([quarters]))


def mirrored(left_and_right: bool) -> bytes:
    return box(b"imir", bytes([left_and_right]))


def cropped(width: int, height: int, right: int, down: int) -> bytes:
    """The middle, moved by so many pixels."""
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, right, 1, down, 1))
