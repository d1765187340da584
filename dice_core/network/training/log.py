"""Rows of numbers in CSV files, which a run that goes on continues after its checkpoint's step."""

from __future__ import annotations

import csv
from pathlib import Path

from dice_core.storage import replace_file

__all__ = ["Log"]


class Log:
    """A table with a row for some of the steps.

    path : the file, whose folder is made where there is none; columns : after `step`. Rows after `step` are of steps
    that are done again, and are dropped.
    """

    def __init__(self, path: Path, columns: list[str], step: int) -> None:
        self._path, self._columns = path, ["step", *columns]
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = []
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as stream:
                kept = [row for row in csv.DictReader(stream) if row["step"].isdigit() and int(row["step"]) <= step]
        unfinished = path.with_suffix(".part")
        with unfinished.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, self._columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(kept)
        replace_file(unfinished, path)

    def add(self, step: int, values: dict[str, float]) -> None:
        """A row; what is not among the columns is left out."""
        with self._path.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, self._columns, extrasaction="ignore")
            writer.writerow({"step": step, **{name: f"{value:.6g}" for name, value in values.items()}})
