"""From fitted frames to a chunk: misdetections are dropped wherever they stand, at every frame rate; prepared skin."""

from __future__ import annotations

import pickle
from concurrent.futures import Future

import numpy as np
import pytest

from dice_core.bodies import load_hand, load_head
from dice_core.capture.blocks import NEIGHBOURS
from dice_core.capture.pipeline import block_frames
from dice_core.contact.soft_tissue import SoftTissue
from dice_core.contact.tissue.stiffness import head_tissue
from dice_core.engines.open.frames import OpenFrames
from dice_core.engines.open.postprocess import Postprocessor, skin_of
from dice_core.engines.open.survey import Person
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import triangles


@pytest.fixture(scope="module")
def person() -> Person:
    head, hand = load_head(), load_hand("right")
    camera = Camera.from_fov(640, 480, 40.0)
    return Person(camera, np.zeros(len(head.shape_basis)), np.zeros(len(hand.shape_basis)), 1.0)


def chunks_with_hand(person: Person, fps: float, first: int, frames: int) -> list[int]:
    """Numbers of the chunks that hold a hand which was found in `frames` frames from `first` on."""
    block = block_frames(fps)
    blocks = 8
    window = OpenFrames.empty(blocks * block)
    window.frame[:] = np.arange(len(window))
    window.right.found[first : first + frames] = 1
    window.right.pose[:, 5] = window.right.centre[:, 2] = window.right.free_centre[:, 2] = 0.5
    postprocessor = Postprocessor(person, head_tissue(person.head), fps)
    found = []
    for number in range(blocks):
        low, high = max(0, number - NEIGHBOURS) * block, min(blocks, number + 1 + NEIGHBOURS) * block
        start = number * block - low
        chunk = postprocessor.chunk(window.rows(slice(low, high)), start, start + block)
        found += [number] if "hand_right" in chunk.meshes else []
    return found


@pytest.mark.parametrize("fps", [24.0, 60.0, 240.0])
def test_a_hand_for_a_moment_is_dropped_at_chunk_boundaries_too(person: Person, fps: float) -> None:
    block = block_frames(fps)
    brief = round(0.1 * fps) - 1
    for first in (3 * block + block // 2, 4 * block - brief // 2, 4 * block, 4 * block - brief):
        assert chunks_with_hand(person, fps, first, brief) == []


@pytest.mark.parametrize("fps", [24.0, 60.0, 240.0])
def test_a_hand_that_stays_is_kept(person: Person, fps: float) -> None:
    block = block_frames(fps)
    stay = round(0.15 * fps)
    assert chunks_with_hand(person, fps, 4 * block - stay // 2, stay) == [3, 4]


def test_skin_that_is_prepared_goes_along_to_another_process(person: Person) -> None:
    tissue = head_tissue(person.head)
    skin: Future[SoftTissue] = Future()
    skin.set_result(skin_of(person.head, person.head_shape, tissue))
    sent = pickle.dumps(Postprocessor(person, tissue, 24.0, skin))
    assert len(sent) < 20e6
    there = pickle.loads(sent).__dict__["_soft_tissue"]
    head, hand = person.head_mesh(), person.hand_mesh("right")
    tip = hand.rest_vertices[hand.rest_vertices[:, 2].argmax()]
    touching = hand.rest_vertices - tip + head.rest_vertices[head.rest_vertices[:, 2].argmin()] + [0, 0, 0.004]
    here = skin.result().solve(head.rest_vertices, touching, triangles(hand))
    assert here.deformation.any()
    again = there.solve(head.rest_vertices, touching, triangles(hand))
    assert (here.deformation.tobytes(), here.hand_shift.tobytes()) == (
        again.deformation.tobytes(),
        again.hand_shift.tobytes(),
    )
