"""A take frame by frame: the bodies that are in each, without holding the whole take in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from dice_core.geometry.attachment import attached_deformation, attached_vertices
from dice_core.geometry.mesh import Mesh
from dice_core.take.reader import Take

__all__ = ["Body", "Frame", "FrameReader", "whole_body"]

_MEASURED = 1


@dataclass(frozen=True)
class Body:
    """One mesh in one frame, camera space, metres.

    vertices : (V, 3) undeformed; deformation : (V, 3) added to them; contact : (V,) in [0, 1].
    rotation : (J, 3) axis-angle and translation : (3,), or None where the engine has no rig.
    landmarks : (L, 2) pixels as detected, or None where nothing was.
    measured : seen in this frame, not interpolated.
    expression : (S,) weights of the shape keys, None for a body without any.
    """

    vertices: np.ndarray
    deformation: np.ndarray
    contact: np.ndarray
    rotation: np.ndarray | None
    translation: np.ndarray | None
    landmarks: np.ndarray | None
    measured: bool
    expression: np.ndarray | None = None

    @property
    def surface(self) -> np.ndarray:
        """(V, 3) deformed vertices."""
        return self.vertices + self.deformation


@dataclass(frozen=True)
class Frame:
    """The bodies that are in a frame, by mesh name; `index` counts the footage's frames."""

    index: int
    bodies: dict[str, Body]

    @property
    def hands(self) -> dict[str, Body]:
        """The bodies that are hands."""
        return {name: body for name, body in self.bodies.items() if name != "head"}


class FrameReader:
    """Reads frames of a take by their index in the footage; a chunk stays in memory until another is needed."""

    def __init__(self, take: Take) -> None:
        self.take = take
        self._chunks = take.info["chunks"]
        self._frames = take.frames  # rising
        self._starts = np.cumsum([0] + [chunk["frames"] for chunk in self._chunks])
        self._loaded: tuple[int, dict[str, np.ndarray]] = (-1, {})

    def __len__(self) -> int:
        return len(self._frames)

    def __contains__(self, index: int) -> bool:
        row = int(np.searchsorted(self._frames, index))
        return row < len(self._frames) and bool(self._frames[row] == index)

    def __iter__(self) -> Iterator[Frame]:
        for index in self._frames:
            yield self.read(int(index))

    def read(self, index: int) -> Frame:
        """The frame with an index in the footage. Raises KeyError where the take does not have it."""
        if index not in self:
            raise KeyError(index)
        row = int(np.searchsorted(self._frames, index))
        chunk = int(np.searchsorted(self._starts, row, side="right")) - 1
        if self._loaded[0] != chunk:
            self._loaded = (chunk, self.take.read_chunk(chunk))
        arrays, within = self._loaded[1], row - int(self._starts[chunk])
        names = [name for name in self.take.info["meshes"] if arrays[f"tracked_{name}"][within]]
        return Frame(index, {name: _body(arrays, name, within) for name in names})


def whole_body(mesh: Mesh, body: Body) -> Body:
    """A body with what is attached to it, as the mesh of `dice_core.geometry.attachment.joined` has it.

    mesh : the take's. Returns `body` itself where nothing is attached. Without a rig's motion, what is attached shrinks
    to a point.
    """
    if mesh.attached is None:
        return body
    count = len(mesh.attached.rest_vertices)
    vertices, deformation = np.tile(body.surface[:1], (count, 1)), np.zeros((count, 3), np.float32)
    if body.rotation is not None and body.translation is not None:
        expression = None if body.expression is None else body.expression[None]
        vertices = attached_vertices(mesh, body.rotation[None], body.translation[None], expression)[0]
        deformation = attached_deformation(mesh, body.deformation[None])[0]
    return replace(
        body,
        vertices=np.concatenate([body.vertices, vertices]),
        deformation=np.concatenate([body.deformation, deformation]),
        contact=np.concatenate([body.contact, np.zeros(count, body.contact.dtype)]),
    )


def _body(arrays: dict[str, np.ndarray], name: str, row: int) -> Body:
    def optional(key: str) -> np.ndarray | None:
        return arrays[key][row] if key in arrays else None

    landmarks = optional(f"landmarks_{name}")
    return Body(
        vertices=arrays[f"{name}.vertices"][row],
        deformation=arrays[f"{name}.deformation"][row],
        contact=arrays[f"{name}.contact"][row],
        rotation=optional(f"{name}.rotation"),
        translation=optional(f"{name}.translation"),
        expression=optional(f"{name}.expression"),
        landmarks=landmarks if landmarks is not None and landmarks.any() else None,
        measured=bool(arrays[f"tracked_{name}"][row] == _MEASURED),
    )
