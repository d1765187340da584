"""Post-processing in a process of its own, beside the fit of the frames that follow.

The process is asked for one window after the other and keeps nothing but what it was started with.
"""

from __future__ import annotations

import pickle
import queue
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from importlib import import_module
from typing import IO, Any

from dice_core.engines.base import Chunk, Postprocess
from dice_core.engines.frame_table import FrameTable
from dice_core.own_process import OwnProcess, answering, packed

__all__ = ["PostprocessingProcess", "main"]


class PostprocessingProcess:
    """A running process that post-processes windows in the order in which it is asked to.

    module : that it loads, while nobody knows yet what it is to do. Raises OSError where a process cannot be started.
    """

    def __init__(self, module: str) -> None:
        self._process = OwnProcess(__name__, "smooths frames and presses the skin in")
        self._waiting: queue.SimpleQueue[tuple[object, Future[Any]] | None] = queue.SimpleQueue()
        self._begun = [self._ask(partial(_load, module))]
        self._thread = threading.Thread(target=self._exchange, name="postprocessing", daemon=True)
        self._thread.start()

    def begin(self, make: Callable[[], Postprocess]) -> None:
        """Tell it what to do, before it is asked to.

        make : called there for what does the work; a function of ours with arguments that can be pickled.
        """
        self._begun.append(self._ask(make))

    def submit(self, window: FrameTable, start: int, stop: int) -> Future[Chunk]:
        """What `Engine.postprocess` gives; where that raises, so does the future, and where the process ends by itself
        it raises DiceError. The window must not be changed afterwards; one that is cancelled before its turn is left
        out."""
        return self._ask((window, start, stop))

    def close(self) -> None:
        """End the process; what it has not answered raises DiceError."""
        self._process.kill()
        self._waiting.put(None)
        self._thread.join()
        self._process.close()

    def _ask(self, request: object) -> Future[Any]:
        future: Future[Any] = Future()
        self._waiting.put((request, future))
        return future

    def _exchange(self) -> None:
        """Hand over requests and take their answers, one by one, until `close`."""
        while (item := self._waiting.get()) is not None:
            request, future = item
            if not future.set_running_or_notify_cancel():
                continue
            failed = next((error for begun in self._begun if begun.done() and (error := begun.exception())), None)
            if failed is not None:
                future.set_exception(failed)
                continue
            try:
                self._process.send(request)
                answer = self._process.receive()
            except Exception as error:  # also what cannot be pickled: whoever waits for the answer has to hear of it
                future.set_exception(error)
            else:
                if isinstance(answer, BaseException):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)


def _load(module: str) -> None:
    import_module(module)


def main() -> int:
    """Answer requests on standard input until it closes; returns the exit status."""
    with answering() as answers:
        return _serve(sys.stdin.buffer, answers)


def _serve(requests: IO[bytes], answers: IO[bytes]) -> int:
    work: Any = None
    while True:
        try:
            request = pickle.load(requests)  # of the process that has started this one
        except EOFError:
            return 0
        answer: object = None
        try:
            if isinstance(request, tuple):
                answer = work(*request)
            else:
                work = request()
        except Exception as error:
            answer = error
        try:
            answers.write(packed(answer))
            answers.flush()
        except BrokenPipeError:
            return 0


if __name__ == "__main__":
    sys.exit(main())
