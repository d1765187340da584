"""A capture from footage to take.

Footage is tracked and fitted frame by frame (`Engine.fit`); fitted frames are collected in blocks and saved
(`BlockStore`); a block whose successor is there is post-processed with both its neighbours (`Finisher`) and becomes a
chunk of the take (`ChunkRecorder`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dice_core.capture.blocks import NEIGHBOURS, BlockStore, another_version, in_blocks
from dice_core.capture.finishing import Finisher, finishing_process
from dice_core.capture.progress import Progress
from dice_core.capture.recorder import ChunkRecorder
from dice_core.engines.base import Engine, FittedFrame, make_engine
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import InputError, Stopped
from dice_core.events import EventWriter
from dice_core.fitting.temporal_filter import reach
from dice_core.media.footage import Footage
from dice_core.processors import shared_processors
from dice_core.take import Source, TakeWriter, TouchEvent
from dice_core.take.format import load_arrays, write_arrays
from dice_core.take.lock import take_lock

__all__ = ["CaptureResult", "block_frames", "capture", "open_writer", "prepare"]

_BLOCK_FRAMES = "block_frames"

_RARELY = 0.5  # share of frames below which the user is told that something was mostly absent; set by hand


def block_frames(fps: float) -> int:
    """Frames of a chunk: its neighbours hold what smoothing looks ahead. A kill costs little, and a cancelled capture
    ends at once."""
    return -(-2 * reach(fps) // NEIGHBOURS)


@dataclass(frozen=True)
class CaptureResult:
    """How a capture ended: frames in the take, share of frames in which each mesh is there, touches, and warnings.

    unfinished : a sentence where the footage has changed meanwhile, "" where it has not or the capture was cancelled.
    """

    take: Path
    frames: int
    tracked: dict[str, float]
    touches: list[TouchEvent]
    cancelled: bool
    unfinished: str
    warnings: list[str]


def capture(
    footage: Footage,
    output: Path,
    settings: CaptureSettings,
    *,
    frames: tuple[int, int] | None = None,
    events: EventWriter | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> CaptureResult:
    """Capture footage into the take at `output`, going on with what an earlier run of the same capture left.

    frames : the range that the user asked for, None for all of the footage; on_progress : called with finished and
    total frames; should_stop : asked after each frame, True ends the capture with a take of the frames so far.
    Footage that has changed or vanished by the end leaves an unfinished take and a warning.
    Raises InputError where the output holds something else or cannot be written; what fails before the first chunk
    leaves no take behind.
    """
    events = events or EventWriter()
    progress = Progress(footage.count, events, on_progress)
    engine = make_engine(footage, settings)
    warnings = [*footage.warnings, *engine.warnings]
    end = _End()
    with take_lock(output):
        writer = open_writer(footage, engine, output, settings, frames)
        if not writer.complete:
            try:
                with shared_processors() if footage.count > 1 else nullcontext():
                    end = _run(footage, engine, writer, events, progress, warnings, should_stop)
            except Exception:
                writer.discard()
                raise
    return _result(writer, events, warnings, end)


def open_writer(
    footage: Footage, engine: Engine, output: Path, settings: CaptureSettings, frames: tuple[int, int] | None = None
) -> TakeWriter:
    """The take of a capture, made or continued; its lock has to be held. Raises InputError as `TakeWriter`."""
    identity = {"name": settings.engine, "settings": engine.settings(), "models": engine.models()}
    return TakeWriter(output, _source(footage), identity, settings.request(frames))


@dataclass(frozen=True)
class _End:
    """Whether a capture was cancelled, and why its take is unfinished nevertheless."""

    cancelled: bool = False
    unfinished: str = ""


def _run(
    footage: Footage,
    engine: Engine,
    writer: TakeWriter,
    events: EventWriter,
    progress: Progress,
    warnings: list[str],
    should_stop: Callable[[], bool],
) -> _End:
    """Capture what is not in the take yet."""
    blocks = BlockStore(writer.work_folder, engine.frame_table)
    with finishing_process(engine, footage.count - blocks.frames) as process:
        try:
            prepare(engine, writer, footage, should_stop)
        except Stopped:
            writer.finish(complete=False)
            return _End(cancelled=True)
        recorder = ChunkRecorder(writer, engine.mesh, footage)
        if recorder.chunks > len(blocks):
            raise InputError(f"{writer.path} is damaged: delete it and capture the footage again.")
        progress.resume(blocks.frames, writer.frames_written)
        events.started(
            input=str(footage.path),
            take=str(writer.path),
            frames=footage.count,
            fps=float(footage.fps),
            resumed=writer.frames_written,
        )
        for sentence in warnings:
            events.warning(sentence)
        with Finisher(engine, blocks, recorder, progress, process) as finisher:
            cancelled = _fit(footage, engine, blocks, finisher, progress, should_stop)
    change = "" if cancelled else footage.change() or ""
    if change:
        warnings.append(change)
        events.warning(change)
    writer.finish(complete=not cancelled and not change)
    return _End(cancelled, change)


def _fit(
    footage: Footage,
    engine: Engine,
    blocks: BlockStore,
    finisher: Finisher,
    progress: Progress,
    should_stop: Callable[[], bool],
) -> bool:
    """Fit the frames that are in no block yet, and finish all; returns whether that was cancelled."""
    finisher.finish(len(blocks) - NEIGHBOURS)
    if blocks.frames < footage.count:
        fitted = _until_stopped(engine.fit(blocks.frames, blocks.last), progress, should_stop)
        size = block_frames(float(footage.fps))
        for block in in_blocks(fitted, size):
            whole = len(block) == size or blocks.frames + len(block) == footage.count
            blocks.append(block, save=whole)
            if whole:  # one cut short is made anew when the capture goes on, and so is what is smoothed with it
                finisher.finish(len(blocks) - NEIGHBOURS)
    cancelled = blocks.frames < footage.count and should_stop()
    finisher.finish_all(provisional=cancelled)
    return cancelled


def prepare(engine: Engine, writer: TakeWriter, footage: Footage, should_stop: Callable[[], bool]) -> None:
    """Have the engine find what is constant over the clip, or take what an earlier run found.

    The engine sees square pixels; the take's camera has those of the source. Raises InputError where blocks of that run
    are of another size, as of another version.
    """
    file = writer.work_folder / "clip.npz"
    saved = load_arrays(file) if file.exists() else None
    size = np.array(block_frames(float(footage.fps)))
    if saved is not None and not np.array_equal(saved.pop(_BLOCK_FRAMES, np.array(0)), size):
        raise another_version(writer.path)
    constants = engine.prepare(saved, should_stop)
    if saved is None:
        write_arrays(file, constants | {_BLOCK_FRAMES: size}, compressed=False)
    writer.set_camera(engine.camera.resized(*footage.source_size))


def _until_stopped(
    frames: Generator[FittedFrame, None, None], progress: Progress, should_stop: Callable[[], bool]
) -> Generator[FittedFrame, None, None]:
    """The frames up to and with the one after which the user wants to stop."""
    with closing(frames):
        for frame in frames:
            progress.fitted(1)
            yield frame
            if should_stop():
                return


def _source(footage: Footage) -> Source:
    return Source(
        str(footage.path.absolute()),
        footage.kind,
        *footage.source_size,
        float(footage.fps),
        footage.first_frame,
        footage.count,
        footage.sha256,
        footage.orientation,
    )


def _result(writer: TakeWriter, events: EventWriter, warnings: list[str], end: _End) -> CaptureResult:
    frames = writer.frames_written
    share = {name: round(count / max(frames, 1), 4) for name, count in sorted(_frames_with(writer).items())}
    remarks = _remarks(share, frames, whole=not (end.cancelled or end.unfinished))
    for sentence in remarks:
        events.warning(sentence)
    touches = writer.events
    events.done(
        take=str(writer.path),
        frames=frames,
        tracked=share,
        touches=len(touches),
        cancelled=end.cancelled,
        unfinished=end.unfinished,
    )
    return CaptureResult(writer.path, frames, share, touches, end.cancelled, end.unfinished, [*warnings, *remarks])


def _frames_with(writer: TakeWriter) -> dict[str, int]:
    """How many frames of the take hold each mesh."""
    tracked = dict.fromkeys(writer.mesh_names, 0)
    for file in writer.chunk_files:
        arrays = load_arrays(file, [f"tracked_{name}" for name in tracked])
        for name in tracked:
            tracked[name] += int((arrays[f"tracked_{name}"] > 0).sum())
    return tracked


def _remarks(share: dict[str, float], frames: int, *, whole: bool) -> list[str]:
    """Sentences about what was mostly not there; whole : whether all frames were looked at."""
    if not frames:
        return ["The capture was stopped before any frame was finished."]
    remarks = []
    head = share.get("head", 0.0)
    if head == 0:
        remarks.append("No face was found: use footage in which the face is visible and at least 60 pixels wide.")
    elif head < _RARELY:
        remarks.append(f"A face was found in only {head:.0%} of the frames.")
    if not any(name.startswith("hand") for name in share):
        where = "" if whole else f" in the first {frames} frames"
        alone = f"No hand was found{where}: the take holds the head alone."
        remarks.append(alone if head else f"No hand was found{where} either.")
    return remarks
