"""The `dice` command when something goes wrong that nobody foresaw, and its log."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from dice_core.cli import main
from dice_core.errors import InputError
from tests.core.command_line import fail, sentence


def test_unexpected_failures_leave_a_traceback_and_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dice_core.cli.capturing.open_footage", fail)
    assert main(["capture", "a.mp4"]) == 1
    shown = capsys.readouterr()
    *traceback, last = shown.err.strip().splitlines()
    assert "Traceback (most recent call last):" in traceback
    assert any("in fail" in line for line in traceback)
    assert sentence(last) == (
        "dice: This is a bug (ZeroDivisionError: by chance): report it together with the traceback in the log."
    )
    assert shown.out == ""
    with pytest.raises(ZeroDivisionError):
        main(["capture", "a.mp4", "--debug"])


def test_unexpected_failures_are_error_events_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dice_core.cli.capturing.open_footage", fail)
    assert main(["capture", "a.mp4", "--events"]) == 1
    shown = capsys.readouterr()
    (event,) = [json.loads(line) for line in shown.out.splitlines()]
    assert event["event"] == "error"
    assert shown.err.strip().splitlines()[-1] == f"dice: {event['message']}"
    assert "Traceback" in shown.err


def test_settings_that_cannot_be_are_an_error_event_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise InputError("Hands cannot be so: use two.")

    monkeypatch.setattr("dice_core.cli.capturing.CaptureSettings.from_options", refuse)
    assert main(["capture", "a.mp4", "--events"]) == 2
    assert json.loads(capsys.readouterr().out) == {"event": "error", "message": "Hands cannot be so: use two."}


def test_a_closed_pipe_does_not_hide_a_bug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("dice_core.cli.capturing.open_footage", fail)
    monkeypatch.setattr(sys, "stdout", Closed())
    assert main(["capture", "a.mp4", "--events"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize(("options", "levels"), [([], set()), (["-v"], {"INFO"}), (["-vv"], {"INFO", "DEBUG"})])
def test_the_log_is_on_standard_error_as_far_as_it_is_asked_for(
    tmp_path: Path, options: list[str], levels: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    video = tmp_path / "grey.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    writer.write(np.full((48, 64, 3), 90, np.uint8))
    writer.release()
    assert main(["capture", str(video), "-o", str(tmp_path / "a.dicetake"), *options]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert {line.split()[2] for line in lines} == levels
    if levels:
        assert any("opened" in line and "25 fps" in line for line in lines)
