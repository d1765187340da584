"""One `dice` command as a child process that can be watched, asked to stop, and killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from dice_core.child_process import child_environment, own_python_command
from dice_core.events import LONGEST_LINE, parse_event

__all__ = ["DiceProcess", "dice_command"]

_LOG_TAIL = 1 << 16  # bytes at the end of the log in which its last line is looked for
_WINDOWS = sys.platform == "win32"


def dice_command(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The command that runs `dice` with some arguments in a process of its own, and that process's environment.

    It is run in a folder of its own: paths among the arguments have to be absolute.
    """
    return own_python_command("dice_core", arguments), child_environment()


class DiceProcess:
    """A running command.

    arguments : of `dice`; folder : in which it runs; log : file for its standard error; inherited : descriptors that it
    keeps open as long as it lives.
    Raises OSError where it cannot be started.
    """

    def __init__(self, arguments: Sequence[str], folder: Path, log: Path, inherited: Sequence[int] = ()) -> None:
        self._log = log
        self._asked = False
        command, environment = dice_command(arguments)
        # A group of its own, so that Ctrl-C reaches this process alone, which then asks its children in turn.
        group: dict[str, Any] = {"process_group": 0, "pass_fds": tuple(inherited)}
        if _WINDOWS:
            group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined]
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # a capture ends when it closes: by `stop`, or by the death of this process
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                env=environment,
                encoding="utf-8",
                errors="replace",
                **group,
            )

    def events(self) -> Iterator[dict[str, Any]]:
        """Its events as they come; ends with the process, whose status `wait` then gives."""
        assert self._process.stdout is not None
        for line in iter(partial(self._process.stdout.readline, LONGEST_LINE), ""):
            event = parse_event(line)
            if event is not None:
                yield event

    def wait(self) -> int:
        """The exit status, once it has ended; on POSIX a negative one is the signal that ended it."""
        status = self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        return status

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    @property
    def was_stopped(self) -> bool:
        """Whether it was asked to end."""
        return self._asked

    def stop(self, *, gently: bool) -> None:
        """Ask it to end, once however often this is called.

        gently : a capture, which ends by itself when its standard input does, after the frame in hand.
        """
        if self._asked or not self.is_running:
            return
        self._asked = True
        if gently and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        elif _WINDOWS:
            self._process.terminate()
        else:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it at once, with what it has started itself."""
        if not self.is_running:
            return  # its number may be another's by now
        self._asked = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if _WINDOWS:
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)

    def last_sentence(self) -> str:
        """The last line of its log, without the program's name; "" where it said nothing."""
        try:
            with self._log.open("rb") as stream:
                stream.seek(max(0, self._log.stat().st_size - _LOG_TAIL))
                lines = stream.read().decode("utf-8", "replace").split("\n")
        except OSError:
            return ""
        return next((line.strip().removeprefix("dice: ") for line in reversed(lines) if line.strip()), "")
