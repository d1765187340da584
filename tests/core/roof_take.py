"""A short take of a body whose every corner is known, for tests of what is exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from dice_core.geometry.mesh import Mesh
from dice_core.take import Take, open_take
from tests.core.take_files import frames, rigged_hand, started, values


def mixed_mesh() -> Mesh:
    """A roof: two quads and two triangles, each corner with a texture coordinate of its own."""
    vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0.5, 1], [1, 0.5, 1]], np.float32) / 8
    corners = np.array([0, 1, 5, 4, 2, 3, 4, 5, 3, 0, 4, 1, 2, 5], np.int32)
    return Mesh(
        name="head",
        rest_vertices=vertices,
        face_corners=corners,
        face_sizes=np.array([4, 4, 3, 3], np.int32),
        uv=(np.arange(28, dtype=np.float32).reshape(14, 2) / 32),
        region=np.array([0, 0, 1, 1, 2, 2], np.uint8),
        region_names=("low", "high", "ridge", "empty"),
    )


def roof_take(folder: Path, first: int = 10) -> Take:
    """Frames first to first + 4 in two chunks; the hand is absent from the second and third of them."""
    writer = started(folder / "roof.dicetake", first_frame=first, frame_count=5)
    head, hand = mixed_mesh(), replace(rigged_hand(), name="hand_right")
    writer.add_mesh(head)
    writer.add_mesh(hand)
    for start, count, seed in ((first, 2, 1), (first + 2, 3, 2)):
        arrays = frames(start, count) | values(head, count, seed) | values(hand, count, seed + 10)
        arrays["tracked_hand_right"] = np.array([1, 0] if start == first else [0, 2, 1], np.uint8)
        writer.write_chunk(arrays)
    writer.finish(complete=True)
    return open_take(writer.path)
