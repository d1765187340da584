"""Requests to stop a capture: Ctrl-C, SIGTERM, or the end of standard input."""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["stop_requests"]

_NOTICE = b"\ndice: stopping after the current frame; press Ctrl-C again to stop at once\n"
_READ_AT_ONCE = 4096  # bytes of standard input, which nobody is expected to write to


@contextmanager
def stop_requests(*, watch_input: bool) -> Iterator[threading.Event]:
    """An event that SIGTERM, Ctrl-C, or (for a program that started us) the end of standard input sets.

    The second Ctrl-C raises KeyboardInterrupt. SIGTERM never does more than ask: Blender sends it repeatedly while it
    waits for the end.
    watch_input : whether the end of standard input counts, if that is a pipe.
    """
    stop = threading.Event()

    def interrupt(_signal: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop.set()
        if sys.stderr.isatty():
            # Not by sys.stderr's own methods: a signal may arrive in the middle of one, and they cannot be re-entered.
            os.write(sys.stderr.fileno(), _NOTICE)

    def terminate(_signal: int, _frame: object) -> None:
        stop.set()

    # Python lets only the main thread set handlers.
    main_thread = threading.current_thread() is threading.main_thread()
    handlers = {signal.SIGINT: interrupt, signal.SIGTERM: terminate} if main_thread else {}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    if watch_input and (pipe := _input_pipe()) is not None:
        threading.Thread(target=_wait_for_end, args=(pipe, stop), name="standard input", daemon=True).start()
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _input_pipe() -> int | None:
    """Descriptor of standard input where another program holds its other end, else None."""
    try:
        descriptor = sys.stdin.fileno()
        return descriptor if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else None
    except (AttributeError, OSError, ValueError):  # closed, or replaced by something that is no file
        return None


def _wait_for_end(descriptor: int, stop: threading.Event) -> None:
    # os.read and not sys.stdin, whose lock would keep the interpreter from ending.
    while os.read(descriptor, _READ_AT_ONCE):
        pass
    stop.set()
