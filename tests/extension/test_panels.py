"""The panel in a Blender without a window: what drawing may cost, and what it knows of the footage."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import bpy
import pytest

from dice_blender import footage
from dice_blender.jobs import head_adding
from dice_blender.operators.capture import _capture_settings
from dice_blender.properties import settings_of

_FILE_EVENTS = {"open", "os.listdir", "os.scandir", "glob.glob"}
_listeners: list[list[str]] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _FILE_EVENTS:
        for noted in _listeners:
            noted.append(f"{event} {arguments}")


@pytest.fixture(scope="module", autouse=True)
def audit() -> None:
    """An audit hook can be added and never removed; it is silent outside `disk`."""
    sys.addaudithook(_audit)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Notes of every look at the disk from now on."""
    noted: list[str] = []
    _listeners.append(noted)
    for name in ("stat", "lstat"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *a, real=real, name=name, **k: noted.append(f"{name} {a}") or real(*a, **k)
        )
    yield noted
    _listeners.remove(noted)


@pytest.fixture
def sequence(extension: Any, tmp_path: Path) -> Path:
    """200 images, chosen as the footage."""
    image = bpy.data.images.new("made up", 8, 6)
    image.filepath_raw, image.file_format = str(tmp_path / "shot_0001.png"), "PNG"
    image.save()
    bpy.data.images.remove(image)
    content = (tmp_path / "shot_0001.png").read_bytes()
    for number in range(2, 201):
        (tmp_path / f"shot_{number:04d}.png").write_bytes(content)
    settings = settings_of(bpy.context.scene)
    settings.source, settings.filepath = "SEQUENCE", str(tmp_path / "shot_0001.png")
    assert settings.footage_frames == 200
    return tmp_path


def draw(name: str) -> MagicMock:
    """Draw a panel; returns what it drew on."""
    panel = getattr(bpy.types, name)
    layout = MagicMock()
    if not hasattr(panel, "poll") or panel.poll(bpy.context):
        panel.draw(SimpleNamespace(layout=layout), bpy.context)
    return layout


PANELS = ("DICE_PT_footage", "DICE_PT_capture", "DICE_PT_result", "DICE_PT_touches", "DICE_PT_export")


def test_drawing_and_polling_never_look_at_the_disk(sequence: Path, disk: list[str]) -> None:
    for name in PANELS:
        draw(name)
    assert bpy.ops.dice.capture.poll()
    assert not disk


def _choices_of_head() -> list[Any]:
    return [call for call in draw("DICE_PT_capture").mock_calls if call.args[1:2] == ("head",)]


def test_the_head_is_a_choice_where_one_is_installed(
    extension: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DICE_DATA", str(tmp_path))
    settings = settings_of(bpy.context.scene)
    bpy.ops.dice.refresh_footage()
    assert not _choices_of_head()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "ict_head.npz").touch()
    bpy.ops.dice.refresh_footage()
    assert _choices_of_head()
    assert _capture_settings(settings).head == "open"
    settings.head = "ict"
    assert _capture_settings(settings).head == "ict"
    settings.engine = "dice"
    assert not _choices_of_head()
    assert _capture_settings(settings).head == "open", "the network has a head of its own"
    (tmp_path / "models" / "ict_head.npz").unlink()
    settings.engine = "open"
    assert _choices_of_head(), "a file that names it shows the choice, so that it can be changed"


def test_the_counter_counts(sequence: Path, disk: list[str]) -> None:
    footage.refresh(settings_of(bpy.context.scene))
    assert len(disk) >= 200


def test_refreshing_finds_out_what_has_changed(sequence: Path) -> None:
    settings = settings_of(bpy.context.scene)
    (sequence / "shot_0200.png").unlink()
    assert bpy.ops.dice.refresh_footage() == {"FINISHED"}
    assert (settings.footage_frames, settings.frame_end) == (199, 199)
    for file in sequence.glob("*.png"):
        file.unlink()
    assert not footage.problem(settings)
    assert bpy.ops.dice.refresh_footage() == {"FINISHED"}
    assert footage.problem(settings) == "The footage is missing"
    assert not bpy.ops.dice.capture.poll()


def test_a_capture_looks_at_the_footage_before_it_starts(sequence: Path) -> None:
    for file in sequence.glob("*.png"):
        file.unlink()
    assert bpy.ops.dice.capture.poll()
    with pytest.raises(RuntimeError, match="The footage is missing"):
        bpy.ops.dice.capture()


def test_a_chosen_frame_range_outlives_a_refresh(sequence: Path) -> None:
    settings = settings_of(bpy.context.scene)
    settings.use_range, settings.frame_start, settings.frame_end = True, 20, 30
    bpy.ops.dice.refresh_footage()
    assert (settings.frame_start, settings.frame_end) == (20, 30)
    settings.filepath = str(sequence / "shot_0002.png")
    assert (settings.frame_start, settings.frame_end) == (1, 200)


def test_a_resting_face_is_one_of_the_frames_to_capture(sequence: Path) -> None:
    settings = settings_of(bpy.context.scene)
    assert _capture_settings(settings).neutral is None
    settings.use_neutral, settings.neutral = True, 20
    assert _capture_settings(settings).neutral == 19, "the panel counts from 1, as the timeline does"
    assert not footage.problem(settings)
    for start, end, fits in ((20, 30, True), (10, 20, True), (21, 30, False), (10, 19, False)):
        settings.use_range, settings.frame_start, settings.frame_end = True, start, end
        assert bool(footage.problem(settings)) != fits
    settings.use_range, settings.neutral = False, 201
    assert footage.problem(settings) == "The frame of the resting face is none of those to capture"
    settings.engine, settings.neutral = "dice", 20
    assert _capture_settings(settings).neutral is None, "the network has no use for it"
    settings.engine, settings.filepath = "open", str(sequence / "shot_0002.png")
    assert _capture_settings(settings).neutral is None, "other footage, other faces"


def test_an_opened_file_knows_its_footage_anew(sequence: Path, tmp_path: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    (sequence / "shot_0200.png").unlink()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "saved.blend"))
    assert settings_of(bpy.context.scene).footage_frames == 199


@pytest.mark.parametrize("name", ["notes.txt", "damaged.png", "damaged.mp4"])
def test_a_file_that_blender_cannot_read_is_said_to_be_one(extension: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("not an image")
    settings = settings_of(bpy.context.scene)
    settings.source, settings.filepath = "FILE", str(tmp_path / name)
    assert settings.footage_found
    assert settings.footage_width == 0
    labels = [call.kwargs.get("text") for call in draw("DICE_PT_footage").mock_calls]
    assert "This file cannot be read" in labels


def test_looking_at_the_footage_again_writes_what_has_changed_alone(extension: Any, tmp_path: Path) -> None:
    """Each setting that is written has Blender draw its whole window anew, which can take longer than all the rest."""
    path = tmp_path / "face.png"
    image = bpy.data.images.new("face", 8, 6)
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    settings = settings_of(bpy.context.scene)
    settings.source, settings.filepath = "FILE", str(path)
    written: list[str] = []

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(settings, name)

        def __setattr__(self, name: str, value: Any) -> None:
            written.append(name)
            setattr(settings, name, value)

    footage.refresh(Watched())  # type: ignore[arg-type]
    assert not written
    image.scale(16, 6)
    image.save()
    footage.refresh(Watched())  # type: ignore[arg-type]
    assert written == ["footage_width"]
    assert settings.footage_width == 16


def test_a_head_is_added_from_the_preferences(extension: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that lacks files is refused in the sentence that the command has; the worker is the real one."""
    monkeypatch.setenv("DICE_DATA", str(tmp_path / "data"))
    folder = tmp_path / "FaceXModel"
    folder.mkdir()
    (folder / "generic_neutral_mesh.obj").touch()
    assert bpy.ops.dice.add_head(directory=f"{folder}{os.sep}") == {"FINISHED"}
    outcome = head_adding.outcome()
    assert (outcome.running, outcome.good) == (False, False)
    assert "lacks browDown_L.obj" in outcome.text
    assert not outcome.text.startswith("dice:")
    heads = [{"state": "present"}]
    assert head_adding._explain(json.dumps({"heads": heads, "models": []}), [])[0]
    assert head_adding._explain("", []) == (False, "No answer")
