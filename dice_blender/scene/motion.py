"""What a take says about one mesh, in Blender's axes and without holes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dice_core.geometry.attachment import attached_motion, joined
from dice_core.geometry.mesh import Mesh
from dice_core.take import Take

from .axes import to_blender

__all__ = ["OBJECT_NAMES", "Motion", "read_motion", "to_blender_mesh"]

OBJECT_NAMES = {"head": "Head", "hand_left": "Hand.L", "hand_right": "Hand.R"}


@dataclass(frozen=True)
class Motion:
    """One mesh over T frames. In frames where it is absent, the nearest earlier frame (or the first one) is repeated.

    mesh : rest pose, joints and shape keys in Blender's axes.
    frames : (T,) int, numbers of the frames in the footage; present : (T,) bool.
    undeformed, deformation : (T, V, 3) float32, metres, Blender world axes; contact : (T, V) float32 in [0, 1].
    What is attached to the body (teeth, lashes, ...) is part of the mesh, after the take's own vertices.
    rotation : (T, J, 3) axis-angle, translation : (T, 3), expression : (T, S), or None where the take has none.
    layout : the packaged skin that the mesh's UVs are laid out for, "" for none.
    """

    mesh: Mesh
    frames: np.ndarray
    present: np.ndarray
    undeformed: np.ndarray
    deformation: np.ndarray
    contact: np.ndarray
    rotation: np.ndarray | None
    translation: np.ndarray | None
    expression: np.ndarray | None
    layout: str = ""

    @property
    def vertices(self) -> np.ndarray:
        """(T, V, 3) float32: the surface as it was captured, deformation included."""
        return self.undeformed + self.deformation

    @property
    def object_name(self) -> str:
        """What the mesh is called in the outliner."""
        return OBJECT_NAMES[self.mesh.name]


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
        return None if values is None else np.asarray(values, np.float32)[source]

    vertices = read("vertices")
    assert vertices is not None
    deformation, contact = read("deformation"), read("contact")
    rotation, translation, expression = read("rotation"), read("translation"), read("expression")
    deformation = np.zeros_like(vertices) if deformation is None else deformation
    contact = np.zeros(vertices.shape[:2], np.float32) if contact is None else contact
    mesh = take.meshes[name]
    layout = "" if mesh.attached is None else mesh.attached.layout
    if mesh.attached is not None and rotation is not None and translation is not None:
        part = attached_motion(mesh, rotation, translation, expression, deformation)
        vertices = np.concatenate([vertices, part.vertices], axis=1)
        deformation = np.concatenate([deformation, part.deformation], axis=1)
        contact = np.pad(contact, ((0, 0), (0, part.vertices.shape[1])))
        mesh = joined(mesh)
    return Motion(
        mesh=to_blender_mesh(mesh),
        frames=take.frames,
        present=present,
        undeformed=to_blender(vertices),
        deformation=to_blender(deformation),
        contact=contact,
        rotation=None if rotation is None else to_blender(rotation),
        translation=None if translation is None else to_blender(translation),
        expression=expression,
        layout=layout,
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
