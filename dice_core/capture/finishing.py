"""From fitted blocks to chunks of the take: post-processed one after the other, while the next ones are fitted."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from dice_core.capture.blocks import NEIGHBOURS, BlockStore
from dice_core.capture.progress import Progress
from dice_core.capture.recorder import ChunkRecorder
from dice_core.engines.base import Chunk, Engine
from dice_core.engines.frame_table import FrameTable
from dice_core.engines.separate_process import PostprocessingProcess
from dice_core.own_process import is_worth_a_process

__all__ = ["Finisher", "finishing_process"]

_AHEAD = 4
"""Chunks that wait to be made, and to be written, at most, so that memory and what a cancelled capture still has to do
stay small."""

_log = logging.getLogger(__name__)


@dataclass
class _Waiting:
    """A chunk that is not written yet; window : what it is made of."""

    chunk: Future[Chunk]
    window: tuple[FrameTable, int, int]
    provisional: bool


@contextmanager
def finishing_process(engine: Engine, frames: int) -> Iterator[PostprocessingProcess | None]:
    """A process that makes the chunks of so many frames, where the engine allows it and there is more than one
    processor; the result is the same. It loads what it needs while the engine prepares, and ends with the context."""
    process = None
    if engine.postprocess_module is not None and is_worth_a_process(frames):
        try:
            process = PostprocessingProcess(engine.postprocess_module)
        except OSError as error:
            _log.info("post-processing stays in this process, because another could not be started: %s", error)
    try:
        yield process
    finally:
        if process is not None:
            process.close()


class Finisher:
    """Turns the blocks of a capture into chunks and writes them in their order.

    They are written in a thread: compression gives up Python's lock. Use it as a context: leaving it waits for what is
    being written.
    """

    def __init__(
        self,
        engine: Engine,
        blocks: BlockStore,
        recorder: ChunkRecorder,
        progress: Progress,
        process: PostprocessingProcess | None = None,
    ) -> None:
        """process : that makes chunks, as `finishing_process` gives it; whoever has started it ends it."""
        self._engine, self._blocks, self._recorder, self._progress = engine, blocks, recorder, progress
        self._waiting: deque[_Waiting] = deque()
        self._writing: deque[Future[int]] = deque()
        self._writer = ThreadPoolExecutor(1, "writing")
        self._begun = recorder.chunks
        self._process = process
        make = None if process is None else engine.separate_postprocess()
        if process is not None and make is not None:
            process.begin(make)

    def __enter__(self) -> Finisher:
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.shutdown()

    def finish(self, count: int) -> None:
        """Begin with all blocks before number `count`, whose neighbours are there, and write what is done."""
        self._begin(count, first_provisional=count)
        while self._waiting and (len(self._waiting) > _AHEAD or self._waiting[0].chunk.done()):
            self._write()
        self._count_written(_AHEAD)

    def finish_all(self, *, provisional: bool) -> None:
        """Write the chunks of all blocks; provisional : the clip goes on after them, so that the last ones, which what
        follows would change, are as of `TakeWriter.write_chunk`."""
        count = len(self._blocks)
        self._begin(count, first_provisional=count - NEIGHBOURS - 1 if provisional else count)
        while self._waiting:
            if self._waiting[0].chunk.done() or not self._take_over():
                self._write()
                self._count_written(_AHEAD)
        self._count_written(0)

    def _begin(self, count: int, first_provisional: int) -> None:
        for index in range(self._begun, count):
            window = self._blocks.window(index)
            self._waiting.append(_Waiting(self._postprocessed(window), window, index >= first_provisional))
            if index >= NEIGHBOURS:
                self._blocks.release(index - NEIGHBOURS)
        self._begun = max(self._begun, count)

    def _postprocessed(self, window: tuple[FrameTable, int, int]) -> Future[Chunk]:
        return self._here(window) if self._process is None else self._process.submit(*window)

    def _take_over(self) -> bool:
        """Make the first chunk here that the process has not begun with; returns whether there was one. The last one,
        which may be short, is left to whoever is done sooner."""
        for waiting in self._waiting:
            if waiting.chunk.cancel():
                waiting.chunk = self._here(waiting.window)
                return True
        return False

    def _here(self, window: tuple[FrameTable, int, int]) -> Future[Chunk]:
        done: Future[Chunk] = Future()
        done.set_result(self._engine.postprocess(*window))
        return done

    def _write(self) -> None:
        waiting = self._waiting.popleft()
        before = self._writing[-1] if self._writing else None
        self._writing.append(self._writer.submit(self._written, before, waiting.chunk.result(), waiting.provisional))

    def _written(self, before: Future[int] | None, chunk: Chunk, provisional: bool) -> int:
        if before is not None:
            before.result()  # where that could not be written, this one may not take its place
        self._recorder.write(chunk, provisional=provisional)
        return len(chunk.frame)

    def _count_written(self, left: int) -> None:
        """Report what is written, and wait until no more than `left` chunks are still to be."""
        while self._writing and (len(self._writing) > left or self._writing[0].done()):
            self._progress.written(self._writing.popleft().result())
