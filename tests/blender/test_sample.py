"""The bundled sample's ground truth through every key mode."""

from __future__ import annotations

import bpy
import pytest

from dice_blender.scene import import_take
from dice_core.take import Take, open_take

from .surfaces import worst_distance


@pytest.fixture(scope="module")
def truth() -> Take:
    sample = pytest.importorskip("dice_core.sample")
    if not (sample.sample_truth() / "take.json").exists():
        pytest.skip("the sample is not rendered yet")
    return open_take(sample.sample_truth())


@pytest.mark.parametrize(("keys", "millimetres"), [("per-frame", 0.01), ("compact", 0.15), ("rigged", 0.2)])
def test_every_vertex_at_every_frame(scene: bpy.types.Scene, truth: Take, keys: str, millimetres: float) -> None:
    imported = import_take(truth, keys=keys)
    assert imported.objects
    for mesh, item in imported.objects.items():
        assert worst_distance(truth, mesh, item, scene.frame_start) <= millimetres
        if keys == "compact":
            assert imported.key_counts[mesh] <= 24
