"""The files that a command writes, by their endings."""

from __future__ import annotations

from pathlib import Path

from dice_core.errors import InputError

__all__ = ["check_endings"]


def check_endings(blend: Path, fbx: Path | None, glb: Path | None) -> None:
    """Raise InputError where a file that is asked for, None for one that is not, has another ending than its kind."""
    for option, path, ending in (("-o", blend, ".blend"), ("--fbx", fbx, ".fbx"), ("--glb", glb, ".glb")):
        if path is not None and path.suffix.lower() != ending:
            raise InputError(f"{option} {path} does not end in {ending}: give a file that does.")
