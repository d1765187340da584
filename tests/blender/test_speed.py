"""Long takes come in fast: 300 frames of meshes as large as the open bodies."""

from __future__ import annotations

import time

import bpy
import pytest

from dice_blender.scene import import_take
from dice_core.take import Take

from .synthetic_take import Recipe, write_synthetic_take

# Seconds.
LIMITS = {"per-frame": 10.0, "compact": 3.0, "rigged": 3.0}


@pytest.fixture(scope="module")
def long_take(tmp_path_factory: pytest.TempPathFactory) -> Take:
    return write_synthetic_take(tmp_path_factory.mktemp("long") / "long.dicetake", Recipe(frames=300, rings=48))


@pytest.mark.parametrize("keys", LIMITS)
def test_300_frames(scene: bpy.types.Scene, long_take: Take, keys: str) -> None:
    # The lesser of the two clocks: other processes slow one down, threads of the linear algebra the other.
    wall, processor = time.perf_counter(), time.process_time()
    imported = import_take(long_take, keys=keys)
    seconds = min(time.perf_counter() - wall, time.process_time() - processor)
    assert len(imported.objects["head"].data.vertices) == 4608
    assert seconds < LIMITS[keys]
