"""Takes longer than memory: surfaces, contact and components are worked out some frames at a time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest

from dice_blender.scene import import_take
from dice_blender.scene.axes import to_blender
from dice_blender.scene.keys import per_frame
from dice_blender.scene.keys.decomposition import Components, Offsets, decompose
from dice_blender.scene.motion import read_motion
from dice_core.errors import InputError
from dice_core.take import Source, Take, TakeWriter, open_take
from tools.make_long_take import write_long_take

from .surfaces import captured, evaluated, present

VERTICES = 120


def _moving(frames: int, rows: slice) -> np.ndarray:
    """Six slow movements, and one dent of 5 mm that is there in a single frame. (n, V, 3) metres."""
    shapes = np.random.default_rng(1).normal(size=(6, VERTICES, 3)) * 0.004
    at = np.arange(rows.start, rows.stop)
    weights = np.sin(at[:, None] * np.array([0.01, 0.013, 0.017, 0.023, 0.031, 0.04]) + np.arange(6))
    offsets = np.einsum("tk,kvi->tvi", weights, shapes)
    offsets[at == frames // 3 + 7, 5, 1] += 0.005
    return offsets.astype(np.float32)


def _streamed(frames: int) -> Offsets:
    def blocks() -> Iterator[tuple[slice, np.ndarray]]:
        for start in range(0, frames, 48):
            rows = slice(start, min(start + 48, frames))
            yield rows, _moving(frames, rows)

    return Offsets(frames, VERTICES, blocks)


def _rebuilt_error(parts: Components, offsets: Offsets) -> float:
    return max(
        float(np.linalg.norm(np.einsum("tk,kvi->tvi", parts.weights[rows], parts.shapes) - values, axis=2).max())
        for rows, values in offsets.blocks()
    )


def test_what_happens_in_one_frame_of_thousands_is_kept_within_the_tolerance() -> None:
    offsets = _streamed(5000)
    parts = decompose(offsets, tolerance=0.2e-3, limit=24)
    assert parts.error <= 0.2e-3
    assert parts.error == pytest.approx(_rebuilt_error(parts, offsets), abs=2e-7)
    assert len(parts.shapes) <= 9
    assert parts.weights.shape == (5000, len(parts.shapes))
    assert parts.weights.min() >= 0
    assert parts.weights.max() <= 1


def test_an_error_that_cannot_be_kept_is_measured_in_all_frames() -> None:
    offsets = _streamed(3000)
    parts = decompose(offsets, tolerance=1e-5, limit=5)
    assert len(parts.shapes) <= 5
    assert parts.error > 1e-3
    assert parts.error == pytest.approx(_rebuilt_error(parts, offsets), rel=1e-3)


def test_nothing_to_do_in_many_frames_needs_no_key() -> None:
    still = Offsets(2000, 4, lambda: [(slice(0, 2000), np.full((2000, 4, 3), 1e-6, np.float32))])
    parts = decompose(still, tolerance=1e-5, limit=24)
    assert parts.shapes.shape == (0, 4, 3)
    assert parts.weights.shape == (2000, 0)
    assert parts.error == pytest.approx(np.sqrt(3) * 1e-6, rel=1e-3)


def test_memory_does_not_grow_with_the_frames() -> None:
    peaks = []
    for frames in (600, 6000):
        tracemalloc.start()
        decompose(_streamed(frames), tolerance=0.2e-3, limit=24)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    weights = 6000 * 9 * 4 * 4  # a few copies of the weights of all frames
    assert peaks[1] < peaks[0] + weights + 1e6


@pytest.fixture(scope="module")
def long_take(tmp_path_factory: pytest.TempPathFactory) -> Take:
    folder = tmp_path_factory.mktemp("long") / "long.dicetake"
    write_long_take(folder, 700, share=20)
    return open_take(folder)


def test_blocks_are_the_take_without_its_holes(long_take: Take) -> None:
    """The hand is absent at first and for whole chunks on the way."""
    motion = read_motion(long_take, "hand_right")
    assert motion is not None
    present = long_take.array("tracked_hand_right") > 0
    assert not present.all()
    expected = np.empty((700, *long_take.meshes["hand_right"].rest_vertices.shape), np.float32)
    captured = to_blender(long_take.array("hand_right.vertices") + long_take.array("hand_right.deformation"))
    shown = int(np.flatnonzero(present)[0])
    for frame in range(700):
        shown = frame if present[frame] else shown
        expected[frame] = captured[shown]
    found = np.concatenate([values for _, values in motion.surfaces()])
    assert np.array_equal(found, expected)
    rows = [np.arange(rows.start, rows.stop) for rows, _ in motion.surfaces()]
    assert np.array_equal(np.concatenate(rows), np.arange(700))


def test_holes_of_whole_chunks_hold_the_frame_before(long_take: Take, tmp_path: Path) -> None:
    gone = [0, 1, 4, 7]
    with_holes = _without_hand(long_take, gone, tmp_path / "holes.dicetake")
    motion = read_motion(with_holes, "hand_right")
    assert motion is not None
    blocks = [values for _, values in motion.surfaces()]
    first = blocks[2][0]
    assert (blocks[0] == first).all()
    assert (blocks[1] == first).all()
    assert (blocks[4] == blocks[3][-1]).all()
    assert (blocks[7] == blocks[6][-1]).all()


def _without_hand(take: Take, chunks: list[int], folder: Path) -> Take:
    """The same take, with no hand in some chunks, and a hand in all frames of the others."""
    writer = TakeWriter(folder, Source(**take.info["source"]), take.info["engine"])
    writer.set_camera(take.camera)
    for mesh in take.meshes.values():
        writer.add_mesh(mesh)
    for number, arrays in enumerate(take.chunks()):
        arrays["tracked_hand_right"][:] = number not in chunks
        writer.write_chunk(arrays)
    writer.finish(complete=True)
    return open_take(folder)


def test_contact_is_that_of_all_frames(long_take: Take) -> None:
    motion = read_motion(long_take, "head")
    assert motion is not None
    contact = long_take.array("head.contact")
    assert np.array_equal(motion.contact.peak, contact.max(axis=0))
    assert np.array_equal(motion.contact.largest, contact.max(axis=1))
    for number, name in enumerate(motion.mesh.region_names):
        inside = motion.mesh.region_vertices(name)
        assert np.array_equal(motion.contact.by_region[:, number], contact[:, inside].max(axis=1, initial=0))
    ever = (contact >= 0.1).any(axis=0)
    assert np.array_equal(motion.contact.first >= 0, ever)
    assert np.array_equal(motion.contact.first[ever], (contact >= 0.1).argmax(axis=0)[ever])
    assert np.array_equal(motion.contact.last[ever], 699 - (contact >= 0.1)[::-1].argmax(axis=0)[ever])


@pytest.mark.parametrize(("keys", "promise"), [("compact", 0.2e-3), ("rigged", 0.25e-3)])
def test_more_frames_than_the_sample_are_as_far_off_as_is_said(
    scene: bpy.types.Scene, long_take: Take, keys: str, promise: float
) -> None:
    """A dent that slides all over a cheek takes all the keys that there may be."""
    imported = import_take(long_take, keys=keys)
    for mesh, item in imported.objects.items():
        assert imported.errors[mesh] <= promise
        surfaces = captured(long_take, mesh)
        for frame in present(long_take, mesh)[::17].tolist():
            scene.frame_set(frame + 1)
            distance = np.linalg.norm(evaluated(item) - surfaces[frame], axis=1).max()
            assert distance < imported.errors[mesh] + 0.01e-3  # what Blender's own float32 adds


def test_per_frame_keys_that_would_fill_the_memory_are_refused(
    scene: bpy.types.Scene, long_take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(per_frame, "LARGEST", 1_000_000)
    with pytest.raises(InputError, match=r"700 frames would take 0\.0 GB: choose rigged or compact keys"):
        import_take(long_take, keys="per-frame")
    assert not scene.collection.children
    import_take(long_take, keys="rigged")
