"""Contact on a mesh object: vertex groups, an attribute for shading, and keyed properties by region."""

from __future__ import annotations

import bpy
import numpy as np

from .animation import CurveWriter
from .motion import Motion

__all__ = ["CONTACT_ATTRIBUTE", "CONTACT_PROPERTY", "add_contact", "touched_regions"]

CONTACT_ATTRIBUTE = "contact"
CONTACT_PROPERTY = "contact"
# Contact below this is left out of groups, and a region that never exceeds it counts as untouched.
_FLOOR = 0.1


def touched_regions(motion: Motion) -> list[str]:
    """Names of the regions that are in contact in some frame."""
    peak = motion.contact[motion.present].max(axis=0)
    touched = np.unique(motion.mesh.region[peak >= _FLOOR])
    return [motion.mesh.region_names[index] for index in touched]


def add_contact(item: bpy.types.Object, motion: Motion, curves: CurveWriter, times: np.ndarray) -> None:
    """Everything about contact that an artist can use on the object.

    times : (T,) scene frames; `curves` writes the object's own animation.
    """
    peak = motion.contact[motion.present].max(axis=0)
    # The attribute comes first: Blender refuses an attribute with the name of an existing vertex group.
    attribute = item.data.attributes.new(CONTACT_ATTRIBUTE, "FLOAT", "POINT")
    attribute.data.foreach_set("value", peak.astype(np.float32))
    _add_group(item, "contact", np.where(peak >= _FLOOR, peak, 0))
    contact = np.where(motion.present[:, None], motion.contact, 0)
    _key_property(item, CONTACT_PROPERTY, contact.max(axis=1), curves, times)
    for name in touched_regions(motion):
        inside = motion.mesh.region_vertices(name)
        _add_group(item, f"contact.{name}", np.where(inside & (peak >= _FLOOR), peak, 0))
        _key_property(item, f"contact_{name.replace('.', '_')}", contact[:, inside].max(axis=1), curves, times)
    for index, name in enumerate(motion.mesh.region_names):
        _add_group(item, f"region.{name}", (motion.mesh.region == index).astype(np.float32))


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
    item.id_properties_ui(name).update(min=0.0, max=1.0, description="Contact in this frame, 0 to 1")
    curves.write(f'["{name}"]', 0, times, values, group="Contact")
