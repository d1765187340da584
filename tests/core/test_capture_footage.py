"""Captures by the open engine: interrupted, of nobody, of several people, and of photos if they are there."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from dice_core.bodies import load_head
from dice_core.cli import main
from dice_core.geometry.mesh import joint_transforms
from dice_core.geometry.rotations import rotation_matrices
from dice_core.media.opening import open_footage
from dice_core.sample import sample_clip
from dice_core.take import Take, open_take

PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "photos"
RANGE = (14, 50)  # frames of the sample: the hand comes in and presses
SMALL_BLOCKS = (
    "import sys, dice_core.capture.pipeline as c; c.block_frames = lambda fps: 18; "
    "from dice_core.cli import main; sys.exit(main())"
)
UNHURRIED = (
    "import time, dice_core.capture.progress as p; fitted = p.Progress.fitted; "
    "p.Progress.fitted = lambda self, count: (time.sleep(0.1), fitted(self, count))[1]; "
)
"""Who asks a capture to stop has time to do so on a busy machine, too."""
PATIENCE = 300


def command(out: Path, *more: str, before: str = "") -> list[str]:
    first, stop = RANGE
    capture = ["capture", str(sample_clip()), "--frames", f"{first}:{stop}", "-o", str(out), *more]
    return [sys.executable, "-c", before + SMALL_BLOCKS, *capture]


def start(out: Path, *more: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(command(out, *more, before=UNHURRIED), stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def finish(out: Path) -> None:
    run = subprocess.run(command(out), capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert run.returncode == 0, run.stderr


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted capture, and how long it took."""
    out = tmp_path_factory.mktemp("whole") / "sample.dicetake"
    finish(out)
    return out


def assert_same_arrays(one: Path, other: Path) -> None:
    a, b = open_take(one), open_take(other)
    assert a.complete
    assert b.complete
    assert a.events == b.events
    for x, y in zip(a.chunks(), b.chunks(), strict=True):
        assert x.keys() == y.keys()
        for key, value in x.items():
            np.testing.assert_array_equal(value, y[key], err_msg=key)


def wait_for_frame(process: subprocess.Popen[str], frame: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "frame" and event["done"] >= frame:
            return
    raise AssertionError("the capture ended before that frame")


def test_the_sample_is_captured(whole: Path) -> None:
    take = open_take(whole)
    assert take.frames.tolist() == list(range(*RANGE))
    assert (take.array("tracked_head") > 0).mean() > 0.9
    assert (take.array("tracked_hand_right") > 0).mean() > 0.8
    assert "hand_left" not in take.meshes
    size = sum(file.stat().st_size for file in whole.rglob("*.npz") if file.parent.name == "chunks")
    assert size / len(take.frames) <= 100_000


def test_killed_twice_then_finished(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "sample.dicetake"
    seed = int.from_bytes(os.urandom(4), "big")
    moments = random.Random(seed)
    for _ in range(2):
        process = start(out, "--events")
        assert process.stdout is not None
        if json.loads(process.stdout.readline())["event"] == "started":
            time.sleep(moments.uniform(0.0, 4.0))
        process.kill()
        process.communicate()
    finish(out)
    try:
        assert_same_arrays(whole, out)
    except AssertionError as error:
        raise AssertionError(f"with seed {seed}: {error}") from error


@pytest.mark.parametrize("way", ["SIGTERM", "SIGINT", "closed standard input"])
def test_a_capture_that_is_asked_to_stop_ends_cleanly_and_goes_on(whole: Path, tmp_path: Path, way: str) -> None:
    out = tmp_path / "sample.dicetake"
    process = start(out, "--events")
    wait_for_frame(process, 4)
    assert process.stdin is not None
    if way == "closed standard input":
        process.stdin.close()
        process.stdin = None
    else:
        process.send_signal(getattr(signal, way))
    rest, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    last = json.loads(rest.splitlines()[-1])
    assert (last["event"], last["cancelled"]) == ("done", True)
    cut = open_take(out)
    assert not cut.complete
    assert 0 < len(cut.frames) == last["frames"] < RANGE[1] - RANGE[0]
    assert np.isfinite(cut.array("head.vertices")).all()
    finish(out)
    assert_same_arrays(whole, out)


def test_a_capture_without_events_does_not_mind_a_closed_input(tmp_path: Path) -> None:
    out = tmp_path / "still.dicetake"
    picture = tmp_path / "grey.png"
    cv2.imwrite(str(picture), np.full((120, 160, 3), 128, np.uint8))
    line = [sys.executable, "-m", "dice_core", "capture", str(picture), "-o", str(out)]
    run = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert run.returncode == 0, run.stderr
    assert open_take(out).complete


def clip(path: Path, frames: list[np.ndarray]) -> Path:
    """A video of RGB frames."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 24.0, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path


def captured(footage: Path, out: Path, *more: str) -> Take:
    assert main(["capture", str(footage), "-o", str(out), *more]) == 0
    return open_take(out)


def test_nobody_is_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grey = [np.full((240, 320, 3), 128, np.uint8) for _ in range(6)]
    noise = np.random.default_rng(0).integers(0, 255, (6, 240, 320, 3), np.uint8)
    for name, frames in (("grey", grey), ("noise", list(noise))):
        take = captured(clip(tmp_path / f"{name}.mp4", frames), tmp_path / f"{name}.dicetake")
        assert len(take.frames) == 6
        assert take.meshes == {}
        assert take.events == []
        assert "No face was found" in capsys.readouterr().out
        assert main(["info", str(take.path)]) == 0
        assert main(["metrics", str(take.path), "--json"]) == 0
        capsys.readouterr()


def test_a_face_without_hands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [image for _, image in open_footage(sample_clip(), (0, 3)).frames()]
    take = captured(clip(tmp_path / "face.mp4", frames), tmp_path / "face.dicetake")
    assert list(take.meshes) == ["head"]
    assert (take.array("tracked_head") == 1).all()
    assert take.events == []
    assert "No hand was found" in capsys.readouterr().out


def test_hands_without_a_face(tmp_path: Path) -> None:
    whole = [image for _, image in open_footage(sample_clip(), (22, 30)).frames()]
    covered = []
    for frame in whole:
        face = frame.copy()
        face[: frame.shape[0] // 3] = 128
        face[:, frame.shape[1] // 2 :] = 128
        covered.append(face)
    take = captured(clip(tmp_path / "hand.mp4", covered), tmp_path / "hand.dicetake")
    assert len(take.frames) == 8
    assert list(take.meshes) == ["hand_right"]
    assert (take.array("tracked_hand_right") == 1).all()
    assert np.isfinite(take.array("hand_right.vertices")).all()
    assert take.events == []


def test_the_side_that_was_not_asked_for_is_left_out(tmp_path: Path) -> None:
    take = captured(sample_clip(), tmp_path / "left.dicetake", "--frames", "20:26", "--hands", "left")
    assert "hand_right" not in take.meshes


def test_of_two_people_the_larger_one_is_captured(tmp_path: Path) -> None:
    pairs = []
    for _, image in open_footage(sample_clip(), (20, 30)).frames():
        small = cv2.resize(image, None, fx=0.8, fy=0.8)
        beside = np.full_like(image, 60)
        beside[: small.shape[0], : small.shape[1]] = small
        pairs.append(np.concatenate([image, beside], axis=1))
    take = captured(clip(tmp_path / "two.mp4", pairs), tmp_path / "two.dicetake")
    # The one on the left, from beginning to end: neither the head nor the hand at its cheek jumps to the other one.
    for name in ("head", "hand_right"):
        assert (take.array(f"tracked_{name}") == 1).all(), name
        middle = take.camera.project(take.array(f"{name}.vertices").mean(axis=1))
        assert (middle[:, 0] > 0).all(), name
        assert (middle[:, 0] < take.camera.width / 2).all(), name
    assert {event.hand for event in take.events} == {"hand_right"}


@pytest.fixture(scope="module")
def photo_takes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes of the four photos of hands on faces."""
    if not PHOTOS.is_dir():
        pytest.skip("the photos are not there")
    folder = tmp_path_factory.mktemp("photos")
    assert main(["capture", str(PHOTOS), "--stills", "-o", str(folder)]) == 0
    return folder


def test_photos_are_captured_within_the_figures(photo_takes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["metrics", str(photo_takes), "--json"]) == 0
    takes = json.loads(capsys.readouterr().out)["takes"]
    assert sorted(takes) == ["1", "2", "3", "4"]
    for name, found in takes.items():
        assert found["tracked"]["head"] == 1.0, name
        assert found["tracked"]["hand_right"] == 1.0, name
        # The head follows its landmarks less closely since a network that reads expressions outvotes some of them:
        # it was within 3.3 and is within 4.3, while heads of known shape became better (docs/accuracy.md). The edge-on
        # hand of photo 1 gave 2.2, then 2.9 because a hand beside the face comes to rest on it, and gives 3.6 since its
        # learned depth, the mean of two networks, lays it farther back on the cheek; the others stayed within 0.2.
        assert found["landmark_error_percent"]["head"]["median"] <= 4.4, name
        assert found["landmark_error_percent"]["hand_right"]["median"] <= 3.7, name
        assert found["non_col_percent"] == 100.0, name
        assert found["max_penetration_mm"] < 5.0, name


def test_what_the_photos_do_not_show_of_heads_stays_usual(photo_takes: Path) -> None:
    """A shape that explains the landmarks best can turn the ears outward by a centimetre."""
    head, rng = load_head(), np.random.default_rng(0)
    ears = head.mesh.region_vertices("ear.L", "ear.R")
    widths = [np.ptp(head.rest(rng.normal(size=len(head.shape_basis)))[ears, 0]) for _ in range(200)]
    for name in ("1", "2", "3", "4"):
        width = np.ptp(open_take(photo_takes / f"{name}.dicetake").meshes["head"].rest_vertices[ears, 0])
        assert abs(width - np.mean(widths)) < 2.5 * np.std(widths), name


@pytest.mark.parametrize(
    ("name", "regions"),
    [
        ("1", {"cheek.R", "jaw.R"}),
        ("2", {"cheek.R", "jaw.R"}),
        ("3", {"nose", "eye.R", "eye.L", "brow.R", "brow.L", "cheek.R", "cheek.L"}),
        ("4", {"cheek.R", "jaw.R"}),
    ],
)
def test_photos_touch_where_they_touch(photo_takes: Path, name: str, regions: set[str]) -> None:
    events = open_take(photo_takes / f"{name}.dicetake").events
    assert {event.region for event in events if event.hand == "hand_right"} & regions


@pytest.mark.parametrize(("name", "degrees"), [("1", 25.0), ("3", 35.0), ("4", 15.0)])
def test_fingers_that_lie_side_by_side_are_not_split_in_depth(photo_takes: Path, name: str, degrees: float) -> None:
    """All four are straight and together in these photos; two of them are seen from the edge."""
    take = open_take(photo_takes / f"{name}.dicetake")
    mesh = take.meshes["hand_right"]
    rotation = rotation_matrices(take.array("hand_right.rotation")[0])
    linear, offset = joint_transforms(mesh.joints, mesh.parents, rotation, take.array("hand_right.translation")[0])
    joints = np.einsum("jab,jb->ja", linear, mesh.joints) + offset
    place = mesh.joint_names.index
    fingers = np.array(
        [joints[place(f"{f}_dip")] - joints[place(f"{f}_mcp")] for f in ("index", "middle", "ring", "little")]
    )
    fingers /= np.linalg.norm(fingers, axis=1, keepdims=True)
    assert np.degrees(np.arccos((fingers @ fingers.T).min())) < degrees


def test_a_hand_on_the_cheek_stands_beside_it(photo_takes: Path) -> None:
    """Seen from the side the hands of photos 1 and 4 are at the cheek, neither before the nose nor behind the ear."""
    for name in ("1", "4"):
        take = open_take(photo_takes / f"{name}.dicetake")
        head, mesh = take.array("head.vertices")[0], take.meshes["head"]
        depth = take.array("hand_right.vertices")[0, :, 2]
        nose = head[mesh.region_vertices("nose"), 2].min()
        ear = head[mesh.region_vertices("ear.R"), 2].max()
        assert nose - 0.03 < depth.mean() < ear, name
        fingers = take.meshes["hand_right"].region_vertices("index", "middle")
        assert nose < depth[fingers].mean() < ear, name
