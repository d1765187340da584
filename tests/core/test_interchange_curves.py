"""Expression curves as Live Link Face CSV: names, weights, timecodes, and which way angles count."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from dice_core.bodies import load_head
from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.cli import main
from dice_core.geometry.rotations import rotation_matrices
from dice_core.interchange.live_link import COLUMNS, EXPRESSIONS, eye_angles, head_angles, timecode
from dice_core.sample import sample_truth
from dice_core.take import Take, open_take
from tests.core.command_line import sentence
from tests.core.take_files import HEAD, frames, started, values

# As the app Live Link Face writes it.
HEADER = (
    "Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,EyeLookOutLeft,EyeLookUpLeft,EyeSquintLeft,"
    "EyeWideLeft,EyeBlinkRight,EyeLookDownRight,EyeLookInRight,EyeLookOutRight,EyeLookUpRight,EyeSquintRight,"
    "EyeWideRight,JawForward,JawRight,JawLeft,JawOpen,MouthClose,MouthFunnel,MouthPucker,MouthRight,MouthLeft,"
    "MouthSmileLeft,MouthSmileRight,MouthFrownLeft,MouthFrownRight,MouthDimpleLeft,MouthDimpleRight,"
    "MouthStretchLeft,MouthStretchRight,MouthRollLower,MouthRollUpper,MouthShrugLower,MouthShrugUpper,"
    "MouthPressLeft,MouthPressRight,MouthLowerDownLeft,MouthLowerDownRight,MouthUpperUpLeft,MouthUpperUpRight,"
    "BrowDownLeft,BrowDownRight,BrowInnerUp,BrowOuterUpLeft,BrowOuterUpRight,CheekPuff,CheekSquintLeft,"
    "CheekSquintRight,NoseSneerLeft,NoseSneerRight,TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,LeftEyePitch,"
    "LeftEyeRoll,RightEyeYaw,RightEyePitch,RightEyeRoll"
)
FORWARDS, LEFT_EAR, CROWN = np.array([0.0, 0, -1]), np.array([1.0, 0, 0]), np.array([0.0, -1, 0])
"""Directions of the head at rest in camera axes: it looks into the camera, its own left is on the picture's right."""


def curves_of(take: Path, folder: Path, *options: str) -> list[list[str]]:
    """The rows of the file, header first."""
    assert main(["mesh", str(take), "--curves", str(folder / "curves.csv"), *options]) == 0
    with (folder / "curves.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def head_take(folder: Path, tracked: list[int], fps: float = 25.0) -> Take:
    """Frames 10 onwards of random expressions and rotations, of the open head."""
    head, count = load_head().mesh, len(tracked)
    writer = started(folder / "head.dicetake", fps=fps)
    writer.add_mesh(head)
    arrays = frames(10, count) | values(head, count, 3)
    arrays["tracked_head"] = np.array(tracked, np.uint8)
    arrays["head.expression"][0, :3] = (0.0, 1.0, 1.5e-7)
    writer.write_chunk(arrays)
    writer.finish(complete=True)
    return open_take(writer.path)


def test_columns_are_those_of_the_app() -> None:
    assert ",".join(COLUMNS) == HEADER
    assert sorted(name[:1].lower() + name[1:] for name in EXPRESSIONS) == sorted(EXPRESSION_NAMES)


def test_weights_are_exactly_those_of_the_take(tmp_path: Path) -> None:
    take = head_take(tmp_path, [1, 2, 1])
    header, *rows = curves_of(take.path, tmp_path)
    assert ",".join(header) == HEADER
    names, weights = take.meshes["head"].shape_key_names, take.array("head.expression")
    for row, written in enumerate(rows):
        assert written[1] == "61"
        assert len(written) == 63
        assert not any("e" in text for text in written), "some readers know no exponents"
        for name, text in zip(header[2:54], written[2:54], strict=True):
            place = names.index(name[:1].lower() + name[1:])
            assert np.float32(text) == weights[row, place], name


def test_a_frame_without_a_head_is_a_timecode_alone(tmp_path: Path) -> None:
    rows = curves_of(head_take(tmp_path, [1, 0, 1]).path, tmp_path)
    assert rows[2] == ["00:00:00:26.400", "0"]
    assert [len(row) for row in rows] == [63, 63, 2, 63]


def test_a_range_of_frames(tmp_path: Path) -> None:
    take = head_take(tmp_path, [1, 1, 1, 1])
    rows = curves_of(take.path, tmp_path)
    assert curves_of(take.path, tmp_path, "--frames", "11:13") == [rows[0], *rows[2:4]]


@pytest.mark.parametrize(
    ("frame", "fps", "text"),
    [
        (0, 30.0, "00:00:00:00.000"),
        (1, 60.0, "00:00:00:01.000"),
        (1, 30.0, "00:00:00:02.000"),
        (1, 24.0, "00:00:00:02.500"),
        (25, 25.0, "00:00:01:00.000"),
        (30, 30000 / 1001, "00:00:01:00.060"),
        (24 * 3600 * 2 + 24 * 61 + 12, 24.0, "02:01:01:30.000"),
        (0, 0.0, "00:00:00:00.000"),
    ],
)
def test_timecodes_count_sixtieths_of_a_second(frame: int, fps: float, text: str) -> None:
    assert timecode(frame / fps if fps else 0.0) == text


def test_frames_of_uneven_times_keep_them(tmp_path: Path) -> None:
    head = load_head().mesh
    writer = started(tmp_path / "uneven.dicetake")
    writer.add_mesh(head)
    times = np.array([0.5, 0.51, 1.0])
    writer.write_chunk(frames(10, 3) | {"time": times} | values(head, 3, 3))
    writer.finish(complete=True)
    rows = curves_of(writer.path, tmp_path)[1:]
    assert [row[0] for row in rows] == ["00:00:00:30.000", "00:00:00:30.600", "00:00:01:00.000"]


def angles_of(axis: np.ndarray, angle: float) -> list[float]:
    return head_angles(angle * axis[None])[0].tolist()


def test_which_way_the_head_turns() -> None:
    """Each turn is known by where it takes nose, left ear and crown in the picture."""
    down, rightwards, away = np.eye(3)[1], np.eye(3)[0], np.eye(3)[2]
    for angle in (0.3, -0.3):
        turned = rotation_matrices(angle * down)
        to_its_left = (turned @ FORWARDS)[0]  # the subject's left is the picture's right
        assert np.sign(to_its_left) == -np.sign(angle)
        assert angles_of(down, angle) == pytest.approx([np.sign(to_its_left) * 0.3, 0, 0])

        nods = rotation_matrices(angle * rightwards)
        upwards = -(nods @ FORWARDS)[1]
        assert angles_of(rightwards, angle) == pytest.approx([0, np.sign(upwards) * 0.3, 0])

        tilts = rotation_matrices(angle * away)
        to_its_right_shoulder = -(tilts @ CROWN)[0]
        assert angles_of(away, angle) == pytest.approx([0, 0, np.sign(to_its_right_shoulder) * 0.3])


def test_the_three_angles_give_the_rotation_back() -> None:
    rotation = np.random.default_rng(5).normal(0, 0.5, (200, 3))
    for vector, (yaw, pitch, roll) in zip(rotation, head_angles(rotation), strict=True):
        about_nose, about_ears, about_crown = (
            rotation_matrices(turn) for turn in (roll * FORWARDS, -pitch * LEFT_EAR, yaw * CROWN)
        )
        again = about_crown @ about_ears @ about_nose
        np.testing.assert_allclose(again, rotation_matrices(vector), atol=1e-12)


def test_which_way_the_eyes_turn() -> None:
    """In the app's recordings, yaw is positive to the subject's right and pitch down, other than the head's."""

    def looking(**weights: float) -> list[float]:
        row = np.zeros((1, 52), np.float32)
        for name, weight in weights.items():
            row[0, EXPRESSIONS.index(name)] = weight
        return eye_angles(row)[0].tolist()

    full, half = 0.65, 0.325
    assert looking(EyeLookInLeft=1.0, EyeLookOutRight=0.5) == pytest.approx([full, 0, 0, half, 0, 0])
    assert looking(EyeLookOutLeft=1.0, EyeLookInRight=0.5) == pytest.approx([-full, 0, 0, -half, 0, 0])
    assert looking(EyeLookDownLeft=1.0, EyeLookUpRight=1.0) == pytest.approx([0, 0.61, 0, 0, -0.61, 0])


def test_the_sample_turns_as_its_nose_does(tmp_path: Path) -> None:
    take = open_take(sample_truth())
    rows = curves_of(take.path, tmp_path)[1:]
    yaw, pitch = (np.array([float(row[COLUMNS.index(name)]) for row in rows]) for name in ("HeadYaw", "HeadPitch"))
    head = take.meshes["head"]
    nose, ears = head.region_vertices("nose"), head.region_vertices("ear.L", "ear.R")
    ahead = take.array("head.vertices")[:, nose].mean(axis=1) - take.array("head.vertices")[:, ears].mean(axis=1)
    seen_yaw, seen_pitch = np.arctan2(ahead[:, 0], -ahead[:, 2]), np.arctan2(-ahead[:, 1], -ahead[:, 2])
    assert yaw.std() > 0.01
    assert np.corrcoef(yaw, seen_yaw)[0, 1] > 0.99
    assert np.corrcoef(pitch, seen_pitch)[0, 1] > 0.9


def test_a_head_without_arkit_names_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writer = started(tmp_path / "other.dicetake")
    writer.add_mesh(HEAD)
    writer.write_chunk(frames(0, 2) | values(HEAD, 2, 1))
    writer.finish(complete=True)
    assert main(["mesh", str(writer.path), "--curves", str(tmp_path / "c.csv")]) == 2
    assert "--engine open" in sentence(capsys.readouterr().err)
    assert not (tmp_path / "c.csv").exists()
