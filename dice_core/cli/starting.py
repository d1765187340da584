"""Before anything is loaded: what finds the landmarks of a clip is, beside it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from dice_core.engines.open.landmark_process import started_ahead
from dice_core.media.formats import IMAGE_SUFFIXES, is_pattern

__all__ = ["started_for"]

_NO_CLIP = {"--stills", "--span", "--engine=dice", "dice", "-h", "--help"}


def started_for(words: Sequence[str]) -> AbstractContextManager[None]:
    """Start the process that a command will need, by its words as they stand; they are understood later. Where that is
    wrong, a process is started for nothing, or when it is needed."""
    if not words or words[0] != "capture" or not _NO_CLIP.isdisjoint(words):
        return nullcontext()
    picture = any(Path(word).suffix.lower() in IMAGE_SUFFIXES and not is_pattern(word) for word in words)
    return nullcontext() if picture else started_ahead()
