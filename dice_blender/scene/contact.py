"""Contact on a mesh object: vertex groups, an attribute for shading, and keyed properties by region."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from dice_core.geometry.mesh import Mesh

from .animation import CurveWriter
from .contact_history import LEAST_CONTACT, ContactHistory
from .motion import Motion
from .object_data import describe_property, mesh_of

__all__ = ["CONTACT", "CONTACT_REACH", "CONTACT_TIME", "FRAME_PROPERTY", "add_contact", "touched_regions"]

CONTACT = "contact"
"""Attribute: largest contact of each vertex over the take. Object property: largest contact of any vertex now."""
CONTACT_TIME, CONTACT_REACH = "contact_time", "contact_reach"
"""Attributes: footage frame in the middle of a vertex's contact, and half of how many frames that lasts.

Vertices around have those of their neighbours, so that what shading interpolates between the two is a time of contact.
"""
FRAME_PROPERTY = "footage_frame"
"""Object property: number of the footage's frame that is shown now."""
# Frames of the footage a scene frame, less than rounding makes of the same over the longest takes.
_SAME_SLOPE = 1e-9
# Rings of vertices around a contact that get its time: one for the edge, one for faint contact beyond it.
_RINGS = 2


def touched_regions(motion: Motion) -> list[str]:
    """Names of the regions that are in contact in some frame."""
    touched = np.unique(motion.mesh.region[motion.contact.peak >= LEAST_CONTACT])
    return [motion.mesh.region_names[index] for index in touched]


def add_contact(item: bpy.types.Object, motion: Motion, curves: CurveWriter, times: np.ndarray) -> None:
    """Everything about contact that an artist can use on the object.

    times : (T,) scene frames that show the motion's frames; `curves` writes the object's own animation.
    """
    frames = motion.frames
    contact, peak = motion.contact, motion.contact.peak
    middle, reach = _contact_span(contact, motion.mesh)
    # Attributes come first: Blender refuses an attribute with the name of an existing vertex group.
    for name, values in ((CONTACT, peak), (CONTACT_TIME, middle), (CONTACT_REACH, reach)):
        attribute: Any = mesh_of(item).attributes.new(name, "FLOAT", "POINT")
        attribute.data.foreach_set("value", values.astype(np.float32))
    _add_group(item, "contact", np.where(peak >= LEAST_CONTACT, peak, 0))
    item[FRAME_PROPERTY] = float(frames[0])
    told = _bends(times, frames)
    curves.write(f'["{FRAME_PROPERTY}"]', 0, times[told], frames[told], group="Contact")
    _key_property(item, CONTACT, contact.largest, curves, times)
    for name in touched_regions(motion):
        inside = motion.mesh.region_vertices(name)
        _add_group(item, f"contact.{name}", np.where(inside & (peak >= LEAST_CONTACT), peak, 0))
        values = contact.by_region[:, motion.mesh.region_names.index(name)]
        _key_property(item, f"contact_{name.replace('.', '_')}", values, curves, times)
    for index, name in enumerate(motion.mesh.region_names):
        _add_group(item, f"region.{name}", (motion.mesh.region == index).astype(np.float32))


def _bends(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(n,) bool: the ends of a curve, and where its slope changes. times, values : (n,)."""
    slopes = np.diff(values) / np.diff(times)
    bends = np.ones(len(times), bool)
    bends[1:-1] = np.abs(np.diff(slopes)) > _SAME_SLOPE
    return bends


def _contact_span(contact: ContactHistory, mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Middle of each vertex's contact and half of its length, (V,) footage frames each; -1 and 0 far from contact."""
    ever = contact.first >= 0
    spans = np.stack([(contact.first + contact.last) / 2, (contact.last - contact.first + 1) / 2], axis=1)
    middle, reach = _spread(np.where(ever[:, None], spans, [-1.0, 0.0]), ever, mesh).T
    return middle, reach


def _spread(values: np.ndarray, known: np.ndarray, mesh: Mesh) -> np.ndarray:
    """(V, n) values, with the mean of the neighbours' in vertices beside those that are `known`, ring by ring."""
    ends = np.cumsum(mesh.face_sizes)
    following = np.arange(1, len(mesh.face_corners) + 1)
    following[ends - 1] = ends - mesh.face_sizes
    one, other = mesh.face_corners, mesh.face_corners[following]
    starts, targets = np.concatenate([one, other]), np.concatenate([other, one])
    for _ in range(_RINGS):
        across = known[starts] & ~known[targets]
        sums, counts = np.zeros(values.shape), np.bincount(targets[across], minlength=len(known))
        np.add.at(sums, targets[across], values[starts[across]])
        ring = counts > 0
        values = np.where(ring[:, None], sums / np.maximum(counts, 1)[:, None], values)
        known = known | ring
    return values


def _add_group(item: bpy.types.Object, name: str, weights: np.ndarray) -> None:
    """A vertex group with weights (V,); contact is stored in steps of 1/255, so that few distinct weights occur."""
    group = item.vertex_groups.new(name=name)
    steps = np.round(weights * 255).astype(int)
    for step in np.unique(steps[steps > 0]):
        group.add(np.flatnonzero(steps == step).tolist(), step / 255, "REPLACE")


def _key_property(
    item: bpy.types.Object, name: str, values: np.ndarray, curves: CurveWriter, times: np.ndarray
) -> None:
    item[name] = float(values[0])
    describe_property(item, name, "Contact in this frame, 0 to 1")
    curves.write(f'["{name}"]', 0, times, values, group="Contact")
