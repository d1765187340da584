"""Chunks of the take from blocks of fitted frames, while the frames after them are fitted."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from types import TracebackType

from dice_core.capture.blocks import BlockStore
from dice_core.capture.progress import Progress
from dice_core.capture.recorder import ChunkRecorder
from dice_core.engines.base import Engine
from dice_core.prefetch import in_background

__all__ = ["ChunkFinisher"]


class ChunkFinisher:
    """Post-processes blocks and writes their chunks, one after the other, in a thread of its own.

    A context: leaving it waits for the chunk in hand. Compression and the larger part of post-processing release
    Python's lock; what is fitted meanwhile does not depend on them.
    """

    def __init__(self, engine: Engine, blocks: BlockStore, recorder: ChunkRecorder, progress: Progress) -> None:
        self._engine = engine
        self._blocks = blocks
        self._recorder = recorder
        self._progress = progress
        self._next = recorder.chunks
        self._in_hand: Future[int] | None = None

    def __enter__(self) -> ChunkFinisher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.wait()
        elif self._in_hand is not None:
            self._in_hand.exception()  # wait for it, but what has happened first is what the user is told

    def finish(self, count: int, *, provisional: bool = False) -> None:
        """Have the chunks of all blocks before number `count` written; all but the last of them are by the return.

        provisional : whether the last two are, as of `TakeWriter.write_chunk`. Raises what the thread raised.
        """
        for index in range(self._next, count):
            self.wait()
            self._in_hand = in_background(partial(self._write, index, provisional and index >= count - 2), "chunk")
            self._next = index + 1

    def wait(self) -> None:
        """Wait for the chunk in hand; raises what the thread raised."""
        if self._in_hand is not None:
            frames, self._in_hand = self._in_hand.result(), None
            self._progress.written(frames)

    def _write(self, index: int, provisional: bool) -> int:
        """Write a chunk; returns its number of frames."""
        chunk = self._engine.postprocess(*self._blocks.window(index))
        self._recorder.write(chunk, provisional=provisional)
        if index:
            self._blocks.release(index - 1)
        return len(chunk.frame)
