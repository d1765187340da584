from __future__ import annotations

import json

import numpy as np
import pytest

from dice_core.contact.touch_events import TouchEventRecorder
from dice_core.errors import ShapeError
from dice_core.geometry.mesh import Mesh

REGIONS = ("cheek.L", "jaw.L", "eyeball.L")
COLUMNS = 30


@pytest.fixture
def head() -> Mesh:
    """A strip of quads of equal area: ten columns each of cheek, jaw and eyeball."""
    x = np.repeat(np.arange(COLUMNS, dtype=np.float32), 2) * 0.01
    y = np.tile(np.array([0, 0.01], np.float32), COLUMNS)
    first = 2 * np.arange(COLUMNS - 1)
    quads = np.stack([first, first + 1, first + 3, first + 2], axis=1).astype(np.int32)
    return Mesh(
        name="head",
        rest_vertices=np.stack([x, y, np.zeros_like(x)], axis=1),
        face_corners=quads.ravel(),
        face_sizes=np.full(len(quads), 4, np.int32),
        uv=np.zeros((quads.size, 2), np.float32),
        region=np.repeat(np.arange(3, dtype=np.uint8), 20),
        region_names=REGIONS,
    )


def press(
    head: Mesh,
    recorder: TouchEventRecorder,
    frame: int,
    columns: range,
    depth: float = 0.004,
    *,
    hand: str = "hand_right",
) -> None:
    contact, deformation = np.zeros(2 * COLUMNS, np.float32), np.zeros((2 * COLUMNS, 3), np.float32)
    for column in columns:
        contact[2 * column : 2 * column + 2] = 0.9
        deformation[2 * column : 2 * column + 2, 2] = depth
    recorder.add(frame, hand, contact, deformation)


def spans(recorder: TouchEventRecorder) -> list[tuple[str, str, int, int]]:
    return [(t.hand, t.region, t.first_frame, t.last_frame) for t in recorder.touch_events()]


def test_a_touch_spans_its_frames_with_its_deepest_dent(head: Mesh) -> None:
    recorder = TouchEventRecorder(head)
    for frame, depth in ((7, 0.001), (8, 0.0062), (9, 0.003)):
        press(head, recorder, frame, range(2, 6), depth)
    assert recorder.as_dicts() == [
        {
            "mesh": "head",
            "region": "cheek.L",
            "hand": "hand_right",
            "first_frame": 7,
            "last_frame": 9,
            "peak_depth_mm": 6.2,
        }
    ]


@pytest.mark.parametrize("fps", [12.0, 24.0, 30.0, 60.0, 240.0])
def test_gaps_are_bridged_by_time(head: Mesh, fps: float) -> None:
    recorder = TouchEventRecorder(head, fps)
    touched, short, long = round(0.2 * fps), int(0.14 * fps), round(0.25 * fps)
    second = touched + short
    third = second + touched + long
    for first in (0, second, third):
        for frame in range(first, first + touched):
            press(head, recorder, frame, range(2, 6))
    assert spans(recorder) == [
        ("hand_right", "cheek.L", 0, second + touched - 1),
        ("hand_right", "cheek.L", third, third + touched - 1),
    ]


@pytest.mark.parametrize(("stills", "expected"), [(False, []), (True, [("hand_right", "cheek.L", 3, 3)])])
def test_a_single_frame_is_dropped_in_a_video_but_a_touch_in_a_still(head: Mesh, stills: bool, expected: list) -> None:
    recorder = TouchEventRecorder(head, stills=stills)
    press(head, recorder, 3, range(2, 6))
    assert spans(recorder) == expected


def test_stills_are_not_bridged(head: Mesh) -> None:
    recorder = TouchEventRecorder(head, stills=True)
    press(head, recorder, 0, range(2, 6))
    press(head, recorder, 2, range(2, 6))
    assert spans(recorder) == [("hand_right", "cheek.L", 0, 0), ("hand_right", "cheek.L", 2, 2)]


def test_two_regions_and_two_hands_are_listed_by_themselves(head: Mesh) -> None:
    recorder = TouchEventRecorder(head)
    for frame in (0, 1):
        press(head, recorder, frame, range(6, 14))
        press(head, recorder, frame, range(12, 15), hand="hand_left")
    assert spans(recorder) == [
        ("hand_left", "jaw.L", 0, 1),
        ("hand_right", "cheek.L", 0, 1),
        ("hand_right", "jaw.L", 0, 1),
    ]


def test_a_region_needs_a_share_to_begin_and_less_to_stay(head: Mesh) -> None:
    recorder = TouchEventRecorder(head)
    press(head, recorder, 0, range(2, 11))
    press(head, recorder, 1, range(2, 11))
    assert [touch.region for touch in recorder.touch_events()] == ["cheek.L"]
    press(head, recorder, 2, range(6, 14))
    press(head, recorder, 3, range(3, 12))
    assert ("hand_right", "jaw.L", 2, 3) in spans(recorder)


def test_an_eyeball_counts_as_the_eye(head: Mesh) -> None:
    recorder = TouchEventRecorder(head)
    press(head, recorder, 0, range(22, 28))
    press(head, recorder, 1, range(22, 28))
    assert spans(recorder) == [("hand_right", "eye.L", 0, 1)]


def test_a_restored_recorder_continues_as_if_uninterrupted(head: Mesh) -> None:
    whole, before = TouchEventRecorder(head), TouchEventRecorder(head)
    for frame in (0, 1, 2):
        press(head, whole, frame, range(4, 9), 0.0051237)
        press(head, before, frame, range(4, 9), 0.0051237)
    after = TouchEventRecorder(head)
    after.restore(json.loads(json.dumps(before.state())))
    for frame in (4, 10, 11):
        press(head, whole, frame, range(4, 12))
        press(head, after, frame, range(4, 12))
    assert after.touch_events() == whole.touch_events()
    assert len(whole.touch_events()) == 3


def test_wrong_sizes_are_named(head: Mesh) -> None:
    with pytest.raises(ShapeError, match="60 rows"):
        TouchEventRecorder(head).add(0, "hand_left", np.zeros(3), np.zeros((3, 3)))
