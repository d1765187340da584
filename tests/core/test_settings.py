"""Settings: one object from the command line to the take and back, and one answer to "is this the same capture"."""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dice_core.engines.registry import ENGINES, EngineEntry
from dice_core.engines.settings import CaptureSettings, add_options
from dice_core.errors import InputError
from dice_core.take.identity import same_capture, same_request

SETTINGS = (
    CaptureSettings(),
    CaptureSettings(hands="left", fov=52.123456789012345),
    CaptureSettings(head="ict"),
    CaptureSettings(neutral=12),
    CaptureSettings(engine="dice", device="cpu", contact="solver", precision="half", gate=False),
    CaptureSettings(engine="dice", hands="right", fov=1 / 3 + 40),
)


def parsed(arguments: list[str]) -> CaptureSettings:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return CaptureSettings.from_options(parser.parse_args(arguments))


@pytest.mark.parametrize("settings", SETTINGS)
def test_arguments_and_back(settings: CaptureSettings) -> None:
    assert parsed(settings.to_arguments()) == settings


def test_no_arguments_are_the_defaults() -> None:
    assert parsed([]) == CaptureSettings()


def test_the_take_holds_what_the_engine_uses() -> None:
    held = {"hands": "auto", "fov": None, "head": "open", "neutral": None}
    assert CaptureSettings(device="cpu", gate=False).to_json() == held
    assert set(CaptureSettings(engine="dice").to_json()) == set(ENGINES["dice"].uses)


@pytest.mark.parametrize(
    ("name", "value", "known"),
    [("engine", "closed", "open or dice"), ("hands", "three", "auto, left, right or both"), ("device", "tpu", "mps")],
)
def test_an_unknown_name_is_an_error_that_lists_the_known_ones(name: str, value: Any, known: str) -> None:
    with pytest.raises(InputError, match=known):
        CaptureSettings(**{name: value})


@pytest.mark.parametrize("choice", [{"head": "ict"}, {"neutral": 0}])
def test_what_the_network_has_no_use_for_is_refused(choice: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"leave out --{next(iter(choice))}"):
        CaptureSettings(engine="dice", **choice)


def test_an_engine_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an engine says that it uses decides what the take holds and where the command line lists it."""
    monkeypatch.setitem(ENGINES, "open", EngineEntry("m", "C", ("hands", "device"), "another"))
    assert CaptureSettings(device="cpu").to_json() == {"hands": "auto", "device": "cpu"}
    assert "--device" in CaptureSettings(device="cpu").to_arguments()


def test_the_same_request() -> None:
    settings = CaptureSettings(engine="dice", precision="auto")
    info = {"source": {"path": str(Path("clip.mp4").absolute())}, "request": settings.request((3, 9))}
    assert same_request(info, "clip.mp4", settings.request((3, 9)))
    assert not same_request(info, "other.mp4", settings.request((3, 9)))
    assert not same_request(info, "clip.mp4", settings.request())
    assert not same_request(info, "clip.mp4", replace(settings, gate=False).request((3, 9)))
    assert not same_request({"source": info["source"]}, "clip.mp4", settings.request((3, 9)))


def test_the_same_capture() -> None:
    info = {
        "format": "dice-take",
        "version": 1,
        "source": {"path": "/a/clip.mp4", "sha256": "1", "frame_count": 5},
        "engine": {"name": "open", "settings": {"fov": None}},
    }
    moved = info | {"source": info["source"] | {"path": "/b/clip.mp4"}, "complete": True}  # type: ignore[operator]
    assert same_capture(info, moved)
    assert not same_capture(info, info | {"source": moved["source"] | {"sha256": "2"}})
    assert not same_capture(info, info | {"engine": {"name": "open", "settings": {"fov": 40.0}}})


def test_blender_may_import_the_settings() -> None:
    """Nothing heavy comes with them."""
    code = (
        "import sys; import dice_core.engines.settings, dice_core.take.identity; "
        "sys.exit(bool({'cv2', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
