"""Loading OpenCV and PyAV into one process without what macOS has to say of it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

__all__ = ["quiet_loading"]


@contextlib.contextmanager
def quiet_loading() -> Iterator[None]:
    """Hide what macOS itself prints while libraries load.

    The wheels of OpenCV and of PyAV each have an FFmpeg of their own, and macOS warns that both have classes for
    cameras and microphones, which neither is asked for here.
    """
    if sys.platform != "darwin":
        yield
        return
    shown = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(shown, 2)
        os.close(shown)
