"""Post-processing in a process of its own, beside the fit of the frames that follow.

Both are Python most of the time, of which one process runs one line at a time. The process is asked for one window
after the other and keeps nothing but what it was started with: killing it, or this one, loses no more than the answer
in hand.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import IO, Any

from dice_core.child_process import child_environment, own_python_command
from dice_core.engines.base import Chunk, Postprocess
from dice_core.engines.frame_table import FrameTable
from dice_core.errors import DiceError, user_message

__all__ = ["PostprocessingProcess", "main"]

_WINDOWS = sys.platform == "win32"


class PostprocessingProcess:
    """A running process that post-processes windows in the order in which it is asked to.

    make : called there for what does the work; a function of ours with arguments that can be pickled. Raises OSError
    where a process cannot be started.
    """

    def __init__(self, make: Callable[[], Postprocess]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="dice-", ignore_cleanup_errors=True)
        # A group of its own: Ctrl-C is for this process, which ends when its user's frame is done.
        group: dict[str, Any] = {"process_group": 0}
        if _WINDOWS:
            flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW  # type: ignore[attr-defined]
            group = {"creationflags": flags}
        try:
            self._process = subprocess.Popen(
                own_python_command(__name__, []),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL if sys.__stderr__ is None else None,  # None where ours was closed
                cwd=self._folder.name,
                env=child_environment(),
                **group,
            )
        except BaseException:
            self._folder.cleanup()
            raise
        self._waiting: queue.SimpleQueue[tuple[object, Future[Any]] | None] = queue.SimpleQueue()
        self._made = self._ask(make)
        self._thread = threading.Thread(target=self._exchange, name="postprocessing", daemon=True)
        self._thread.start()

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
        self._process.wait()
        self._folder.cleanup()

    def _ask(self, request: object) -> Future[Any]:
        future: Future[Any] = Future()
        self._waiting.put((request, future))
        return future

    def _exchange(self) -> None:
        """Hand over requests and take their answers, one by one, until `close`."""
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        while (item := self._waiting.get()) is not None:
            request, future = item
            if not future.set_running_or_notify_cancel():
                continue
            if future is not self._made and (first := self._made.exception()) is not None:
                future.set_exception(first)
                continue
            try:
                requests.write(pickle.dumps(request, pickle.HIGHEST_PROTOCOL))
                requests.flush()
                answer = pickle.load(answers)  # of our own process, that nobody else writes to
            except (OSError, EOFError, pickle.UnpicklingError) as error:
                future.set_exception(_ended(error))
            except Exception as error:  # what cannot be pickled: whoever waits for the answer has to hear of it
                future.set_exception(error)
            else:
                if isinstance(answer, BaseException):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        for stream in (requests, answers):
            with contextlib.suppress(OSError):
                stream.close()


def _ended(error: Exception) -> DiceError:
    """That the process is gone."""
    ended = DiceError(
        "The process that smooths frames and presses the skin in was ended by the system, as happens where memory "
        "runs out: close other programs and give the same command again, which goes on from there."
    )
    ended.__cause__ = error
    return ended


def main() -> int:
    """Answer requests on standard input until it closes; returns the exit status."""
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # whatever prints does not print into the answers
        return _serve(sys.stdin.buffer, answers)


def _serve(requests: IO[bytes], answers: IO[bytes]) -> int:
    work: Postprocess | None = None
    while True:
        try:
            request = pickle.load(requests)  # of the process that has started this one
        except EOFError:
            return 0
        answer: object = None
        try:
            if work is None:
                work = request()
            else:
                answer = work(*request)
        except Exception as error:
            answer = error
        try:
            answers.write(_packed(answer))
            answers.flush()
        except BrokenPipeError:
            return 0
        if work is None:
            return 1


def _packed(answer: object) -> bytes:
    """An answer to be sent; of an error that cannot be pickled, the sentence about it."""
    try:
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        sentence = user_message(answer if isinstance(answer, BaseException) else error)
        return pickle.dumps(DiceError(sentence), pickle.HIGHEST_PROTOCOL)


if __name__ == "__main__":
    sys.exit(main())
