"""The sample that ships with the product: a clip of a hand that presses a cheek, and the take it was rendered from."""

from __future__ import annotations

from pathlib import Path

__all__ = ["sample_clip", "sample_truth"]

_FOLDER = Path(__file__).resolve().parent


def sample_clip() -> Path:
    """The clip, 24 frames a second."""
    return _FOLDER / "sample.mp4"


def sample_truth() -> Path:
    """The take that the clip shows exactly: vertices, deformation, contact and landmarks of every frame."""
    return _FOLDER / "sample_truth.dicetake"
