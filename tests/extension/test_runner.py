"""What follows when a capture ends: its take comes into the scene, but never while something else reads or edits it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy
import pytest

from dice_blender.jobs import runner
from dice_blender.jobs.queue import Request
from dice_blender.jobs.worker import Python
from dice_blender.properties import settings_of
from dice_blender.scene.keys import per_frame
from tests.blender.synthetic_take import Recipe, write_synthetic_take

# Seconds within which the stub's captures end on a busy machine.
PATIENCE = 30.0


@pytest.fixture
def ready_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the stub hands out as captured."""
    write_synthetic_take(tmp_path / "ready.dicetake", Recipe(frames=4, rings=8, enters=1, absent_from=9))
    monkeypatch.setenv("DICE_STUB_TAKE", str(tmp_path / "ready.dicetake"))
    return tmp_path / "ready.dicetake"


@pytest.fixture
def blocker(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What blocks changes of the scene: the last entry, "" for nothing."""
    blockers = [""]
    monkeypatch.setattr(runner, "blocked_by", lambda: blockers[-1])
    yield blockers
    runner.close()


def tick(until: Callable[[], bool]) -> None:
    """Drive the captures as Blender's timer would."""
    end = time.monotonic() + PATIENCE
    while not until():
        runner._tick()
        assert time.monotonic() < end
        time.sleep(0.01)


def submit(python: Python, folder: Path, habits: str, keys: str = "compact") -> Any:
    request = Request(
        footage=f"/footage/{habits}.mp4",
        take=folder / f"{habits}.dicetake",
        scene=bpy.context.scene.session_uid,
        keys=keys,
    )
    return runner.queue.submit(request, python)


@pytest.mark.parametrize("what", ["the render", "Move"])
def test_an_import_waits_for_what_reads_or_edits_the_scene(
    extension: Any, ready_take: Path, stub_python: Python, blocker: list[str], tmp_path: Path, what: str
) -> None:
    blocker.append(what)
    capture = submit(stub_python, tmp_path, "frames=2")
    tick(lambda: capture.state.over)
    for _ in range(20):
        assert runner._tick() is not None, "the timer goes on"
    settings = settings_of(bpy.context.scene)
    assert not settings.takes
    assert runner.waiting_for_import() is capture
    blocker.append("")
    tick(lambda: len(settings.takes) > 0)
    assert settings.takes[0].collection is not None
    assert runner.waiting_for_import() is None
    assert runner._tick() is None, "the timer ends"


def test_a_failure_is_shown_at_once(extension: Any, stub_python: Python, blocker: list[str], tmp_path: Path) -> None:
    blocker.append("the render")
    capture = submit(stub_python, tmp_path, "refuse")
    tick(lambda: capture.state.over)
    runner._tick()
    assert runner.waiting_for_import() is None
    assert runner.queue.captures == (capture,)


def test_a_take_that_is_too_long_for_its_keys_is_offered(
    extension: Any,
    ready_take: Path,
    stub_python: Python,
    blocker: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(per_frame, "LARGEST", 1000)
    capture = submit(stub_python, tmp_path, "frames=2", keys="per-frame")
    settings = settings_of(bpy.context.scene)
    tick(lambda: len(settings.takes) > 0)
    assert settings.takes[0].collection is None
    assert runner.queue.captures == (capture,)
    assert "choose rigged or compact keys" in capture.error
    bpy.ops.dice.reimport_take("EXEC_DEFAULT", keys="rigged")
    assert settings.takes[0].collection is not None


def test_nothing_blocks_an_idle_blender(extension: Any) -> None:
    assert runner.blocked_by() == ""


def test_listeners_hear_of_progress(
    extension: Any, ready_take: Path, stub_python: Python, blocker: list[str], tmp_path: Path
) -> None:
    heard: list[int] = []
    capture = submit(stub_python, tmp_path, "frames=8,pause=0.1")
    runner.on_change.append(lambda: heard.append(capture.done))
    try:
        tick(lambda: capture.state.over)
    finally:
        runner.on_change.pop()
    assert len(set(heard)) >= 3
