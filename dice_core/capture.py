"""A capture from footage to take, driven block by block so that it can be stopped, killed and gone on with."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dice_core.contact.touch_events import TouchEventRecorder
from dice_core.engines import make_engine
from dice_core.engines.base import Columns, Engine, Finished
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import InputError
from dice_core.events import EventWriter
from dice_core.fitting.temporal_filter import reach
from dice_core.media import Footage
from dice_core.take import Source, TakeWriter, TouchEvent
from dice_core.take.format import load_arrays, write_arrays, write_json
from dice_core.take.writer import absent_arrays

__all__ = ["CaptureResult", "capture"]

_RARELY = 0.5  # share of frames below which the user is told that something was mostly not there
_BARS = 2  # every frame counts once when it is fitted and once when it is finished



def block_frames(fps: float) -> int:
    """Frames of a chunk: what smoothing looks ahead; a kill costs little, and a cancelled capture ends at once."""
    return 2 * reach(fps)


@dataclass(frozen=True)
class CaptureResult:
    """How a capture ended: frames in the take, share of frames in which each mesh is there, touches, and warnings."""

    take: Path
    frames: int
    tracked: dict[str, float]
    touches: list[TouchEvent]
    cancelled: bool
    warnings: list[str]


def capture(
    footage: Footage,
    output: Path,
    settings: CaptureSettings,
    *,
    events: EventWriter | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> CaptureResult:
    """Capture footage into the take at `output`, going on with what an earlier run of the same capture left.

    on_progress : called with finished and total frames; should_stop : asked after each frame, True ends the capture
    with a take of the frames so far.
    Raises InputError where the output holds something else or cannot be written; what fails before the first chunk
    leaves no take behind.
    """
    run = _Capture(footage, output, settings, events or EventWriter(), on_progress, should_stop)
    try:
        return run.run()
    except Exception:
        run.discard()
        raise


class _Capture:
    def __init__(
        self,
        footage: Footage,
        output: Path,
        settings: CaptureSettings,
        events: EventWriter,
        on_progress: Callable[[int, int], None] | None,
        should_stop: Callable[[], bool],
    ) -> None:
        self._footage = footage
        self._events = events
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._engine: Engine = make_engine(footage, settings)
        source = Source(
            str(footage.path.absolute()),
            footage.kind,
            footage.width,
            footage.height,
            float(footage.fps),
            footage.first_frame,
            footage.count,
            footage.sha256,
        )
        identity = {"name": settings.engine, "settings": self._engine.settings(), "models": self._engine.models()}
        self._warnings = [*footage.warnings, *self._engine.warnings]
        self._writer = TakeWriter(output, source, identity)
        self._block = block_frames(float(footage.fps))
        self._blocks: list[Columns | None] = []  # None: saved, but no longer needed in memory
        self._fitted = 0
        self._tracked: dict[str, int] = {}
        self._begun = time.monotonic()
        self._resumed = 0

    def run(self) -> CaptureResult:
        writer, footage = self._writer, self._footage
        if writer.complete:
            self._count_tracked()
            return self._end(cancelled=False)
        self._prepare()
        self._load()
        self._resumed = writer.frames_written
        self._events.started(
            input=str(footage.path),
            take=str(writer.path),
            frames=footage.count,
            fps=float(footage.fps),
            resumed=self._resumed,
        )
        for sentence in self._warnings:
            self._events.warning(sentence)
        self._finish_until(len(self._blocks) - 1)
        previous = self._blocks[-1] if self._blocks else None
        cancelled = False
        if self._fitted < footage.count:
            for block in self._engine.blocks(self._block, previous, self._fitted, self._row_fitted):
                self._blocks.append(block)
                # A block cut short is made anew when the capture goes on, and so is what was smoothed with it.
                if len(block["frame"]) == self._block or self._fitted == footage.count:
                    write_arrays(self._block_file(len(self._blocks) - 1), block, compressed=False)
                    self._finish_until(len(self._blocks) - 1)
            cancelled = self._fitted < footage.count and self._should_stop()
        self._finish_until(len(self._blocks), provisional=cancelled)
        writer.finish(complete=not cancelled)
        return self._end(cancelled=cancelled)

    def discard(self) -> None:
        """Leave nothing behind of a capture that failed before its first chunk."""
        self._writer.discard()

    def _prepare(self) -> None:
        file = self._writer.work_folder / "clip.npz"
        saved = load_arrays(file) if file.exists() else None
        constants = self._engine.prepare(saved)
        if saved is None:
            write_arrays(file, constants, compressed=False)
        self._writer.set_camera(self._engine.camera)
        self._touches = TouchEventRecorder(self._engine.mesh("head"), stills=self._footage.count == 1)

    def _load(self) -> None:
        """Take up the blocks that an earlier run saved, and the touches up to its last chunk."""
        while (file := self._block_file(len(self._blocks))).exists():
            block = load_arrays(file)
            self._blocks.append(block)
            self._fitted += len(block["frame"])
        written = self._chunks_written()
        if written > len(self._blocks):
            raise InputError(f"{self._writer.path} is damaged: delete it and capture the footage again.")
        if written:
            self._touches.restore(json.loads(self._touch_file(written - 1).read_text(encoding="utf-8")))
            self._count_tracked()

    def _row_fitted(self) -> bool:
        self._fitted += 1
        self._report()
        return not self._should_stop()

    def _finish_until(self, count: int, provisional: bool = False) -> None:
        """Finish blocks up to but without number `count`: the last one waits for its successor."""
        for index in range(self._chunks_written(), count):
            first = max(0, index - 1)
            blocks = [block for block in self._blocks[first : index + 2] if block is not None]
            keys = [key for key in blocks[0] if not key.startswith("state.")]
            window = {key: np.concatenate([block[key] for block in blocks]) for key in keys}
            start = len(blocks[0]["frame"]) if index else 0
            stop = start + len(blocks[1 if index else 0]["frame"])
            finished = self._engine.finish(window, start, stop)
            self._note_touches(finished)
            write_json(self._touch_file(index), self._touches.state())
            self._write(finished, provisional=provisional and index >= count - 2)
            if index:
                self._blocks[index - 1] = None
            self._report()

    def _note_touches(self, finished: Finished) -> None:
        for press in finished.presses:
            self._touches.add(int(finished.frame[press.row]), press.hand, press.contact, press.deformation)
        self._writer.set_events(TouchEvent(**event) for event in self._touches.as_dicts())  # type: ignore[arg-type]

    def _write(self, finished: Finished, *, provisional: bool) -> None:
        writer, count = self._writer, len(finished.frame)
        arrays: dict[str, np.ndarray] = {"frame": finished.frame.astype(np.int32)}
        for name in finished.meshes:
            if name not in writer.mesh_names:
                writer.add_mesh(self._engine.mesh(name))
        for name in writer.mesh_names:
            values = finished.meshes.get(name)
            if values is None:
                arrays |= absent_arrays(self._engine.mesh(name), count)
                continue
            for key, value in values.items():
                prefixed = f"{key}_{name}" if key in ("tracked", "landmarks", "confidence") else f"{name}.{key}"
                arrays[prefixed] = value
            self._tracked[name] = self._tracked.get(name, 0) + int((values["tracked"] > 0).sum())
        writer.write_chunk(arrays, provisional=provisional)

    def _chunks_written(self) -> int:
        return self._writer.chunk_count

    def _count_tracked(self) -> None:
        for file in self._writer.chunk_files:
            with np.load(file, allow_pickle=False) as arrays:
                for name in self._writer.mesh_names:
                    present = int((arrays[f"tracked_{name}"] > 0).sum())
                    self._tracked[name] = self._tracked.get(name, 0) + present

    def _report(self) -> None:
        total = self._footage.count
        done = (self._fitted + self._writer.frames_written) / _BARS
        elapsed = max(time.monotonic() - self._begun, 1e-6)
        speed = max(done - self._resumed, 0.0) / elapsed
        eta = (total - done) / speed if speed > 0 else 0.0
        self._events.frame(done=int(done), total=total, fps=speed, eta=eta)
        if self._on_progress is not None:
            self._on_progress(int(done), total)

    def _end(self, *, cancelled: bool) -> CaptureResult:
        writer = self._writer
        frames = writer.frames_written
        share = {name: round(count / max(frames, 1), 4) for name, count in sorted(self._tracked.items())}
        touches = writer.events
        remarks = self._remarks(share, frames)
        for sentence in remarks:
            self._events.warning(sentence)
        self._events.done(
            take=str(writer.path), frames=frames, tracked=share, touches=len(touches), cancelled=cancelled
        )
        return CaptureResult(writer.path, frames, share, touches, cancelled, [*self._warnings, *remarks])

    def _remarks(self, share: dict[str, float], frames: int) -> list[str]:
        if not frames:
            return ["The capture was stopped before any frame was finished."]
        remarks = []
        head = share.get("head", 0.0)
        if head == 0:
            remarks.append("No face was found: use footage in which the face is visible and at least 60 pixels wide.")
        elif head < _RARELY:
            remarks.append(f"A face was found in only {head:.0%} of the frames.")
        if not any(name.startswith("hand") for name in share):
            remarks.append("No hand was found: the take holds the head alone." if head else "No hand was found either.")
        return remarks

    def _block_file(self, index: int) -> Path:
        return self._writer.work_folder / f"block-{index:06d}.npz"

    def _touch_file(self, index: int) -> Path:
        return self._writer.work_folder / f"touches-{index:06d}.json"
