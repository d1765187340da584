"""How many frames, in words: a photo is a picture."""

from __future__ import annotations

from bpy.app.translations import pgettext_iface as _t

__all__ = ["count_of_frames"]


def count_of_frames(frames: int, fps: float) -> str:
    """For example "72 frames"; fps : frames a second, 0 for a photo or images."""
    if frames == 1:
        return _t("1 frame") if fps > 0 else _t("1 picture")
    return _t("{:d} frames").format(frames)
