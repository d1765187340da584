"""Work in threads of its own, for stages that release Python's lock: decoding, OpenCV's networks, compression."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from contextlib import closing, nullcontext
from typing import TypeVar, cast

__all__ = ["in_background", "prefetch"]

_POLL_SECONDS = 0.1  # how often a thread that waits for room checks whether it is still wanted; set by hand
_END = object()

T = TypeVar("T")


def in_background(work: Callable[[], T], name: str) -> Future[T]:
    """What `work` returns, done in a thread called `name` that begins at once; an error is raised where the result is
    asked for."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


def prefetch(
    items: Iterable[T], capacity: int, name: str, on_close: Callable[[], object] = lambda: None
) -> Generator[T, None, None]:
    """The items in their order, made by a thread that is at most `capacity` of them ahead and begins at once.

    items : consumed in the thread, which is called `name`; a generator is closed there. Errors that it raises are
    raised here; closing this generator ends the thread after the item in hand. on_close : called before that is waited
    for, and so is the end.
    """
    ahead = _run(items, capacity, name, on_close)
    next(ahead)
    return cast(Generator[T, None, None], ahead)


def _run(
    items: Iterable[T], capacity: int, name: str, on_close: Callable[[], object]
) -> Generator[T | None, None, None]:
    """`prefetch` with a None before the items, which says that the thread runs."""
    waiting: queue.Queue[object] = queue.Queue(maxsize=capacity)
    ended = threading.Event()

    def put(item: object) -> bool:
        while not ended.is_set():
            try:
                waiting.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            with closing(items) if isinstance(items, Generator) else nullcontext():
                for item in items:
                    if not put(item):
                        return
            put(_END)
        except BaseException as error:
            put(_Raised(error))

    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    try:
        yield None
        while (item := waiting.get()) is not _END:
            if isinstance(item, _Raised):
                raise item.error
            yield cast(T, item)
    finally:
        ended.set()
        on_close()
        thread.join()


class _Raised:
    def __init__(self, error: BaseException) -> None:
        self.error = error
