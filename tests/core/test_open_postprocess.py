"""From fitted frames to a chunk: misdetections are dropped wherever they stand, at every frame rate."""

from __future__ import annotations

import numpy as np
import pytest

from dice_core.bodies import load_hand, load_head
from dice_core.capture.pipeline import block_frames
from dice_core.contact.tissue.stiffness import head_tissue
from dice_core.engines.open.frames import OpenFrames
from dice_core.engines.open.postprocess import Postprocessor
from dice_core.engines.open.survey import Person
from dice_core.geometry.camera import Camera


@pytest.fixture(scope="module")
def person() -> Person:
    head, hand = load_head(), load_hand("right")
    camera = Camera.from_fov(640, 480, 40.0)
    return Person(camera, np.zeros(len(head.shape_basis)), np.zeros(len(hand.shape_basis)), 1.0)


def chunks_with_hand(person: Person, fps: float, first: int, frames: int) -> list[int]:
    """Numbers of the chunks that hold a hand which was found in `frames` frames from `first` on."""
    block = block_frames(fps)
    window = OpenFrames.empty(4 * block)
    window.frame[:] = np.arange(len(window))
    window.right.found[first : first + frames] = 1
    window.right.pose[:, 5] = window.right.centre[:, 2] = window.right.free_centre[:, 2] = 0.5
    postprocessor = Postprocessor(person, head_tissue(person.head), fps)
    found = []
    for number in range(4):
        low, high = max(0, number - 1) * block, min(4, number + 2) * block
        start = number * block - low
        chunk = postprocessor.chunk(window.rows(slice(low, high)), start, start + block)
        found += [number] if "hand_right" in chunk.meshes else []
    return found


@pytest.mark.parametrize("fps", [24.0, 60.0, 240.0])
def test_a_hand_for_a_moment_is_dropped_at_chunk_boundaries_too(person: Person, fps: float) -> None:
    block = block_frames(fps)
    brief = round(0.1 * fps) - 1
    for first in (block + block // 2, 2 * block - brief // 2, 2 * block, 2 * block - brief):
        assert chunks_with_hand(person, fps, first, brief) == []


@pytest.mark.parametrize("fps", [24.0, 60.0, 240.0])
def test_a_hand_that_stays_is_kept(person: Person, fps: float) -> None:
    block = block_frames(fps)
    stay = round(0.15 * fps)
    assert chunks_with_hand(person, fps, 2 * block - stay // 2, stay) == [1, 2]
