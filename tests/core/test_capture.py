"""Captures that are killed, cancelled and resumed, with an engine whose every number is known."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import dice_core.capture.pipeline as capturing
from dice_core import own_process
from dice_core.capture import CaptureResult, capture, finishing
from dice_core.capture.recorder import ChunkRecorder
from dice_core.engines.base import Chunk, FittedFrame, HandContact, Postprocess
from dice_core.engines.frame_table import FrameTable, column
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import InputError
from dice_core.events import EventWriter, parse_event
from dice_core.fitting.temporal_filter import reach, smooth, smoothing_weights
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh
from dice_core.media.footage import Footage
from dice_core.media.source_files import SourceFiles
from dice_core.prefetch import in_background
from dice_core.take import open_take
from dice_core.take.mesh_frames import MeshFrames
from tests.core.synthetic_bodies import sphere_mesh

BLOCK = reach(24.0) + 1
COUNT = 5 * BLOCK + 5
HEAD, HAND = sphere_mesh("head", 6, 8, 0.1), sphere_mesh("hand_right", 5, 6, 0.03)
HAND_FROM, HAND_TO = BLOCK + 4, 2 * BLOCK + 3  # rows in which the hand is there


class ListedFootage(Footage):
    """Frames that nobody looks at."""

    def __init__(self, path: Path, count: int = COUNT, warnings: tuple[str, ...] = ()) -> None:
        files = SourceFiles((path,))
        super().__init__("video", path, files, size=(64, 48), fps=30.0, frames=(7, 7 + count), warnings=warnings)

    def _hash(self) -> str:
        return "12" * 32

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        raise AssertionError("the engine of these tests needs no pictures")


@dataclass
class KnownFrames(FrameTable):
    """A number that runs on from frame to frame, and whether the hand is there."""

    frame: np.ndarray = column(dtype=np.int32)
    value: np.ndarray = column()
    hand: np.ndarray = column(dtype=np.uint8)


class KnownEngine:
    """An engine with all that makes resuming hard: a running state, a look at the rows before and after, a body that
    comes and goes, and touches over several blocks.

    fails_at : row at which the footage turns out to be broken.
    """

    frame_table = KnownFrames
    postprocess_module: str | None = None
    warnings: tuple[str, ...] = ()

    def __init__(self, footage: Footage, fails_at: int | None = None) -> None:
        self._footage = footage
        self._fails_at = fails_at

    def settings(self) -> dict[str, str]:
        return {"hands": "auto"}

    def models(self) -> dict[str, str]:
        return {"known": "00"}

    def prepare(self, saved: dict[str, np.ndarray] | None, should_stop: Callable[[], bool]) -> dict[str, np.ndarray]:
        if self._fails_at == -1:
            raise InputError("The footage cannot be read.")
        return {"focal": np.array(50.0)} if saved is None else saved

    @property
    def camera(self) -> Camera:
        return Camera(50.0, 50.0, 31.5, 23.5, 64, 48)

    def mesh(self, name: str) -> Mesh:
        return {"head": HEAD, "hand_right": HAND}[name]

    def fit(self, start: int, previous: FittedFrame | None) -> Generator[FittedFrame, None, None]:
        state = 1.0 if previous is None else float(previous.tracker["value"])
        for row in range(start, self._footage.count):
            if row == self._fails_at:
                raise InputError("The footage is broken.")
            state = (state * 1.7 + 0.1 * row) % 1.0
            frame = KnownFrames.empty(1)
            frame.frame[0] = row + self._footage.first_frame
            frame.value[0], frame.hand[0] = state, HAND_FROM <= row < HAND_TO
            yield FittedFrame(frame, {"value": np.array(state)})

    def postprocess(self, window: FrameTable, start: int, stop: int) -> Chunk:
        assert isinstance(window, KnownFrames)
        smoothed = smooth(window.value, smoothing_weights(np.ones(len(window), bool), 30.0))[start:stop]
        hand = window.hand[start:stop]
        meshes = {"head": self._frames(HEAD, smoothed, np.ones(stop - start, np.uint8))}
        if hand.any():
            meshes["hand_right"] = self._frames(HAND, smoothed, hand)
        touched = np.zeros(len(HEAD.rest_vertices), np.float32)
        touched[:20] = 1.0
        dent = np.zeros((len(HEAD.rest_vertices), 3))
        dent[:20, 2] = 0.003
        contacts = [HandContact(int(k), "hand_right", touched, dent) for k in np.flatnonzero(hand)]
        return Chunk(window.frame[start:stop], meshes, contacts)

    def separate_postprocess(self) -> None:
        return None

    @staticmethod
    def _frames(mesh: Mesh, values: np.ndarray, tracked: np.ndarray) -> MeshFrames:
        shown = values * (tracked > 0)
        frames = MeshFrames.absent(mesh, len(values))
        frames.tracked[:], frames.confidence[:] = tracked, shown
        frames.vertices[:] = mesh.rest_vertices[None] * shown[:, None, None]
        return frames


@pytest.fixture(autouse=True)
def known_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturing, "make_engine", lambda footage, settings: KnownEngine(footage))
    monkeypatch.setattr(capturing, "block_frames", lambda fps: BLOCK)


def run(output: Path, *, stop_after: int | None = None, events: EventWriter | None = None) -> CaptureResult:
    asked = [0]

    def should_stop() -> bool:
        asked[0] += 1
        return stop_after is not None and asked[0] >= stop_after

    footage = ListedFootage(output.parent / "clip.mp4")
    return capture(footage, output, CaptureSettings(), events=events, should_stop=should_stop)


def assert_same_take(one: Path, other: Path) -> None:
    a, b = open_take(one), open_take(other)
    assert a.info == b.info
    for x, y in zip(a.chunks(), b.chunks(), strict=True):
        assert x.keys() == y.keys()
        for key, value in x.items():
            np.testing.assert_array_equal(value, y[key], err_msg=key)
    names = [sorted(str(file.relative_to(path)) for file in path.rglob("*")) for path in (one, other)]
    assert names[0] == names[1]


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """An uninterrupted capture."""
    run(tmp_path / "whole.dicetake")
    return tmp_path / "whole.dicetake"


def test_an_uninterrupted_capture(whole: Path) -> None:
    take = open_take(whole)
    assert take.complete
    assert take.frames.tolist() == list(range(7, 7 + COUNT))
    assert list(take.meshes) == ["head", "hand_right"]
    tracked = take.array("tracked_hand_right")
    assert np.flatnonzero(tracked).tolist() == list(range(HAND_FROM, HAND_TO))
    assert [(touch.first_frame, touch.last_frame) for touch in take.events] == [(7 + HAND_FROM, 7 + HAND_TO - 1)]
    assert not (whole / "work").exists()


def test_blocks_leave_no_seam(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturing, "block_frames", lambda fps: COUNT)
    run(tmp_path / "one-block.dicetake")
    one, several = open_take(tmp_path / "one-block.dicetake"), open_take(whole)
    assert len(several.info["chunks"]) == 6
    assert len(one.info["chunks"]) == 1
    np.testing.assert_array_equal(one.array("head.vertices"), several.array("head.vertices"))
    assert one.events == several.events


def test_a_kill_at_any_moment_then_the_same_again(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class KilledError(BaseException):
        """Like a kill, nothing can catch it and clean up."""

    rename = os.replace
    for dies_at in range(1, 200):
        left = [dies_at]

        def replace_or_die(source: str, target: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise KilledError
            rename(source, target)

        path = tmp_path / f"killed-{dies_at}.dicetake"
        monkeypatch.setattr(os, "replace", replace_or_die)
        try:
            run(path)
        except KilledError:
            pass
        else:
            break
        finally:
            monkeypatch.setattr(os, "replace", rename)
        if (path / "take.json").exists():
            partial = open_take(path)
            expected = open_take(whole).array("head.vertices")[: len(partial.frames)]
            if len(partial.frames):
                np.testing.assert_array_equal(partial.array("head.vertices"), expected)
        run(path)
        assert_same_take(path, whole)
    assert dies_at > 20, "the capture writes at least so many files"


@pytest.mark.parametrize(
    "frames", [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, HAND_FROM + 1, 2 * BLOCK, 3 * BLOCK, 4 * BLOCK + 1, COUNT - 1]
)
def test_a_cancelled_capture_is_a_take_that_goes_on(whole: Path, tmp_path: Path, frames: int) -> None:
    path = tmp_path / "cut.dicetake"
    result = run(path, stop_after=frames)
    assert result.cancelled
    assert result.frames == frames
    cut = open_take(path)
    assert not cut.complete
    assert cut.frames.tolist() == list(range(7, 7 + frames))
    again = run(path)
    assert not again.cancelled
    assert_same_take(path, whole)


def test_cancelled_again_and_again(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.dicetake"
    for _ in range(20):
        if not run(path, stop_after=BLOCK + 5).cancelled:
            break
    assert_same_take(path, whole)


def test_a_finished_take_is_not_captured_again(whole: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in whole.rglob("*")}
    result = run(whole)
    assert (result.frames, result.cancelled) == (COUNT, False)
    assert result.tracked == {"head": 1.0, "hand_right": round((HAND_TO - HAND_FROM) / COUNT, 4)}
    assert {file: file.stat().st_mtime_ns for file in whole.rglob("*")} == before


@pytest.mark.parametrize("row", [-1, 0, 5, BLOCK - 1])
def test_a_capture_that_fails_early_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: int) -> None:
    monkeypatch.setattr(capturing, "make_engine", lambda footage, settings: KnownEngine(footage, fails_at=row))
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError):
        run(tmp_path / "broken.dicetake")
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_capture_that_fails_late_keeps_what_it_has(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "broken.dicetake"
    with monkeypatch.context() as patch:
        patch.setattr(capturing, "make_engine", lambda footage, settings: KnownEngine(footage, fails_at=3 * BLOCK + 3))
        with pytest.raises(InputError, match="broken"):
            run(path)
    assert len(open_take(path).frames) == BLOCK
    run(path)
    assert_same_take(path, whole)


def test_a_take_begun_with_other_blocks_is_another_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cut.dicetake"
    run(path, stop_after=4 * BLOCK)
    monkeypatch.setattr(capturing, "block_frames", lambda fps: 2 * BLOCK)
    with pytest.raises(InputError, match="another version of DICE: delete it"):
        run(path)


def test_what_later_chunks_no_longer_need_is_deleted_on_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capturing, "block_frames", lambda fps: 2)
    run(tmp_path / "cut.dicetake", stop_after=COUNT - 3)
    states = sorted(file.name for file in (tmp_path / "cut.dicetake" / "work").glob("touches-*.json"))
    chunks = len(open_take(tmp_path / "cut.dicetake").info["chunks"])
    assert chunks > 20
    assert states[-1] == f"touches-{chunks - 1:06d}.json"
    assert 3 < len(states) < 10


def test_a_chunk_that_cannot_be_written_is_followed_by_none(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are written beside the fit: the next one may be made before it is known."""
    path = tmp_path / "broken.dicetake"
    write, asked = ChunkRecorder.write, []

    def fail_once(recorder: ChunkRecorder, chunk: Chunk, *, provisional: bool) -> None:
        asked.append(chunk.frame[0])
        if len(asked) == 2:
            raise InputError("The disk is full.")
        write(recorder, chunk, provisional=provisional)

    with monkeypatch.context() as patch:
        patch.setattr(ChunkRecorder, "write", fail_once)
        with pytest.raises(InputError, match="disk is full"):
            run(path)
    assert asked == [7, 7 + BLOCK]
    assert len(open_take(path).frames) == BLOCK
    run(path)
    assert_same_take(path, whole)


def test_what_a_slow_process_has_not_begun_with_is_made_here_in_the_end(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SlowProcess:
        """Is busy with its first chunk until all others have been taken over."""

        def __init__(self, module: str) -> None:
            self.asked: list[Future[Chunk]] = []
            processes.append(self)

        def begin(self, make: Callable[[], Postprocess]) -> None:
            self.make = make

        def submit(self, window: FrameTable, start: int, stop: int) -> Future[Chunk]:
            future: Future[Chunk] = Future()
            if not self.asked:
                future.set_running_or_notify_cancel()
                in_background(lambda: self._answer_late(future, window, start, stop), "slow")
            self.asked.append(future)
            return future

        def _answer_late(self, future: Future[Chunk], window: FrameTable, start: int, stop: int) -> None:
            while len(self.asked) < 6 or not all(other.cancelled() for other in self.asked[1:]):
                time.sleep(0.001)
            future.set_result(self.make()(window, start, stop))

        def close(self) -> None:
            pass

    processes: list[SlowProcess] = []
    monkeypatch.setattr(finishing, "_AHEAD", 9)
    monkeypatch.setattr(own_process, "processor_count", lambda: 2)
    monkeypatch.setattr(finishing, "PostprocessingProcess", SlowProcess)
    monkeypatch.setattr(KnownEngine, "postprocess_module", __name__)
    monkeypatch.setattr(KnownEngine, "separate_postprocess", lambda engine: lambda: engine.postprocess)
    run(tmp_path / "shared.dicetake")
    assert len(processes[0].asked) == 6
    assert_same_take(tmp_path / "shared.dicetake", whole)


def test_events_tell_the_story(tmp_path: Path) -> None:
    class Lines:
        def __init__(self) -> None:
            self.text = ""

        def write(self, text: str) -> None:
            self.text += text

        def flush(self) -> None:
            pass

    stream = Lines()
    run(tmp_path / "a.dicetake", stop_after=3 * BLOCK, events=EventWriter(stream))  # type: ignore[arg-type]
    first = [parse_event(line) for line in stream.text.splitlines()]
    stream.text = ""
    run(tmp_path / "a.dicetake", events=EventWriter(stream))  # type: ignore[arg-type]
    second = [parse_event(line) for line in stream.text.splitlines()]
    assert all(first)
    assert all(second)
    assert first[0] is not None
    assert first[0]["event"] == "started"
    assert (first[0]["frames"], first[0]["resumed"]) == (COUNT, 0)
    assert first[-1] is not None
    assert (first[-1]["event"], first[-1]["cancelled"], first[-1]["frames"]) == ("done", True, 3 * BLOCK)
    assert second[0] is not None
    assert second[0]["resumed"] == BLOCK
    assert second[-1] is not None
    assert second[-1]["touches"] == 1
    done = [event["done"] for event in second if event and event["event"] == "frame"]
    assert done == sorted(done)
    assert done[-1] == COUNT


def test_work_files_are_plain_arrays(tmp_path: Path) -> None:
    run(tmp_path / "a.dicetake", stop_after=COUNT - 1)
    work = tmp_path / "a.dicetake" / "work"
    for file in work.glob("*.npz"):
        with np.load(file, allow_pickle=False) as arrays:
            assert all(arrays[key].dtype != object for key in arrays.files)
    for file in work.glob("*.json"):
        json.loads(file.read_text(encoding="utf-8"))


def test_a_take_that_another_version_began_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.dicetake"
    run(path, stop_after=2 * BLOCK)
    for file in (path / "work").glob("block-*.npz"):
        with np.load(file, allow_pickle=False) as arrays:
            older = {key: arrays[key] for key in arrays.files if not key.endswith("value")}
        np.savez(file, **older)
    with pytest.raises(InputError, match=r"a\.dicetake was begun by another version of DICE: delete it and"):
        run(path)
