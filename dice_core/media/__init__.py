"""Footage in: images, image sequences and videos, frame by frame as RGB.

This package imports nothing by itself, so that `dice_core.media.formats` can be used where there is no OpenCV;
`open_footage`, `Footage` and `list_images` are loaded when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["Footage", "list_images", "open_footage"]

_HOMES = {"Footage": "footage", "list_images": "formats", "open_footage": "opening"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
