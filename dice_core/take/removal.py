"""Deleting what a capture has written, and nothing else: plain files of known names, within the take's own folders."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from dice_core.storage import is_real_folder
from dice_core.take.format import TEMPORARY

__all__ = ["FOLDERS", "WORK_FOLDER", "remove_take", "remove_work"]

WORK_FOLDER = "work"

FOLDERS = {
    "meshes": re.compile(r"(head|hand_left|hand_right)\.npz"),
    "chunks": re.compile(r"\d{6,}\.npz"),
    WORK_FOLDER: re.compile(r"clip\.npz|block-\d{6,}\.npz|touches-\d{6,}\.json"),
}
"""The folders within a take, and the names of the files in them."""


def remove_take(take: Path) -> None:
    """Delete a take's files, and its folders where nothing else is in them. What cannot be deleted stays."""
    for folder in FOLDERS:
        _remove_files(take, folder)
    for name in ("take.json", f"take.json{TEMPORARY}"):
        with contextlib.suppress(OSError):
            (take / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        take.rmdir()


def remove_work(take: Path) -> None:
    """Delete what only an unfinished capture needs."""
    _remove_files(take, WORK_FOLDER)


def _remove_files(take: Path, name: str) -> None:
    folder = take / name
    if not is_real_folder(folder):
        return
    for file in folder.iterdir():
        if FOLDERS[name].fullmatch(file.name.removesuffix(TEMPORARY)):
            with contextlib.suppress(OSError):
                file.unlink()
    with contextlib.suppress(OSError):
        folder.rmdir()
