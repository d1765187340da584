"""Long takes come in fast: 300 frames of meshes as large as the open bodies."""

from __future__ import annotations

import time

import bpy
import numpy as np
import pytest

from dice_blender.scene import import_take
from dice_blender.scene.keys.compact import COMPACT_LIMIT
from dice_blender.scene.keys.decomposition import Offsets, decompose
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


def test_300_frames_that_no_24_keys_can_show() -> None:
    """The slowest case: the error of the compact keys is made small until it hardly falls any more."""
    chance = np.random.default_rng(1)
    places = chance.uniform(-0.1, 0.1, (4608, 3))
    fields = np.stack([np.sin(places @ chance.normal(size=(3, 3)) * 40 + chance.uniform(0, 6, 3)) for _ in range(30)])
    weights = np.stack([np.interp(np.arange(300), np.arange(0, 300, 10), chance.normal(size=30)) for _ in range(30)], 1)
    wobble = 0.4e-3 / np.sqrt(30) * np.einsum("tk,kvi->tvi", weights, fields).astype(np.float32)
    wall, processor = time.perf_counter(), time.process_time()
    parts = decompose(Offsets.of(wobble), 0.19e-3, COMPACT_LIMIT, 0.14e-3)
    seconds = min(time.perf_counter() - wall, time.process_time() - processor)
    assert len(parts.shapes) == COMPACT_LIMIT
    assert parts.error < 0.5e-3
    assert seconds < 4.5


def test_an_import_says_how_far_it_is(scene: bpy.types.Scene, small_take: Take) -> None:
    shares: list[float] = []
    import_take(small_take, keys="compact", on_progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) >= 4
