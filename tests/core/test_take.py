"""What a take keeps on disk, whatever happens while it is written."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dice_core.errors import InputError, ShapeError
from dice_core.take import TakeWriter, TouchEvent, find_takes, open_take
from dice_core.take.frames import FrameReader
from tests.core.take_files import CAMERA, ENGINE, HEAD, SOURCE, frames, rigged_hand, started, values

TOUCH = TouchEvent("head", "cheek.L", "hand_left", 11, 14, 3.5)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    writer = started(tmp_path / "clip.dicetake")
    hand = rigged_hand()
    first, second = values(HEAD, 8, 0) | values(hand, 8, 1), values(HEAD, 4, 2) | values(hand, 4, 3)
    for mesh in (HEAD, hand):
        writer.add_mesh(mesh)
    writer.write_chunk(frames(10, 8) | first)
    writer.set_events([TOUCH])
    writer.write_chunk(frames(18, 4) | second)
    writer.finish(complete=True)

    take = open_take(tmp_path / "clip.dicetake")
    assert (take.name, take.complete, take.fps, take.camera) == ("clip", True, 25.0, CAMERA)
    assert take.events == [TOUCH]
    assert take.frames.tolist() == list(range(10, 22))
    assert list(take.meshes) == ["head", "hand_right"]
    for mesh in (HEAD, hand):
        for field, value in vars(take.meshes[mesh.name]).items():
            expected = getattr(mesh, field)
            if isinstance(expected, np.ndarray):
                assert value.dtype == expected.dtype, field
                np.testing.assert_array_equal(value, expected)
            else:
                assert value == expected
    for key in first:
        expected = np.concatenate([first[key], second[key]])
        step = {"vertices": 2.0**-20, "deformation": 2.0**-20, "contact": 1 / 255}.get(key.rpartition(".")[2], 0)
        assert np.abs(take.array(key) - expected).max() <= step / 2 + 1e-7, key
    assert [len(chunk["frame"]) for chunk in take.chunks()] == [8, 4]


def test_nothing_in_a_take_needs_unpickling(tmp_path: Path) -> None:
    writer = started(tmp_path / "take")
    for mesh in (HEAD, rigged_hand()):
        writer.add_mesh(mesh)
    writer.write_chunk(frames(0, 2) | values(HEAD, 2, 0) | values(rigged_hand(), 2, 0))
    writer.finish(complete=False)
    archives = list((tmp_path / "take").rglob("*.npz"))
    assert len(archives) == 3
    for file in archives:
        with np.load(file, allow_pickle=False) as arrays:
            assert all(arrays[key].dtype != object for key in arrays.files)
    json.loads((tmp_path / "take" / "take.json").read_text(encoding="utf-8"))


def test_a_chunk_that_hides_a_pickle_is_refused(tmp_path: Path) -> None:
    writer = started(tmp_path / "take")
    writer.add_mesh(HEAD)
    writer.write_chunk(frames(0, 2) | values(HEAD, 2, 0))
    writer.finish(complete=True)
    np.savez(tmp_path / "take" / "chunks" / "000000.npz", frame=np.array([{"a": 1}], dtype=object))
    take = open_take(tmp_path / "take")
    with pytest.raises(InputError, match="cannot be read"):
        list(take.chunks())
    with pytest.raises(InputError, match="cannot be read"):
        take.array("frame")


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "gone", "bits"])
def test_a_damaged_chunk_is_named_in_one_sentence(tmp_path: Path, damage: str) -> None:
    writer = started(tmp_path / "take")
    writer.add_mesh(HEAD)
    writer.write_chunk(frames(0, 4) | values(HEAD, 4, 0))
    writer.finish(complete=True)
    file = tmp_path / "take" / "chunks" / "000000.npz"
    data = bytearray(file.read_bytes())
    if damage == "gone":
        file.unlink()
    elif damage == "bits":
        with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
            start = archive.getinfo("head.vertices.npy").header_offset + 80
        data[start : start + 400] = bytes(400)
        file.write_bytes(data)
    else:
        file.write_bytes({"cut": bytes(data[: len(data) // 2]), "noise": b"\x93" * 900, "empty": b""}[damage])
    take = open_take(tmp_path / "take")
    for read in (lambda: list(take.chunks()), lambda: take.array("head.vertices"), lambda: FrameReader(take).read(0)):
        with pytest.raises(InputError, match=r"000000\.npz cannot be read"):
            read()


def test_a_take_is_written_while_a_scanner_holds_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = os.replace
    refused: set[str] = set()

    def refuse_once(source: Path, target: Path) -> None:
        if str(target) not in refused:
            refused.add(str(target))
            raise PermissionError(13, "Access is denied")
        rename(source, target)

    monkeypatch.setattr(os, "replace", refuse_once)
    writer = started(tmp_path / "take")
    writer.add_mesh(HEAD)
    writer.write_chunk(frames(0, 2) | values(HEAD, 2, 0))
    writer.finish(complete=True)
    assert {Path(name).name for name in refused} == {"take.json", "head.npz", "000000.npz"}
    assert open_take(tmp_path / "take").array("head.vertices").shape == (2, len(HEAD.rest_vertices), 3)


def test_shares_of_tracked_frames_are_read_without_the_vertices(tmp_path: Path) -> None:
    writer = started(tmp_path / "take")
    for mesh in (HEAD, rigged_hand()):
        writer.add_mesh(mesh)
    for first, tracked in ((0, [1, 1, 2, 0]), (4, [0, 0, 0, 1])):
        hand = values(rigged_hand(), 4, 1) | {"tracked_hand_right": np.array(tracked, np.uint8)}
        writer.write_chunk(frames(first, 4) | values(HEAD, 4, 0) | hand)
    writer.finish(complete=True)
    take = open_take(tmp_path / "take")
    assert [sorted(chunk) for chunk in take.chunks(["frame", "tracked_head"])] == 2 * [["frame", "tracked_head"]]
    for chunk in take.info["chunks"]:
        file = take.path / chunk["file"]
        with np.load(file) as arrays:
            light = {key: arrays[key] for key in arrays.files if key == "frame" or key.startswith("tracked_")}
        np.savez(file, **light)
    assert open_take(take.path).tracked_shares() == {"head": 1.0, "hand_right": 0.5}


def test_a_mesh_that_appears_later_was_absent_before(tmp_path: Path) -> None:
    writer = started(tmp_path / "take")
    writer.add_mesh(HEAD)
    writer.write_chunk(frames(0, 3) | values(HEAD, 3, 0))
    hand = rigged_hand()
    writer.add_mesh(hand)
    writer.write_chunk(frames(3, 2) | values(HEAD, 2, 1) | values(hand, 2, 1))
    writer.finish(complete=True)
    take = open_take(tmp_path / "take")
    assert take.array("tracked_hand_right").tolist() == [0, 0, 0, 1, 1]
    assert take.array("hand_right.vertices").shape == (5, len(hand.rest_vertices), 3)
    assert take.array("hand_right.rotation").shape == (5, 2, 3)
    assert not take.array("hand_right.vertices")[:3].any()
    reader = FrameReader(take)
    assert [sorted(reader.read(k).bodies) for k in (2, 3)] == [["head"], ["hand_right", "head"]]


def test_rows_of_other_lengths_are_refused(tmp_path: Path) -> None:
    writer = started(tmp_path / "take")
    writer.add_mesh(HEAD)
    with pytest.raises(ShapeError, match="must have 3 rows"):
        writer.write_chunk(frames(0, 3) | values(HEAD, 2, 0))
    assert writer.frames_written == 0


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written to"):
        started(tmp_path / "file" / "take")


def test_takes_of_a_folder_are_found_by_name(tmp_path: Path) -> None:
    for name in ("b", "a"):
        started(tmp_path / f"{name}.dicetake").finish(complete=True)
    (tmp_path / "other").mkdir()
    assert [take.name for take in find_takes(tmp_path)] == ["a", "b"]
    assert [take.name for take in find_takes(tmp_path / "a.dicetake")] == ["a"]
    assert [take.name for take in find_takes(tmp_path / "a.dicetake" / "take.json")] == ["a"]
    with pytest.raises(InputError, match="holds no take"):
        find_takes(tmp_path / "other")
    with pytest.raises(InputError, match="is not a take"):
        find_takes(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "cannot be read"),
        ("[]", "does not describe a take"),
        ('{"format": "other"}', "does not describe a take"),
        ('{"format": "dice-take", "version": 2}', "version 2"),
    ],
)
def test_a_description_that_cannot_be_used(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "take.json").write_text(text)
    with pytest.raises(InputError, match=sentence):
        open_take(tmp_path)


def test_a_capture_that_has_only_begun_is_a_take_without_frames(tmp_path: Path) -> None:
    TakeWriter(tmp_path / "take", SOURCE, ENGINE)
    take = open_take(tmp_path / "take")
    assert take.frames.tolist() == []
    assert list(take.meshes) == []
    with pytest.raises(InputError, match="no frames yet"):
        _ = take.camera


def test_a_take_can_be_moved(tmp_path: Path) -> None:
    writer = started(tmp_path / "take")
    writer.add_mesh(HEAD)
    writer.write_chunk(frames(0, 3) | values(HEAD, 3, 0))
    writer.finish(complete=True)
    shutil.move(tmp_path / "take", tmp_path / "moved")
    assert open_take(tmp_path / "moved").array("head.vertices").shape == (3, len(HEAD.rest_vertices), 3)
