"""Which folder a capture goes to: a new one, or that of the same request if it was not finished."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dice_blender.jobs.environment import take_path
from dice_blender.jobs.queue import Request
from dice_core.engines.settings import CaptureSettings
from dice_core.take import Source, TakeWriter


@pytest.fixture
def request_for(tmp_path: Path) -> Request:
    """All frames of a movie of which Blender believes that it has 72."""
    return Request(str(tmp_path / "clip.mp4"), tmp_path / "takes" / "clip.dicetake", CaptureSettings(hands="left"))


def leave_take(request: Request, *, decoded: int, complete: bool = False) -> None:
    """What a capture leaves that found `decoded` frames."""
    source = Source(request.footage, "video", 64, 48, 24.0, 0, decoded, "0" * 64)
    engine = {"name": "open", "settings": request.settings.to_json(), "models": {}}
    writer = TakeWriter(request.take, source, engine, request.settings.request(request.frames))
    writer.finish(complete=complete)


def test_a_first_capture_goes_where_it_is_told(request_for: Request) -> None:
    assert take_path(request_for, ()) == request_for.take


@pytest.mark.parametrize("decoded", [72, 17])
def test_an_unfinished_take_is_resumed_however_many_frames_were_decoded(request_for: Request, decoded: int) -> None:
    """The headers of a truncated movie promise more frames than can be decoded."""
    leave_take(request_for, decoded=decoded)
    assert take_path(request_for, ()) == request_for.take


def test_a_finished_take_is_left_alone(request_for: Request) -> None:
    leave_take(request_for, decoded=72, complete=True)
    assert take_path(request_for, ()) == request_for.take.with_name("clip.002.dicetake")


@pytest.mark.parametrize(
    "change",
    [
        {"settings": CaptureSettings(hands="right")},
        {"settings": CaptureSettings(hands="left", fov=50.0)},
        {"frames": (0, 17)},
        {"footage": "/elsewhere/clip.mp4"},
    ],
    ids=["hands", "lens", "frames", "footage"],
)
def test_another_request_gets_a_folder_of_its_own(request_for: Request, change: dict[str, object]) -> None:
    leave_take(request_for, decoded=17)
    assert take_path(replace(request_for, **change), ()) != request_for.take


def test_a_part_of_the_footage_is_resumed_too(request_for: Request) -> None:
    part = replace(request_for, frames=(3, 9))
    leave_take(part, decoded=6)
    assert take_path(part, ()) == part.take
    assert take_path(replace(part, frames=(3, 8)), ()) != part.take


def test_a_folder_that_a_waiting_capture_will_use_is_taken(request_for: Request) -> None:
    leave_take(request_for, decoded=72)
    assert take_path(request_for, [request_for.take]) == request_for.take.with_name("clip.002.dicetake")


def test_a_folder_that_is_no_take_is_left_alone(request_for: Request) -> None:
    request_for.take.mkdir(parents=True)
    assert take_path(request_for, ()) == request_for.take.with_name("clip.002.dicetake")
