"""A file for every frame and mesh of a take: the deformed surface as OBJ or PLY."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from dice_core.errors import InputError
from dice_core.geometry.mesh import Mesh
from dice_core.interchange.chunks import frame_count, selected_chunks
from dice_core.interchange.obj import ObjWriter
from dice_core.interchange.output import export_folder, write_file
from dice_core.interchange.ply import PlyWriter
from dice_core.interchange.space import AXES, UNITS, transform
from dice_core.take import Take

__all__ = ["FORMATS", "write_meshes"]

_log = logging.getLogger(__name__)

_PARTS = ("vertices", "deformation", "contact")


class _Writer(Protocol):
    """Makes the files of one mesh."""

    suffix: str

    def encode(self, vertices: np.ndarray, contact: np.ndarray, title: str) -> bytes: ...


FORMATS: dict[str, Callable[[Mesh], _Writer]] = {"obj": ObjWriter, "ply": PlyWriter}
"""What makes the files of a mesh, by the name of the format; the first is the default."""


def write_meshes(
    take: Take,
    folder: Path,
    *,
    format: str = "obj",
    axes: str = "y-up",
    unit: str = "m",
    frames: tuple[int, int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Write FOLDER/MESH.FRAME.obj (or .ply) for each mesh in each frame in which it is there.

    A mesh that is absent from a frame gets no file for it. FRAME counts as in the footage, with six digits. A file that
    has the name already is replaced.
    format : a name of `FORMATS`; axes, unit : of `AXES` and `UNITS`; frames : A, B for the frames A to B - 1, None for
    all. progress(done, total) is called after each frame.
    Returns how many files each mesh got. Memory is that of one chunk, however long the take.
    Raises InputError for an unknown name, a range without frames, or a place that cannot be written to.
    """
    for name, known in ((format, FORMATS), (axes, AXES), (unit, UNITS)):
        if name not in known:
            raise InputError(f"There is no choice {name!r} for mesh files: use one of {', '.join(known)}.")
    total, done = frame_count(take, frames), 0
    writers = {name: FORMATS[format](mesh) for name, mesh in take.meshes.items()}
    written = dict.fromkeys(writers, 0)
    keys = [key for name in writers for key in (f"tracked_{name}", *(f"{name}.{part}" for part in _PARTS))]
    export_folder(folder)
    for arrays in selected_chunks(take, keys, frames):
        for row, frame in enumerate(arrays["frame"].tolist()):
            for name, writer in writers.items():
                if arrays[f"tracked_{name}"][row]:
                    vertices, deformation, contact = (arrays[f"{name}.{part}"][row] for part in _PARTS)
                    surface = transform(vertices.astype(np.float64) + deformation, axes, unit)
                    title = f"{name}, frame {frame}, {axes}, in {unit}, by DICE for Blender"
                    write_file(folder / f"{name}.{frame:06d}{writer.suffix}", writer.encode(surface, contact, title))
                    written[name] += 1
            done += 1
            if progress is not None:
                progress(done, total)
    _log.info("wrote %s of %d frames into %s", written, total, folder)
    return written
