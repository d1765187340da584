"""What tests of the `dice` command share: small pictures, and what a user is told."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def image(path: Path, width: int = 64, height: int = 48) -> Path:
    cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def sentence(text: str) -> str:
    """The only line of an error, without its beginning."""
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    assert lines[0].startswith("dice: ")
    assert lines[0].endswith(".")
    assert "Traceback" not in text
    return lines[0]


def fail(*_: object, **__: object) -> None:
    raise ZeroDivisionError("by\nchance")
