"""How the parts of a clip's capture share the processors."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

import cv2

__all__ = ["processor_count", "shared_processors"]

_BESIDE = 2
"""Processors that the networks leave free: for the fit, and for the process that post-processes."""

_SWITCH_SECONDS = 0.001
"""For how long the fit may keep Python's lock while the networks' thread waits for it, as it does several times a
frame, with each result. Python's own 5 ms are as long as it needs the lock for. Set by hand, as the best of 0.2 to 5 ms
on two processors."""


def processor_count() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def shared_processors() -> Iterator[None]:
    """Landmarks are read in one thread and fitted in another meanwhile, and neither waits for the other longer than it
    has to. OpenCV's and Python's settings are the process's; they are as they were afterwards."""
    threads, interval = cv2.getNumThreads(), sys.getswitchinterval()
    cv2.setNumThreads(max(1, min(threads, processor_count() - _BESIDE)))
    sys.setswitchinterval(min(interval, _SWITCH_SECONDS))
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
        sys.setswitchinterval(interval)
