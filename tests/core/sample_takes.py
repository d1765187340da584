"""Takes of the bundled clip, captured anew."""

from __future__ import annotations

from pathlib import Path

from dice_core.capture import capture
from dice_core.engines.settings import CaptureSettings
from dice_core.media.opening import open_footage
from dice_core.sample import sample_clip

__all__ = ["assert_same_bytes", "captured"]


def captured(take: Path, frames: tuple[int, int]) -> Path:
    """Capture some frames of the clip into a take, or go on with it."""
    with open_footage(str(sample_clip()), frames) as footage:
        assert capture(footage, take, CaptureSettings(), frames=frames).frames == frames[1] - frames[0]
    return take


def assert_same_bytes(take: Path, known: Path) -> None:
    """Every file of the known take is the same in the other."""
    for file in sorted(path.relative_to(known) for path in known.rglob("*") if path.is_file()):
        assert (take / file).read_bytes() == (known / file).read_bytes(), file
