"""A worker that needs no model and no footage, put where the queue looks for dice_core."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dice_blender.jobs.queue import CaptureQueue, Request
from dice_blender.jobs.worker import Python

if importlib.util.find_spec("bpy") is None:
    collect_ignore = ["test_panels.py", "test_runner.py", "test_take_path.py"]

STUB = Path(__file__).with_name("stub_worker.py")


@pytest.fixture
def stub_python(tmp_path: Path) -> Python:
    """A Python whose `dice_core` is the stub."""
    package = tmp_path / "stub" / "dice_core"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copy(STUB, package / "__main__.py")
    return Python(sys.executable, (str(package.parent),))


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[[str], Request]:
    """Request for footage whose name says how the stub behaves."""
    return lambda habits: Request(footage=f"/footage/{habits}.mp4", take=tmp_path / f"{habits}.dicetake")


@pytest.fixture
def queue() -> Iterator[CaptureQueue]:
    """An empty queue that leaves nothing running."""
    queue = CaptureQueue()
    yield queue
    queue.close()


@pytest.fixture
def extension() -> Iterator[None]:
    """The extension enabled in this Blender, with preferences and an empty scene of its own."""
    import bpy

    import dice_blender

    addon = bpy.context.preferences.addons.new()
    addon.module = "dice_blender"
    dice_blender.register()
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    yield
    dice_blender.unregister()
    bpy.context.preferences.addons.remove(addon)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
