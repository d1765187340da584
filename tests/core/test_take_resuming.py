"""A take that exists already: continued by the same capture, left alone by any other."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dice_core.errors import InputError
from dice_core.take import TakeWriter, open_take
from tests.core.take_files import ENGINE, HEAD, SOURCE, content, frames, rigged_hand, started, values


@pytest.mark.parametrize(
    "other",
    [
        {"sha256": "cd" * 32},
        {"frame_count": 11},
        {"first_frame": 0},
        {"width": 640},
    ],
)
def test_a_take_of_other_footage_is_left_alone(tmp_path: Path, other: dict[str, Any]) -> None:
    writer = started(tmp_path / "take")
    writer.add_mesh(HEAD)
    writer.write_chunk(frames(0, 3) | values(HEAD, 3, 0))
    before = content(tmp_path / "take")
    with pytest.raises(InputError, match="other footage or settings"):
        started(tmp_path / "take", **other)
    assert content(tmp_path / "take") == before


def test_a_take_of_other_settings_is_left_alone(tmp_path: Path) -> None:
    started(tmp_path / "take").finish(complete=True)
    with pytest.raises(InputError, match="other footage or settings"):
        TakeWriter(tmp_path / "take", SOURCE, ENGINE | {"settings": {"hands": "left", "fov": None}})


def test_the_same_footage_in_another_place_is_the_same(tmp_path: Path) -> None:
    writer = started(tmp_path / "take")
    writer.add_mesh(HEAD)
    writer.write_chunk(frames(0, 3) | values(HEAD, 3, 0))
    again = TakeWriter(tmp_path / "take", replace(SOURCE, path="elsewhere/clip.mp4"), ENGINE)
    assert again.frames_written == 3


@pytest.mark.parametrize("there", ["file", "folder", "broken"])
def test_what_is_no_take_is_left_alone(tmp_path: Path, there: str) -> None:
    path = tmp_path / "out"
    if there == "file":
        path.write_text("mine")
    else:
        path.mkdir()
        (path / ("take.json" if there == "broken" else "letter.txt")).write_text("{mine")
    before = content(tmp_path)
    with pytest.raises(InputError, match="choose another output"):
        started(path)
    assert content(tmp_path) == before


def test_provisional_chunks_are_captured_again(tmp_path: Path) -> None:
    writer = started(tmp_path / "take")
    writer.add_mesh(HEAD)
    writer.write_chunk(frames(10, 8) | values(HEAD, 8, 0))
    writer.write_chunk(frames(18, 2) | values(HEAD, 2, 1), provisional=True)
    writer.finish(complete=False)
    cut_short = open_take(tmp_path / "take")
    assert len(cut_short.frames) == 10
    assert not cut_short.complete

    again = started(tmp_path / "take")
    assert again.frames_written == 8
    again.write_chunk(frames(18, 4) | values(HEAD, 4, 2))
    again.finish(complete=True)
    assert open_take(tmp_path / "take").frames.tolist() == list(range(10, 22))


def test_a_body_of_provisional_chunks_alone_leaves_with_them(tmp_path: Path) -> None:
    writer = started(tmp_path / "take")
    writer.add_mesh(HEAD)
    writer.write_chunk(frames(10, 8) | values(HEAD, 8, 0))
    writer.add_mesh(rigged_hand())
    writer.write_chunk(frames(18, 2) | values(HEAD, 2, 1) | values(rigged_hand(), 2, 1), provisional=True)
    writer.finish(complete=False)
    again = started(tmp_path / "take")
    assert again.mesh_names == ("head",)
    again.write_chunk(frames(18, 4) | values(HEAD, 4, 2))
    again.finish(complete=True)

    straight = started(tmp_path / "straight")
    straight.add_mesh(HEAD)
    straight.write_chunk(frames(10, 8) | values(HEAD, 8, 0))
    straight.write_chunk(frames(18, 4) | values(HEAD, 4, 2))
    straight.finish(complete=True)
    takes = [open_take(tmp_path / name) for name in ("take", "straight")]
    for one, other in zip(takes[0].chunks(), takes[1].chunks(), strict=True):
        assert one.keys() == other.keys()
        for key, value in one.items():
            np.testing.assert_array_equal(value, other[key])
    assert not (tmp_path / "take" / "meshes" / "hand_right.npz").exists()


def test_a_kill_between_writing_and_renaming_harms_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class KilledError(Exception):
        pass

    def one_run(path: Path, dies_at: int) -> None:
        left = [dies_at]
        rename = os.replace

        def replace_or_die(source: str, target: str) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise KilledError
            rename(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", replace_or_die)
            writer = started(path)
            writer.add_mesh(HEAD)
            for k in range(writer.chunk_count, 3):
                if k == 1 and "hand_right" not in writer.mesh_names:
                    writer.add_mesh(rigged_hand())
                hand = values(rigged_hand(), 4, k) if k else {}
                writer.write_chunk(frames(10 + 4 * k, 4) | values(HEAD, 4, k) | hand)
            writer.finish(complete=True)

    one_run(tmp_path / "whole", dies_at=10**6)
    expected = list(open_take(tmp_path / "whole").chunks())
    for dies_at in range(1, 40):
        path = tmp_path / f"killed-{dies_at}"
        try:
            one_run(path, dies_at)
        except KilledError:
            if (path / "take.json").exists():
                for chunk in open_take(path).chunks():
                    assert len(chunk["frame"]) == 4
            one_run(path, dies_at=10**6)
            for one, other in zip(open_take(path).chunks(), expected, strict=True):
                assert one.keys() == other.keys()
                assert all(np.array_equal(one[key], other[key]) for key in one)
        else:
            break
    else:
        pytest.fail("the run has more renames than the test tries")
    assert dies_at > 8
