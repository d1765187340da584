"""Chunks into a take: meshes as they turn up, and touches over time."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from dice_core.capture.blocks import NEIGHBOURS
from dice_core.contact.touch_events import TouchEventRecorder
from dice_core.engines.base import Chunk
from dice_core.errors import InputError
from dice_core.geometry.mesh import Mesh
from dice_core.media.footage import Footage
from dice_core.take import TakeWriter, TouchEvent
from dice_core.take.format import write_json
from dice_core.take.mesh_frames import MeshFrames

__all__ = ["ChunkRecorder"]

_KEPT = NEIGHBOURS + 3
"""States of the touches on disk, one a chunk: that of the last chunk, and of those before, since chunks that were cut
short are made anew."""


class ChunkRecorder:
    """Writes the chunks of a capture in order, going on after those of an earlier run.

    mesh : gives a mesh of the take by its name; footage : what is captured; in a single picture a touch lasts one
    frame. Raises InputError where what the earlier run left is damaged.
    """

    def __init__(self, writer: TakeWriter, mesh: Callable[[str], Mesh], footage: Footage) -> None:
        self._writer = writer
        self._mesh = mesh
        self._footage = footage
        self._touches = TouchEventRecorder(mesh("head"), float(footage.fps), stills=footage.count == 1)
        if self.chunks:
            try:
                state = json.loads(self._touch_file(self.chunks - 1).read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise InputError(
                    f"{writer.path} is damaged ({error}): delete it and capture the footage again."
                ) from error
            self._touches.restore(state)

    @property
    def chunks(self) -> int:
        """How many chunks are in the take."""
        return self._writer.chunk_count

    def write(self, chunk: Chunk, *, provisional: bool) -> None:
        """Add a chunk; provisional : as of `TakeWriter.write_chunk`."""
        for contact in chunk.contacts:
            self._touches.add(int(chunk.frame[contact.row]), contact.hand, contact.contact, contact.deformation)
        self._writer.set_events(TouchEvent(**event) for event in self._touches.as_dicts())  # type: ignore[arg-type]
        write_json(self._touch_file(self.chunks), self._touches.state())
        self._writer.write_chunk(self._arrays(chunk), provisional=provisional)
        with suppress(OSError):  # one that stays takes room until the take is finished, and nothing else
            self._touch_file(self.chunks - _KEPT).unlink()

    def _arrays(self, chunk: Chunk) -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = {
            "frame": chunk.frame.astype(np.int32),
            "time": self._footage.seconds[chunk.frame - self._footage.first_frame],
        }
        for name in chunk.meshes:
            if name not in self._writer.mesh_names:
                self._writer.add_mesh(self._mesh(name))
        for name in self._writer.mesh_names:
            frames = chunk.meshes.get(name) or MeshFrames.absent(self._mesh(name), len(chunk.frame))
            arrays |= frames.take_arrays(name)
            arrays[f"landmarks_{name}"] = self._in_source_pixels(arrays[f"landmarks_{name}"])
        return arrays

    def _in_source_pixels(self, points: np.ndarray) -> np.ndarray:
        """Landmarks (T, L, 2), zero where there are none, from square pixels to the source's own."""
        square = self._footage.width, self._footage.height
        if square == self._footage.source_size:
            return points
        scale = np.divide(self._footage.source_size, square)
        return np.where(points != 0, (points + 0.5) * scale - 0.5, 0).astype(points.dtype)

    def _touch_file(self, index: int) -> Path:
        return self._writer.work_folder / f"touches-{index:06d}.json"
