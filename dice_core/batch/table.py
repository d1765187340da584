"""What came of each clip of a batch: a table for a person, and the same as CSV beside the takes."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from dice_core.errors import InputError
from dice_core.storage import create_fresh, replace_file
from dice_core.take import MESH_NAMES, Take

__all__ = ["TABLE_FILE", "Row", "format_rows", "read_rows", "write_rows"]

TABLE_FILE = "batch.csv"


@dataclass(frozen=True)
class Row:
    """One clip.

    clip : absolute path of the footage; take : name of the take's folder; state : "waiting", "done", "there" (complete
    before this run), "failed" or "stopped"; frames : in the take; tracked : the share of frames in which each mesh is
    there; touches : their number; warnings : sentences; seconds : that it took; message : why it failed.
    """

    clip: str
    take: str
    state: str = "waiting"
    frames: int | None = None
    tracked: dict[str, float] = field(default_factory=dict)
    touches: int | None = None
    warnings: tuple[str, ...] = ()
    seconds: float | None = None
    message: str = ""

    def of_take(self, take: Take) -> Row:
        """The same clip with what its take says."""
        shares = {name: round(share, 4) for name, share in take.tracked_shares().items()}
        return replace(self, frames=len(take.frames), tracked=shares, touches=len(take.events))


_PLAIN = tuple(part.name for part in fields(Row) if part.name not in ("tracked", "warnings", "message"))
_COLUMNS = (*_PLAIN, *MESH_NAMES, "warnings", "message")
_SEPARATOR = " | "
"""Between the warnings in their column."""


def write_rows(folder: Path, rows: Sequence[Row]) -> None:
    """Write the table into a folder, under a temporary name first. Raises InputError where that is impossible."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    table.writeheader()
    for row in rows:
        values = {key: value for key, value in asdict(row).items() if key in _COLUMNS}
        shares = {name: row.tracked.get(name, "") for name in MESH_NAMES}
        table.writerow({**values, **shares, "warnings": _SEPARATOR.join(row.warnings)})
    path = folder / TABLE_FILE
    temporary = path.with_name(path.name + ".tmp")
    try:
        with create_fresh(temporary) as stream:
            stream.write(os.fsencode(text.getvalue()))
        replace_file(temporary, path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}): choose another output folder."
        ) from error


def read_rows(folder: Path) -> dict[str, Row]:
    """The table that an earlier run has left, by clip; without rows that make no sense, empty where there is none."""
    try:
        text = os.fsdecode((folder / TABLE_FILE).read_bytes())
    except OSError:
        return {}
    rows = {}
    for values in csv.DictReader(io.StringIO(text, newline="")):
        try:
            row = Row(
                clip=values["clip"],
                take=values["take"],
                state=values["state"],
                frames=int(values["frames"]) if values["frames"] else None,
                tracked={name: float(values[name]) for name in MESH_NAMES if values[name]},
                touches=int(values["touches"]) if values["touches"] else None,
                warnings=tuple(values["warnings"].split(_SEPARATOR)) if values["warnings"] else (),
                seconds=float(values["seconds"]) if values["seconds"] else None,
                message=values["message"],
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            continue  # somebody has edited it
        rows[row.clip] = row
    return rows


def format_rows(rows: Sequence[Row]) -> str:
    """The table for a person, a line for each clip, with the sentence where one failed."""
    header = ("clip", "", "frames", "head", "left", "right", "touches", "warnings", "seconds")
    lines = [header, *(_cells(row) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(header))]
    text = []
    for line, row in zip(lines, (None, *rows), strict=True):
        cells = [line[0].ljust(widths[0]), line[1].ljust(widths[1])]
        if row is not None and row.message:
            text.append("  ".join([*cells, row.message]))
        else:
            numbers = [cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=True)]
            text.append("  ".join([*cells, *numbers]).rstrip())
    return "\n".join(text)


def _cells(row: Row) -> tuple[str, ...]:
    title = Path(row.clip).name
    if row.frames is None:
        return (title, row.state, *[""] * 7)
    shares = [f"{row.tracked[name]:.0%}" if name in row.tracked else "-" for name in MESH_NAMES]
    seconds = "" if row.seconds is None else f"{row.seconds:.1f}"
    return (title, row.state, str(row.frames), *shares, str(row.touches), str(len(row.warnings)), seconds)
