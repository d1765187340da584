"""Exported files: whole or not there, and one sentence where they cannot be written."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from dice_core.errors import InputError
from dice_core.storage import create_fresh, replace_file

__all__ = ["export_folder", "write_file", "written_text"]


def export_folder(path: Path) -> None:
    """Make sure that a folder is there. Raises InputError where that is impossible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def write_file(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, then rename. Raises InputError where that is impossible."""
    with _replaced(path) as stream:
        stream.write(content)


@contextmanager
def written_text(path: Path) -> Iterator[TextIO]:
    """A stream for text that becomes the file at `path` once all is written; its folder is made.

    Lines end as they are written. Raises InputError where the file cannot be written; what was there stays, then.
    """
    export_folder(path.parent)
    with _replaced(path) as stream, io.TextIOWrapper(stream, "utf-8", newline="") as text:
        yield text


@contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    """A new file under a temporary name beside `path`, renamed to it at the end."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with create_fresh(temporary) as stream:
            yield stream
        replace_file(temporary, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):  # gone where it was renamed
            temporary.unlink()


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be written ({error.strerror or error}): choose another place for it.")
