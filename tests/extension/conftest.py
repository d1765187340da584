"""A worker that needs no model and no footage, put where the queue looks for dice_core."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dice_blender.jobs.queue import CaptureQueue, Request
from dice_blender.jobs.worker import Python

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
