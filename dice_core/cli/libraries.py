"""Whether the libraries are there, before anything that needs them is loaded."""

from __future__ import annotations

import importlib.util

from dice_core.quiet_loading import quiet_loading

__all__ = ["library_problem"]

_PACKAGES = {"numpy": "numpy", "cv2": "opencv-python-headless", "av": "av"}
"""What the commands import, and what installs it. tqdm, which shows progress on a terminal alone, is Python that loads
wherever it is installed."""


def library_problem() -> str:
    """What is in the way, as a sentence for the user; "" where nothing is."""
    for module, package in _PACKAGES.items():
        try:
            with quiet_loading():
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
