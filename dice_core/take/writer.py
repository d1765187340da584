"""Writing a take: chunk by chunk, so that a capture killed at any moment leaves a valid take of all finished chunks."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dice_core import __version__
from dice_core.errors import InputError, ShapeError
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh
from dice_core.storage import is_real_folder
from dice_core.take.description import read_description
from dice_core.take.format import (
    FORMAT,
    TEMPORARY,
    VERSION,
    Source,
    TouchEvent,
    chunk_name,
    event_from_json,
    load_arrays,
    mesh_to_arrays,
    write_arrays,
    write_json,
)
from dice_core.take.identity import same_capture
from dice_core.take.lock import LOCK_FILE
from dice_core.take.mesh_frames import MeshFrames
from dice_core.take.removal import FOLDERS, WORK_FOLDER, remove_take, remove_work

__all__ = ["TakeWriter"]

_log = logging.getLogger(__name__)

# Vertices are stored to the nearest 2^-20 m, about a micrometre: the zeroed low bits compress away.
_VERTEX_QUANTUM = 2.0**-20


class TakeWriter:
    """Creates a take, or continues one that an earlier run of the same capture left.

    path : the take's folder; source : the footage; engine : {"name", "settings", "models"}, all JSON values;
    request : what the user asked for, as of `CaptureSettings.request`, so that it can be recognised when asked again.
    Raises InputError where the folder holds something else: another take, or files that are not a take's.
    """

    def __init__(
        self, path: str | Path, source: Source, engine: dict[str, Any], request: dict[str, Any] | None = None
    ) -> None:
        self.path = Path(path)
        self._info: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "generator": "dice-core",
            "generator_version": __version__,
            "source": asdict(source),
            "engine": engine,
            "request": request,
            "camera": None,
            "meshes": [],
            "chunks": [],
            "events": [],
            "complete": False,
        }
        previous = self._previous()
        self._created = previous is None
        if previous is not None:
            _log.info("resuming the take %s", self.path)
            self._info = previous
            self._drop_provisional()
            if self.complete:
                remove_work(self.path)  # what a kill at the very end has left
        else:
            _log.info("new take %s", self.path)
            write_json(self.path / "take.json", self._info)

    @property
    def complete(self) -> bool:
        """Whether the capture has been finished, now or by an earlier run."""
        return bool(self._info["complete"])

    @property
    def frames_written(self) -> int:
        """How many frames are on disk."""
        return sum(chunk["frames"] for chunk in self._info["chunks"])

    @property
    def chunk_count(self) -> int:
        """How many chunks are on disk."""
        return len(self._info["chunks"])

    @property
    def chunk_files(self) -> list[Path]:
        """The chunks on disk, in order."""
        return [self.path / chunk["file"] for chunk in self._info["chunks"]]

    @property
    def events(self) -> list[TouchEvent]:
        """The touches set so far."""
        return [event_from_json(event) for event in self._info["events"]]

    @property
    def mesh_names(self) -> tuple[str, ...]:
        """Names of the meshes in the take so far."""
        return tuple(self._info["meshes"])

    @property
    def work_folder(self) -> Path:
        """Where a capture keeps what it needs to resume after a kill; deleted when the take is finished."""
        return self.path / WORK_FOLDER

    def set_camera(self, camera: Camera) -> None:
        """The camera for the whole take."""
        self._info["camera"] = {"fx": camera.fx, "fy": camera.fy, "cx": camera.cx, "cy": camera.cy}
        self._save()

    def add_mesh(self, mesh: Mesh) -> None:
        """A body joins the take; chunks that were written before it get it as absent."""
        write_arrays(self.path / "meshes" / f"{mesh.name}.npz", mesh_to_arrays(mesh))
        if mesh.name in self._info["meshes"]:
            return
        for chunk in self._info["chunks"]:
            file = self.path / chunk["file"]
            arrays = load_arrays(file)
            arrays |= MeshFrames.absent(mesh, chunk["frames"]).take_arrays(mesh.name)
            write_arrays(file, arrays)
        self._info["meshes"].append(mesh.name)
        self._save()

    def write_chunk(self, arrays: dict[str, np.ndarray], *, provisional: bool = False) -> None:
        """Append frames.

        arrays : the keys of the take format, each with T rows. A `provisional` chunk was cut short by a
        cancelled capture: it is part of the take, and is captured again when the capture resumes.
        Raises ShapeError where the rows of the arrays differ.
        """
        frames = arrays["frame"]
        wrong = [key for key, value in arrays.items() if len(value) != len(frames)]
        if wrong:
            raise ShapeError(f"Arrays {', '.join(wrong)} must have {len(frames)} rows, one a frame.")
        name = chunk_name(int(frames[0]))
        write_arrays(self.path / name, {key: _stored(key, value) for key, value in arrays.items()})
        entry = {"file": name, "first_frame": int(frames[0]), "frames": len(frames)}
        if provisional:
            entry["provisional"] = True
        _log.debug("%s: frames %d to %d written", name, frames[0], frames[-1])
        self._info["chunks"].append(entry)
        self._save()

    def set_events(self, events: Iterable[TouchEvent]) -> None:
        """The touches found so far; they reach the disk with the next chunk or at the end."""
        self._info["events"] = [asdict(event) for event in events]

    def finish(self, *, complete: bool) -> None:
        """End the capture; a complete one no longer needs its work folder."""
        self._info["complete"] = complete
        self._save()
        state = "complete" if complete else "incomplete"
        _log.info("the take %s has %d frames and is %s", self.path, self.frames_written, state)
        if complete:
            remove_work(self.path)

    def discard(self) -> None:
        """Delete the take if this writer has created it and no frame is in it."""
        if self._created and not self._info["chunks"]:
            remove_take(self.path)

    def _save(self) -> None:
        write_json(self.path / "take.json", self._info)

    def _previous(self) -> dict[str, Any] | None:
        if not os.path.lexists(self.path / "take.json"):
            if self.path.exists() and (not self.path.is_dir() or self._foreign_files()):
                raise InputError(f"{self.path} exists and is not a take: choose another output with -o.")
            return None
        try:
            info = read_description(self.path)
        except InputError as error:
            raise InputError(f"{self.path} holds a take that cannot be used: choose another output with -o.") from error
        for folder in FOLDERS:
            if os.path.lexists(self.path / folder) and not is_real_folder(self.path / folder):
                raise InputError(f"{self.path / folder} is not a folder of its own: choose another output with -o.")
        if not same_capture(info, self._info):
            raise InputError(
                f"{self.path} holds a take of other footage or settings: choose another output with -o, or delete it."
            )
        return info

    def _foreign_files(self) -> bool:
        # A kill in the take's first moment leaves its description under the temporary name.
        return any(file.name not in ("take.json" + TEMPORARY, LOCK_FILE) for file in self.path.iterdir())

    def _drop_provisional(self) -> None:
        """Leave out provisional chunks, and the bodies that are in no other."""
        kept = [chunk for chunk in self._info["chunks"] if not chunk.get("provisional")]
        if len(kept) == len(self._info["chunks"]):
            return
        files = [self.path / chunk["file"] for chunk in kept]
        gone = [name for name in self._info["meshes"] if not any(_tracks(file, name) for file in files)]
        self._info["chunks"] = kept
        self._info["meshes"] = [name for name in self._info["meshes"] if name not in gone]
        self._save()
        for file in files if gone else ():
            arrays = load_arrays(file)
            write_arrays(file, {key: value for key, value in arrays.items() if not _mesh_of(key) & set(gone)})
        for name in gone:
            (self.path / "meshes" / f"{name}.npz").unlink(missing_ok=True)


def _tracks(file: Path, name: str) -> bool:
    key = f"tracked_{name}"
    return bool(load_arrays(file, [key])[key].any())


def _mesh_of(key: str) -> set[str]:
    """A key's mesh stands before the dot, or after the first underscore."""
    return {key.partition(".")[0], key.partition("_")[2]}


def _stored(key: str, value: np.ndarray) -> np.ndarray:
    if key.endswith((".vertices", ".deformation")):
        return (np.round(value.astype(np.float64) / _VERTEX_QUANTUM) * _VERTEX_QUANTUM).astype(np.float32)
    if key.endswith(".contact"):
        return (np.round(value * 255) / 255).astype(np.float32)
    return value
