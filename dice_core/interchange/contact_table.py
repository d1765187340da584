"""Contact for spreadsheets and scripts: how much of each region is touched in each frame, and the touches over time."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dice_core.errors import InputError
from dice_core.geometry.mesh import Mesh
from dice_core.interchange.chunks import frame_count, selected_chunks
from dice_core.interchange.output import written_text
from dice_core.take import Take

__all__ = ["CONTACT_COLUMNS", "write_contact"]

CONTACT_COLUMNS = ("frame", "second", "mesh", "region", "contact", "dent_mm")
"""`frame` counts as in the footage, `second` from its beginning (0 in a picture); `contact` is the largest of any
vertex of the region, 0 to 1; `dent_mm` the farthest that touching has moved any of them, in millimetres."""


def write_contact(
    take: Take,
    path: Path,
    *,
    frames: tuple[int, int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write contact in the form that the path's ending names.

    `.csv` : a row for each frame, mesh that is there in it, and region of that mesh, with `CONTACT_COLUMNS`. `.json` :
    {"take", "footage", "fps", "touches"}, each touch as in the take with the seconds at which it begins and ends.
    frames : A, B for the frames A to B - 1 (of touches, those that are in one of them), None for all; progress(done,
    total) is called after each frame of a table.
    Returns the number of rows or touches.
    Raises InputError for another ending, a range without frames, or a path that cannot be written.
    """
    if path.suffix.lower() == ".json":
        return _write_touches(take, path, frames)
    if path.suffix.lower() == ".csv":
        return _write_table(take, path, frames, progress)
    raise InputError(f"Contact is written as .csv (each frame) or .json (touches), not {path.name}: change its ending.")


def _write_table(
    take: Take, path: Path, frames: tuple[int, int] | None, progress: Callable[[int, int], None] | None
) -> int:
    total, done, rows = frame_count(take, frames), 0, 0
    names = list(take.meshes)
    regions = {name: _Regions(mesh) for name, mesh in take.meshes.items()}
    keys = [key for name in names for key in (f"tracked_{name}", f"{name}.contact", f"{name}.deformation")]
    with written_text(path) as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(CONTACT_COLUMNS)
        for arrays in selected_chunks(take, keys, frames):
            for row, (frame, time) in enumerate(zip(arrays["frame"].tolist(), arrays["time"].tolist(), strict=True)):
                second = f"{time:.4f}"
                for name in names:
                    if not arrays[f"tracked_{name}"][row]:
                        continue
                    contact = regions[name].largest(arrays[f"{name}.contact"][row])
                    dent = regions[name].largest(1000 * np.linalg.norm(arrays[f"{name}.deformation"][row], axis=1))
                    for region, touched, depth in zip(regions[name].names, contact, dent, strict=True):
                        table.writerow((frame, second, name, region, f"{touched:.4f}", f"{depth:.3f}"))
                        rows += 1
                done += 1
                if progress is not None:
                    progress(done, total)
    return rows


def _write_touches(take: Take, path: Path, frames: tuple[int, int] | None) -> int:
    frame_count(take, frames)
    first, end = frames or (0, float("inf"))
    seconds = dict(zip(take.frames.tolist(), np.round(take.times, 4).tolist(), strict=True))
    touches: list[dict[str, Any]] = [
        {
            **asdict(event),
            "first_second": seconds.get(event.first_frame),
            "last_second": seconds.get(event.last_frame),
        }
        for event in take.events
        if event.last_frame >= first and event.first_frame < end
    ]
    content = {"take": take.name, "footage": take.info["source"]["path"], "fps": take.fps, "touches": touches}
    with written_text(path) as stream:
        stream.write(json.dumps(content, indent=1) + "\n")
    return len(touches)


class _Regions:
    """The regions of a mesh that have vertices."""

    def __init__(self, mesh: Mesh) -> None:
        present = np.unique(mesh.region)
        self.names = [mesh.region_names[index] for index in present]
        self._of_vertex = np.searchsorted(present, mesh.region)

    def largest(self, values: np.ndarray) -> np.ndarray:
        """The largest of some values, (V,) and none negative, in each region."""
        result = np.zeros(len(self.names))
        np.maximum.at(result, self._of_vertex, values)
        return result
