"""Takes from strangers: whatever is wrong with one is said in a sentence, before it takes memory, time or a file."""

from __future__ import annotations

import json
import os
import shutil
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dice_core.errors import InputError
from dice_core.take import TakeWriter, TouchEvent, open_take
from dice_core.take.format import load_arrays, write_arrays
from dice_core.take.frames import FrameReader
from tests.core.take_files import ENGINE, HEAD, SOURCE, content, frames, rigged_hand, started, values

Change = Callable[[Path], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("takes") / "whole.dicetake"
    writer = started(path)
    for mesh in (HEAD, rigged_hand()):
        writer.add_mesh(mesh)
    for first in (10, 14):
        writer.write_chunk(frames(first, 4) | values(HEAD, 4, first) | values(rigged_hand(), 4, first))
    writer.set_events([TouchEvent("head", "upper", "hand_right", 11, 12, 1.0)])
    writer.finish(complete=True)
    return path


@pytest.fixture
def take(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "a.dicetake")
    return tmp_path / "a.dicetake"


def read_all(path: Path) -> None:
    take = open_take(path)
    _ = take.camera, take.meshes, take.events, take.frames, take.fps, take.tracked_shares()
    for key in ("head.vertices", "hand_right.rotation"):
        take.array(key)
    for _ in take.chunks():
        pass
    for _ in FrameReader(take):
        pass


def refused(path: Path, reason: str) -> None:
    """Refused in one sentence that says why, at the cost of no more than a few megabytes."""
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=reason) as caught:
            read_all(path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    info = json.loads((path / "take.json").read_text())
    change(info)
    (path / "take.json").write_text(json.dumps(info))


def rewrite(file: Path, **changes: np.ndarray) -> None:
    np.savez_compressed(file, **(load_arrays(file) | changes))


def test_the_take_that_is_changed_below_is_a_good_one(take: Path) -> None:
    read_all(take)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda i: i["source"].update(width="512"), "source.width"),
        (lambda i: i["source"].update(width=True), "source.width"),
        (lambda i: i["source"].update(width=65000, height=65000), "pixels"),
        (lambda i: i["source"].update(fps=float("nan")), "NaN"),
        (lambda i: i["source"].update(fps=1e9), "source.fps"),
        (lambda i: i["source"].update(kind="stream"), "source.kind"),
        (lambda i: i["source"].update(frame_count=10**12), "source.frame_count"),
        (lambda i: i["source"].update(frame_count=3), "frames"),
        (lambda i: i["source"].update(path=["a"]), "source.path"),
        (lambda i: i["source"].update(path="a\0b"), "source.path"),
        (lambda i: i["source"].update(path="\ud800"), "source.path"),
        (lambda i: i["source"].update(sha256=7), "sha256"),
        (lambda i: i["source"].update(orientation=9), "orientation"),
        (lambda i: i.update(source=None), "source"),
        (lambda i: i.pop("engine"), "engine"),
        (lambda i: i["engine"].update(name="a\x1b[2Jb"), "engine.name"),
        (lambda i: i["engine"].update(settings={"a": [[[[[[[[[[1]]]]]]]]]]}), "too deep"),
        (lambda i: i.update(camera={"fx": 0, "fy": 1, "cx": 0, "cy": 0}), "camera.fx"),
        (lambda i: i["camera"].update(fx=0.5), "camera.fx"),
        (lambda i: i.update(camera=None), "camera"),
        (lambda i: (i.pop("camera"), i.update(chunks=[], meshes=[], events=[])), "camera"),
        (lambda i: i["meshes"].append("../../secret"), "meshes"),
        (lambda i: i["meshes"].append("head"), "twice"),
        (lambda i: i["chunks"][0].update(file="../../../etc/passwd"), r"chunks\[0\]"),
        (lambda i: i["chunks"][1].update(file="chunks/000010.npz"), r"chunks\[1\]"),
        (lambda i: i["chunks"].append(i["chunks"][1]), "overlap"),
        (lambda i: i["chunks"][0].update(frames=10**9), r"chunks\[0\].frames"),
        (lambda i: i["chunks"][0].update(frames=-1), r"chunks\[0\].frames"),
        (lambda i: i["events"][0].update(first_frame=10**12), "events.first_frame"),
        (lambda i: i["events"][0].update(last_frame=2), "events.last_frame"),
        (lambda i: i["events"][0].update(region="\n" * 9), "events.region"),
        (lambda i: i["events"][0].update(hand="foot"), "events.hand"),
        (lambda i: i["events"][0].pop("mesh"), "events.mesh"),
        (lambda i: i["events"].extend(i["events"] * 100_000), "events"),
        (lambda i: i.update(complete="yes"), "complete"),
    ],
)
def test_a_description_that_no_capture_writes(
    take: Path, change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    edit(take, change)
    with pytest.raises(InputError, match=reason) as caught:
        open_take(take)
    assert "\n" not in str(caught.value)


def test_what_a_take_says_beyond_what_is_known_is_left_alone(take: Path) -> None:
    edit(take, lambda i: (i.update(studio="mine"), i["events"][0].update(note="x"), i["source"].update(lens=35)))
    rewrite(take / "chunks" / "000010.npz", extra=np.arange(3))
    read_all(take)
    assert "extra" not in next(open_take(take).chunks())


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' * 100_000, "1" * 10_000, "\xff", " " * 17_000_000])
def test_texts_that_break_readers(take: Path, text: str) -> None:
    (take / "take.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError):
        open_take(take)


CORNERS, COUNT = HEAD.face_corners, len(HEAD.rest_vertices)


@pytest.mark.parametrize(
    ("mesh", "arrays", "reason"),
    [
        ("head", {"face_sizes": np.where(np.arange(len(HEAD.face_sizes)) == 1, -5, 3).astype("i4")}, "face_sizes"),
        ("head", {"face_sizes": np.full(len(HEAD.face_sizes), 4, "i4")}, "face_sizes"),
        ("head", {"face_corners": np.where(CORNERS == 5, -5, CORNERS).astype("i4")}, "face_corners"),
        ("head", {"face_corners": np.where(CORNERS == 5, COUNT, CORNERS).astype("i4")}, "face_corners"),
        ("head", {"face_corners": CORNERS.astype("i8")}, "face_corners"),
        ("head", {"face_corners": np.repeat(CORNERS[::3], 3).astype("i4")}, "vertex twice"),
        ("head", {"rest_vertices": np.full((COUNT, 3), np.nan, "f4")}, "rest_vertices"),
        ("head", {"rest_vertices": HEAD.rest_vertices[:, :2]}, "rest_vertices"),
        ("head", {"region": np.full(COUNT, 2, "u1")}, "region"),
        ("head", {"region_names": np.array(["a", "a"])}, "region_names"),
        ("head", {"region_names": np.array(["a" * 99, "b"])}, "region_names"),
        ("head", {"uv": np.zeros((3, 2), "f4")}, "uv"),
        ("hand_right", {"parents": np.array([-1, 1], "i4")}, "parents"),
        ("hand_right", {"parents": np.array([1, -1], "i4")}, "parents"),
        ("hand_right", {"joint_names": np.array(["a"])}, "joint_names"),
        ("hand_right", {"skin_joints": np.full((36, 2), 2, "i4")}, "skin_joints"),
        ("hand_right", {"skin_weights": np.full((36, 2), np.inf, "f4")}, "skin_weights"),
        ("hand_right", {"shape_key_deltas": np.zeros((1, 36, 4), "f2")}, "shape_key_deltas"),
    ],
)
def test_meshes_that_would_crash_what_draws_them(
    take: Path, mesh: str, arrays: dict[str, np.ndarray], reason: str
) -> None:
    rewrite(take / "meshes" / f"{mesh}.npz", **arrays)
    refused(take, rf"{mesh}\.npz cannot be read.*{reason}")


def test_a_vertex_in_which_all_polygons_meet(take: Path) -> None:
    """Tables of neighbours are as wide as the busiest vertex has polygons: here they would take gigabytes."""
    count = 3000
    fan = np.stack([np.zeros(count), np.arange(1, count + 1), np.arange(2, count + 2)], 1).astype("i4").ravel()
    mesh = {"rest_vertices": np.zeros((count + 2, 3), "f4"), "face_corners": fan, "face_sizes": np.full(count, 3, "i4")}
    mesh |= {"uv": np.zeros((len(fan), 2), "f4"), "region": np.zeros(count + 2, "u1"), "region_names": np.array(["a"])}
    write_arrays(take / "meshes" / "head.npz", mesh)
    refused(take, "polygons meet")


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"frame": np.array([10, 12, 11, 13], "i4")}, "frames"),
        ({"frame": np.array([9, 10, 11, 12], "i4")}, "frames"),
        ({"frame": np.array([10, 11, 12, 2**30], "i4")}, "outside"),
        ({"frame": np.zeros(300_000, "i4")}, "frame is"),
        ({"tracked_head": np.full(4, 7, "u1")}, "tracked_head"),
        ({"head.vertices": np.zeros((4, COUNT + 1, 3), "f4")}, "head.vertices"),
        ({"head.vertices": np.full((4, COUNT, 3), np.inf, "f4")}, "head.vertices"),
        ({"head.deformation": np.zeros((4, COUNT, 3), "f8")}, "head.deformation"),
        ({"head.contact": np.full((4, COUNT), np.nan, "f4")}, "head.contact"),
        ({"hand_right.rotation": np.zeros((4, 3, 3), "f4")}, "hand_right.rotation"),
        ({"landmarks_head": np.zeros((4, 12, 2), "f4")}, "landmarks_head"),
        ({"head.vertices": np.array([b"x"] * 4)}, "head.vertices"),
        ({"time": np.full(4, np.nan)}, "time"),
    ],
)
def test_chunks_that_do_not_fit_their_take(take: Path, arrays: dict[str, np.ndarray], reason: str) -> None:
    rewrite(take / "chunks" / "000010.npz", **arrays)
    refused(take, rf"000010\.npz cannot be read.*{reason}")


@pytest.mark.parametrize("missing", ["frame", "tracked_head", "head.contact", "hand_right.vertices"])
def test_a_chunk_without_what_every_chunk_has(take: Path, missing: str) -> None:
    file = take / "chunks" / "000014.npz"
    write_arrays(file, {key: value for key, value in load_arrays(file).items() if key != missing})
    refused(take, f"lacks {missing}")


@pytest.mark.parametrize("chunk", ["000010.npz", "000014.npz"])
def test_one_array_of_a_chunk_without_it(take: Path, chunk: str) -> None:
    file = take / "chunks" / chunk
    write_arrays(file, {key: value for key, value in load_arrays(file).items() if key != "tracked_hand_right"})
    with pytest.raises(InputError, match=f"{chunk} .*lacks tracked_hand_right"):
        open_take(take).array("tracked_hand_right")


def npy(descr: str, shape: str, data: bytes = b"") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text.encode() + data


@pytest.mark.parametrize(
    "array",
    [
        npy("<i4", "(1000000000000,)"),
        npy("<i4", "(4294967296, 4294967296)"),
        npy("<i4", "(-4,)"),
        npy("|V0", "(100000000000,)"),
        npy("<U0", "(100000000000,)"),
        npy("|O", "(4,)", b"cos\nsystem\n(S'touch /tmp/x'\ntR."),
        npy("<i4", "(" + "1," * 3000 + ")"),
        npy("<i4", "().__class__", b"\0" * 4),
        b"\x93NUMPY\x09\0" + b"\0" * 90,
        b"\x93NUMPY\x02\0\xff\xff\xff\xff" + b" " * 90,
        b"",
    ],
)
def test_headers_that_lie(take: Path, array: bytes) -> None:
    file = take / "chunks" / "000010.npz"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("frame.npy", array)
    refused(take, "000010")


def test_a_zip_that_unpacks_to_gigabytes(take: Path) -> None:
    file = take / "chunks" / "000010.npz"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("frame.npy", "w") as stream:
        stream.write(npy("<i4", "(50000000,)"))
        for _ in range(200):
            stream.write(bytes(1_000_000))
    refused(take, "000010")


def test_a_zip_whose_directory_lies_about_a_size(take: Path) -> None:
    file = take / "chunks" / "000010.npz"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("frame.npy", npy("<i4", "(4,)", bytes(16)) + bytes(30_000_000))
    data = bytearray(file.read_bytes())
    place = data.rfind(b"PK\x01\x02")
    struct.pack_into("<I", data, place + 24, 144)
    file.write_bytes(data)
    refused(take, "damaged")


@pytest.mark.parametrize("count", [65, 5000])
def test_a_zip_of_thousands_of_names(take: Path, count: int) -> None:
    with zipfile.ZipFile(take / "chunks" / "000010.npz", "w") as archive:
        for number in range(count):
            archive.writestr(f"{number}.npy", b"")
    refused(take, "lists")


links = pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are POSIX here")


@links
@pytest.mark.parametrize("name", ["take.json", "meshes/head.npz", "chunks/000010.npz", "meshes", "chunks"])
def test_links_are_not_followed(take: Path, tmp_path: Path, name: str) -> None:
    os.rename(take / name, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", take / name)
    refused(take, "link")


@links
@pytest.mark.parametrize("name", ["take.json", "chunks/000010.npz"])
def test_pipes_are_not_waited_for(take: Path, name: str) -> None:
    (take / name).unlink()
    os.mkfifo(take / name)
    refused(take, "plain file")


@links
@pytest.mark.parametrize("name", ["take.json.tmp", "work", "chunks", "meshes"])
def test_writing_does_not_leave_the_take(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "clip.npz").write_text("precious")
    (tmp_path / "note").write_text("precious")
    before = content(tmp_path)
    started(tmp_path / "take")
    if name == "chunks" or not (tmp_path / "take" / name).exists():
        target = tmp_path / ("note" if name.endswith(".tmp") else "mine")
        os.symlink(target, tmp_path / "take" / name)
    if name.endswith(".tmp"):
        started(tmp_path / "take").finish(complete=True)
        assert open_take(tmp_path / "take").complete
    else:
        with pytest.raises(InputError, match="choose another output"):
            TakeWriter(tmp_path / "take", SOURCE, ENGINE)
    assert {name: data for name, data in content(tmp_path).items() if not name.startswith("take")} == before


def test_only_what_a_capture_writes_is_deleted(tmp_path: Path) -> None:
    writer = started(tmp_path / "take")
    writer.work_folder.mkdir()
    for name in ("clip.npz", "block-000000.npz", "touches-000000.json", "block-000001.npz.tmp", "letter.txt"):
        (writer.work_folder / name).write_text("x")
    writer.finish(complete=True)
    assert [file.name for file in writer.work_folder.iterdir()] == ["letter.txt"]
    writer.discard()
    assert [file.name for file in (tmp_path / "take").rglob("*")] == ["work", "letter.txt"]
