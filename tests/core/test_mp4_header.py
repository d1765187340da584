"""What the header of an MP4 says of its frames, against movies whose time stamps are known."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dice_core.media.mp4_header import read_movie_header


def write_movie(path: Path, places: Sequence[int], ticks: int = 24, b_frames: int = 0) -> None:
    """places : time stamps in ticks, of which there are `ticks` a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=ticks)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, ticks)
        stream.codec_context.max_b_frames = b_frames
        for index, place in enumerate(places):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), index, np.uint8), format="rgb24")
            frame.pts, frame.time_base = place, Fraction(1, ticks)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(("ticks", "b_frames"), [(24, 0), (25, 2), (60, 0), (30, 0)])
def test_an_even_movie(tmp_path: Path, ticks: int, b_frames: int) -> None:
    write_movie(tmp_path / "a.mp4", range(20), ticks, b_frames)
    header = read_movie_header(tmp_path / "a.mp4")
    assert header is not None
    assert (header.frames, header.even) == (20, True)
    assert header.fps == pytest.approx(ticks)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("b_frames", [0, 2])
def test_an_uneven_movie(tmp_path: Path, suffix: str, b_frames: int) -> None:
    """Frames that look ahead are decoded in another order than they are shown in."""
    places = [0, 1, 2, 3, 4, 5, 18, 19, 20, 21, 22, 23]
    write_movie(tmp_path / f"a{suffix}", places, b_frames=b_frames)
    header = read_movie_header(tmp_path / f"a{suffix}")
    assert header is not None
    assert (header.frames, header.even) == (12, False)
    assert header.fps == pytest.approx(24)
    assert header.seconds * 24 == pytest.approx(places, abs=1e-3)


def test_jitter_is_no_unevenness(tmp_path: Path) -> None:
    places = [round(1000 * k / 30) + 3 * (-1) ** k for k in range(1, 31)]
    write_movie(tmp_path / "a.mp4", places, 1000)
    header = read_movie_header(tmp_path / "a.mp4")
    assert header is not None
    assert header.even
    assert header.fps == pytest.approx(30, rel=0.02)


def test_a_single_frame(tmp_path: Path) -> None:
    write_movie(tmp_path / "a.mp4", [0])
    header = read_movie_header(tmp_path / "a.mp4")
    assert header is not None
    assert (header.frames, header.even) == (1, True)


@pytest.mark.parametrize("content", [b"", b"not a movie at all", b"\0\0\0\x08ftyp", b"\0\0\0\x18ftypisom\0\0\0\0" * 40])
def test_what_is_no_movie_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    assert read_movie_header(tmp_path / "a.mp4") is None


def test_damaged_headers_do_no_harm(tmp_path: Path) -> None:
    write_movie(tmp_path / "a.mp4", range(8))
    content = bytearray((tmp_path / "a.mp4").read_bytes())
    start = content.index(b"moov")
    for at in range(start - 4, min(start + 700, len(content))):
        damaged = bytearray(content)
        damaged[at] ^= 0xFF
        (tmp_path / "b.mp4").write_bytes(damaged)
        header = read_movie_header(tmp_path / "b.mp4")
        assert header is None or header.frames < 10_000_000


def test_other_containers_say_nothing(tmp_path: Path) -> None:
    write_movie(tmp_path / "a.mkv", range(5))
    assert read_movie_header(tmp_path / "a.mkv") is None
