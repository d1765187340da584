"""The files that a command writes, by their endings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dice_core.errors import InputError

__all__ = ["check_endings"]


def check_endings(outputs: Mapping[str, Path | None]) -> None:
    """Raise InputError where a file that is asked for has another ending than its kind; outputs : option and ending,
    such as "--fbx .fbx", to the file, None where none is asked for."""
    for asked, path in outputs.items():
        option, ending = asked.split()
        if path is not None and path.suffix.lower() != ending:
            raise InputError(f"{option} {path} does not end in {ending}: give a file that does.")
