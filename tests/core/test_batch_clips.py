"""Which clips a batch finds, and that no two of them get one take."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dice_core.batch import find_sources, name_clips, unread_in
from dice_core.batch.table import Row, format_rows, read_rows, write_rows
from dice_core.errors import InputError
from dice_core.take import Take
from tests.core.command_line import image


def named(sources: list[str], takes: list[Take] | None = None, same: bool = True) -> list[str]:
    return [clip.name for clip in name_clips(sources, takes or [], is_same=lambda take, source: same)]


def take_of(source: str, name: str) -> Take:
    return Take(Path("/out") / f"{name}.dicetake", {"source": {"path": source}})


def test_a_folder_gives_its_videos_and_pictures_in_natural_order(tmp_path: Path) -> None:
    for name in (
        "b10.MP4",
        "b2.mov",
        "a.png",
        "c.MXF",
        "d.gif",
        "notes.txt",
        ".hidden.mp4",
        "a.preview.png",
        "b2.preview.mp4",
    ):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "b2.dicetake").mkdir()
    names = [Path(source).name for source in find_sources(tmp_path)]
    # The preview of a take that lies there is none of them.
    assert names == ["a.png", "a.preview.png", "b2.mov", "b10.MP4", "c.MXF", "d.gif"]
    assert all(os.path.isabs(source) for source in find_sources(tmp_path))


def test_pictures_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for name in ("a.png", "b.jxl", "c.TGA", "d.txt"):
        (tmp_path / name).write_bytes(b"")
    assert unread_in(tmp_path) == ["b.jxl", "c.TGA"]
    assert unread_in(tmp_path / "d.txt") == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_gives_its_lines(tmp_path: Path, encoding: str) -> None:
    lines = ["# day one", "clips/ä b.mp4", "", f"{tmp_path}/clips/c.mp4", "clips/ä b.mp4", "frames/*.png"]
    (tmp_path / "list.txt").write_bytes("\r\n".join(lines).encode(encoding))
    expected = [str(tmp_path / name) for name in ("clips/ä b.mp4", "clips/c.mp4", "frames/*.png")]
    assert find_sources(tmp_path / "list.txt") == expected


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.mkdir(), "holds no videos and no pictures"),
        (lambda path: path.write_text("\n# nothing\n"), "holds no videos and no pictures"),
        (lambda path: path.write_bytes(b"\x00\x01\x02"), "is not a list"),
        (lambda path: path.write_bytes(b"x" * 10_000_001), "is not a list"),
        (lambda path: None, "does not exist"),
    ],
)
def test_what_is_no_shoot_is_refused(tmp_path: Path, make: object, words: str) -> None:
    make(tmp_path / "shoot")  # type: ignore[operator]
    with pytest.raises(InputError, match=words):
        find_sources(tmp_path / "shoot")


def test_a_clip_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is footage itself"):
        find_sources(image(tmp_path / "a.png"))


def test_takes_are_called_after_their_clips() -> None:
    assert named(["/s/a.mp4", "/s/b.mov", "/s/frames/*.png", "/s/c"]) == ["a", "b", "frames", "c"]


def test_names_that_would_be_one_differ() -> None:
    assert named(["/s/a.mp4", "/s/A.mov", "/s/b.mp4"]) == ["a.mp4", "A.mov", "b"]
    assert named(["/day1/a.mp4", "/day2/a.mp4"]) == ["day1-a.mp4", "day2-a.mp4"]
    deep = ["/x/day/a.mp4", "/y/day/a.mp4", "/x/day/a.mov", "/s/a.mp4.mov"]
    names = named(deep)
    assert len({name.casefold() for name in names}) == 4
    assert names == named(deep)
    assert named(deep[::-1])[::-1][:2] == names[:2], "the order of the clips does not matter"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such long names")
def test_long_names_fit_on_a_disk() -> None:
    names = named([f"/s/{'ü' * 120}1.mp4", f"/s/{'ü' * 120}2.mp4"])
    assert len(set(names)) == 2
    assert all(len(os.fsencode(f"{name}.dicetake.preview.mp4")) <= 255 for name in names)


def test_a_clip_keeps_the_take_that_it_has(tmp_path: Path) -> None:
    """Another clip of the name, which comes to the shoot later, gets a name beside it."""
    clips = [str(image(tmp_path / name)) for name in ("a.png", "a.jpg", "a.bmp")]
    takes = [take_of(clips[0], "a")]
    assert named(clips, takes) == ["a", "a.jpg", "a.bmp"]
    assert named(clips[1:2], takes) == ["a.jpg"], "a is the take of other footage"
    assert named(clips[:1], takes, same=False) == ["a"], "the capture says that the settings are others"


def test_moved_footage_may_be_that_of_a_take() -> None:
    assert named(["/new/a.mp4"], [take_of("/old/a.mp4", "a")]) == ["a"]


def test_a_take_of_a_stranger_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("dice_core.batch.clips.os.path.lexists", asked.append)
    takes = [take_of(path, "a") for path in ("\\\\server\\share\\a.mp4", "//server/a.mp4", "smb://x/a.mp4", "a\0.mp4")]
    assert named(["/new/a.mp4"], takes) == ["a"]
    assert asked == []


def test_the_table_comes_back_from_its_file(tmp_path: Path) -> None:
    rows = [
        Row("/s/a, b.mp4", "a.dicetake", "done", 96, {"head": 1.0, "hand_left": 0.25}, 2, ("One.", "Two."), 12.5),
        Row("/s/c.mp4", "c.dicetake", "failed", message='It is "broken": mend it.'),
    ]
    write_rows(tmp_path, rows)
    assert list(read_rows(tmp_path).values()) == rows
    text = (tmp_path / "batch.csv").read_text(encoding="utf-8")
    (tmp_path / "batch.csv").write_text(text.replace("96", "many"), encoding="utf-8")
    assert list(read_rows(tmp_path).values()) == rows[1:]
    (tmp_path / "batch.csv").write_bytes(b"\xff\xfe\x00nothing\n")
    assert read_rows(tmp_path) == {}


def test_the_table_for_a_person() -> None:
    rows = [
        Row("/s/long name.mp4", "a.dicetake", "done", 96, {"head": 1.0, "hand_right": 0.66}, 2, ("One.",), 12.34),
        Row("/s/c.mp4", "c.dicetake", "failed", message="It is broken."),
    ]
    assert format_rows(rows).splitlines() == [
        "clip                   frames  head  left  right  touches  warnings  seconds",
        "long name.mp4  done        96  100%     -    66%        2         1     12.3",
        "c.mp4          failed  It is broken.",
    ]
