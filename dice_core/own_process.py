"""Another process of this program: it is handed requests over one pipe and answers over another.

What is Python most of the time goes faster in a process of its own than in a thread, since a process runs one line of
Python at a time. Such a process keeps nothing but what it was told: killing it, or this one, loses no more than the
answers that are missing. Requests and answers are pickles, between two processes of ours that nobody else writes to.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import IO, Any, Self

from dice_core.child_process import child_environment, own_python_command
from dice_core.errors import DiceError, user_message

__all__ = ["OwnProcess", "answering", "is_worth_a_process", "packed", "processor_count"]

_WORTH_A_PROCESS = 48
"""Frames from which a process of its own is worth starting, which takes as long as some thirty of them. Set by hand."""

_WINDOWS = sys.platform == "win32"


def processor_count() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_worth_a_process(frames: int) -> bool:
    """Whether a stage of so many frames goes faster in a process of its own."""
    return frames >= _WORTH_A_PROCESS and processor_count() > 1


class OwnProcess:
    """A running process of this program, in a folder of its own. Use it as a context: leaving it ends the process."""

    def __init__(self, module: str, does: str) -> None:
        """module : of ours, run as a program; does : what it does, for the sentence that says that it has ended.

        Raises OSError where a process cannot be started.
        """
        self._does = does
        self.folder = tempfile.TemporaryDirectory(prefix="dice-", ignore_cleanup_errors=True)
        # A group of its own: Ctrl-C is for this process, which ends when its user's frame is done.
        group: dict[str, Any] = {"process_group": 0}
        if _WINDOWS:
            flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW  # type: ignore[attr-defined]
            group = {"creationflags": flags}
        try:
            self.process = subprocess.Popen(
                own_python_command(module, []),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL if sys.__stderr__ is None else None,  # None where ours was closed
                cwd=self.folder.name,
                env=child_environment(),
                **group,
            )
        except BaseException:
            self.folder.cleanup()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def send(self, request: object) -> None:
        """Hand over a request. Raises DiceError where the process has ended, and what pickling it raises."""
        content = pickle.dumps(request, pickle.HIGHEST_PROTOCOL)
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(content)
            self.process.stdin.flush()
        except OSError as error:
            raise self._ended() from error

    def receive(self) -> Any:
        """The next answer, which is waited for. Raises DiceError where the process has ended."""
        assert self.process.stdout is not None
        try:
            return pickle.load(self.process.stdout)  # of our own process, that nobody else writes to
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise self._ended() from error

    def kill(self) -> None:
        """End the process at once; whoever waits for an answer hears of it."""
        self.process.kill()

    def close(self) -> None:
        """End the process, and close what leads to it, which nobody else may use meanwhile."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()
        self.folder.cleanup()

    def _ended(self) -> DiceError:
        return DiceError(
            f"The process that {self._does} was ended by the system, as happens where memory runs out: close other "
            "programs and give the same command again, which goes on from there."
        )


@contextlib.contextmanager
def answering() -> Iterator[IO[bytes]]:
    """In the other process: where its answers go, into which nothing that prints does."""
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        yield answers


def packed(answer: object) -> bytes:
    """An answer to be sent; of one that cannot be pickled, the sentence about it."""
    try:
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        sentence = user_message(answer if isinstance(answer, BaseException) else error)
        return pickle.dumps(DiceError(sentence), pickle.HIGHEST_PROTOCOL)
