"""How the parts of a clip's capture share the processors."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import cv2

from dice_core.own_process import processor_count

__all__ = ["shared_processors"]

_BESIDE = 2
"""Processors that the networks leave free: for the fit, and for the process that post-processes."""

_SWITCH_SECONDS = 0.001
"""For how long one thread may keep Python's lock while another waits for it, as the networks' does several times a
frame, with each result. Python's own 5 ms are as long as it needs the lock for. Set by hand, as the best of 0.2 to 5 ms
on two processors, with networks and fit in one process."""


@contextlib.contextmanager
def shared_processors() -> Iterator[None]:
    """Landmarks are read beside the fit, and neither waits for the other longer than it has to. OpenCV's and Python's
    settings are the process's; they are as they were afterwards."""
    threads, interval = cv2.getNumThreads(), sys.getswitchinterval()
    cv2.setNumThreads(max(1, min(threads, processor_count() - _BESIDE)))
    sys.setswitchinterval(min(interval, _SWITCH_SECONDS))
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
        sys.setswitchinterval(interval)
