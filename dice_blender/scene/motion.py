"""What a take says about one mesh, in Blender's axes and without holes.

What has a few numbers a frame is held for the whole take. Surfaces are read from the disk chunk by chunk, as often as
they are needed, so that a take of any length needs the memory of a chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from dice_core.geometry.attachment import attached_deformation, attached_vertices, joined
from dice_core.geometry.mesh import Mesh
from dice_core.take import Take

from .axes import to_blender
from .contact_history import ContactHistory, read_contact

__all__ = ["OBJECT_NAMES", "Block", "Motion", "read_motion", "to_blender_mesh"]

OBJECT_NAMES = {"head": "Head", "hand_left": "Hand.L", "hand_right": "Hand.R"}

Part = Literal["vertices", "deformation"]
Block = tuple[slice, np.ndarray]
"""Rows of a take's frames, and (n, V, 3) float32 of them, metres, Blender world axes; not to be written to."""


@dataclass(frozen=True)
class Motion:
    """One mesh over T frames. In frames where it is absent, the nearest earlier frame (or the first one) is repeated.

    mesh : rest pose, joints and shape keys in Blender's axes.
    frames : (T,) int, numbers of the frames in the footage; present : (T,) bool.
    What is attached to the body (teeth, lashes, ...) is part of the mesh and of its surfaces, after the take's own
    vertices.
    contact : over the whole take.
    rotation : (T, J, 3) axis-angle, translation : (T, 3), expression : (T, S), or None where the take has none;
    reliability : (T,) likewise, -1 where it is not judged.
    layout : the packaged skin that the mesh's UVs are laid out for, "" for none.
    """

    mesh: Mesh
    frames: np.ndarray
    present: np.ndarray
    contact: ContactHistory
    rotation: np.ndarray | None
    translation: np.ndarray | None
    expression: np.ndarray | None
    reliability: np.ndarray | None
    layout: str
    _take: Take = field(repr=False)

    @property
    def object_name(self) -> str:
        """What the mesh is called in the outliner."""
        return OBJECT_NAMES[self.mesh.name]

    def undeformed(self) -> Iterator[Block]:
        """The surface without what contact has done to it, some frames at a time. Raises as `Take.chunks`."""
        for rows, parts in self._blocks("vertices"):
            yield rows, parts[0]

    def deformation(self) -> Iterator[Block]:
        """What contact adds to the surface, some frames at a time. Raises as `Take.chunks`."""
        for rows, parts in self._blocks("deformation"):
            yield rows, parts[0]

    def both(self) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """The undeformed surface and the deformation, some frames at a time. Raises as `Take.chunks`."""
        for rows, (vertices, deformation) in self._blocks("vertices", "deformation"):
            yield rows, vertices, deformation

    def surfaces(self) -> Iterator[Block]:
        """The surface as it was captured, deformation included, some frames at a time. Raises as `Take.chunks`."""
        for rows, vertices, deformation in self.both():
            yield rows, vertices + deformation

    def _blocks(self, *parts: Part) -> Iterator[tuple[slice, tuple[np.ndarray, ...]]]:
        source = _nearest_present(self.present)
        held: tuple[np.ndarray, ...] = ()  # (1, V, 3) each: the latest frame so far
        stop = 0
        for number, entry in enumerate(self._take.info["chunks"]):
            rows = slice(stop, stop + entry["frames"])
            stop = rows.stop
            present = self.present[rows]
            if not present.any():
                held = held or self._first(parts)
                yield rows, tuple(np.broadcast_to(value, (len(present), *value.shape[1:])) for value in held)
                continue
            values = self._read(number, parts)
            if not present.all():
                within = source[rows] - rows.start
                values = tuple(value[np.maximum(within, 0)] for value in values)
                for value, earlier in zip(values, held, strict=False):  # none: the first frame of all is in this chunk
                    value[within < 0] = earlier
            held = tuple(value[-1:].copy() for value in values)  # copies, since a view would keep the whole chunk
            yield rows, values

    def _first(self, parts: tuple[Part, ...]) -> tuple[np.ndarray, ...]:
        """(1, V, 3) each: the first frame that is present."""
        row = int(np.flatnonzero(self.present)[0])
        ends = np.cumsum([chunk["frames"] for chunk in self._take.info["chunks"]])
        number = int(np.searchsorted(ends, row, side="right"))
        within = row - int(ends[number]) + self._take.info["chunks"][number]["frames"]
        return tuple(value[within : within + 1].copy() for value in self._read(number, parts))

    def _read(self, number: int, parts: tuple[Part, ...]) -> tuple[np.ndarray, ...]:
        name, body = self.mesh.name, self._take.meshes[self.mesh.name]
        keys = [f"{name}.{part}" for part in parts]
        own = len(body.rest_vertices)
        if len(self.mesh.rest_vertices) == own:
            arrays = self._take.read_chunk(number, keys)
            return tuple(to_blender(arrays[key]) for key in keys)
        moving = [f"{name}.{part}" for part in ("rotation", "translation", "expression")]
        arrays = self._take.read_chunk(number, [*keys, *(key for key in moving if self._take.has(key))])
        whole = []
        for part, key in zip(parts, keys, strict=True):
            if part == "vertices":
                added = attached_vertices(body, *(arrays.get(key) for key in moving))
            else:
                added = attached_deformation(body, arrays[key])
            whole.append(to_blender(np.concatenate([arrays[key], added], axis=1)))
        return tuple(whole)


def read_motion(take: Take, name: str) -> Motion | None:
    """The motion of a take's mesh, or None where no frame shows it.

    name : a key of `take.meshes`.
    """
    present = take.array(f"tracked_{name}") > 0
    if not present.any():
        return None
    source = _nearest_present(present)

    def read(key: str) -> np.ndarray | None:
        values = take.array(f"{name}.{key}") if take.has(f"{name}.{key}") else None
        if values is None:
            return None
        return np.asarray(values if present.all() else values[source], np.float32)

    rotation, translation, expression = read("rotation"), read("translation"), read("expression")
    mesh, contact = take.meshes[name], read_contact(take, name)
    layout = "" if mesh.attached is None else mesh.attached.layout
    if mesh.attached is not None and rotation is not None and translation is not None:
        contact = contact.extended(len(mesh.attached.rest_vertices))
        mesh = joined(mesh)
    return Motion(
        mesh=to_blender_mesh(mesh),
        frames=take.frames,
        present=present,
        contact=contact,
        rotation=None if rotation is None else to_blender(rotation),
        translation=None if translation is None else to_blender(translation),
        expression=expression,
        reliability=take.array(f"reliability_{name}") if take.has(f"reliability_{name}") else None,
        layout=layout,
        _take=take,
    )


def _nearest_present(present: np.ndarray) -> np.ndarray:
    """For each frame the latest frame up to it that is present, or the first one that is. (T,) bool -> (T,) int."""
    indices = np.where(present, np.arange(len(present)), -1)
    latest = np.maximum.accumulate(indices)
    return np.where(latest < 0, np.flatnonzero(present)[0], latest)


def to_blender_mesh(mesh: Mesh) -> Mesh:
    """A body with its rest pose, joints and shape keys in Blender's axes."""
    return replace(
        mesh,
        rest_vertices=to_blender(mesh.rest_vertices),
        joints=to_blender(mesh.joints),
        shape_key_deltas=to_blender(mesh.shape_key_deltas),
    )
