"""Whether the libraries are there, before anything that needs them is loaded."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator

__all__ = ["library_problem"]

_PACKAGES = {"numpy": "numpy", "cv2": "opencv-python-headless", "av": "av"}
"""What the commands import, and what installs it. tqdm, which shows progress on a terminal alone, is Python that loads
wherever it is installed."""


def library_problem() -> str:
    """What is in the way, as a sentence for the user; "" where nothing is."""
    for module, package in _PACKAGES.items():
        try:
            with _quiet_on_a_mac():
                importlib.import_module(module)
        except ImportError as error:
            reason = " ".join(str(error).split())
            return f"{package} cannot be loaded ({reason}): install dice-core again, into an environment of its own."
    if importlib.util.find_spec("tqdm") is None:
        return "tqdm is missing: install dice-core again, into an environment of its own."
    if not hasattr(importlib.import_module("cv2"), "imdecode"):
        # Wheels of opencv-python, its contrib and its headless ones write into one folder; who removes one breaks the
        # rest.
        return (
            "OpenCV is broken, as it is after another of its wheels was installed or removed: run "
            "`pip uninstall opencv-python opencv-contrib-python opencv-python-headless` and install dice-core again."
        )
    return ""


@contextlib.contextmanager
def _quiet_on_a_mac() -> Iterator[None]:
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
