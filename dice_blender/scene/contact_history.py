"""Contact of one mesh over a whole take, gathered chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dice_core.take import Take

__all__ = ["LEAST_CONTACT", "ContactHistory", "read_contact"]

LEAST_CONTACT = 0.1
"""Contact below this is left out of groups, and a region that never exceeds it counts as untouched. Set by hand."""


@dataclass(frozen=True)
class ContactHistory:
    """What an artist can use of the contact of V vertices in T frames; in frames without the mesh there is none.

    peak : (V,) the largest of each vertex, 0 to 1; first, last : (V,) int, numbers of the first and the last frame in
    the footage with at least `LEAST_CONTACT`, -1 without one; by_region : (T, R) float32, the largest of any vertex of
    each of the mesh's regions.
    """

    peak: np.ndarray
    first: np.ndarray
    last: np.ndarray
    by_region: np.ndarray

    def extended(self, count: int) -> ContactHistory:
        """The same with `count` vertices more, which are never in contact."""
        return replace(
            self,
            peak=np.pad(self.peak, (0, count)),
            first=np.pad(self.first, (0, count), constant_values=-1),
            last=np.pad(self.last, (0, count), constant_values=-1),
        )

    @property
    def largest(self) -> np.ndarray:
        """(T,) the largest of any vertex."""
        return self.by_region.max(axis=1)


def read_contact(take: Take, name: str) -> ContactHistory:
    """Read the contact of a mesh. Raises InputError where a chunk is damaged."""
    mesh = take.meshes[name]
    # Vertices in the order of their regions, so that each region's are neighbours.
    order = np.argsort(mesh.region, kind="stable")
    regions, starts = np.unique(mesh.region[order], return_index=True)
    peak = np.zeros(len(mesh.region), np.float32)
    first, last = np.full((2, len(mesh.region)), -1)
    by_region = np.zeros((len(take.frames), len(mesh.region_names)), np.float32)
    stop = 0
    for chunk in take.chunks(["frame", f"tracked_{name}", f"{name}.contact"]):
        frames, contact = chunk["frame"], chunk[f"{name}.contact"]
        contact[chunk[f"tracked_{name}"] == 0] = 0
        start, stop = stop, stop + len(frames)
        if not contact.any():
            continue
        np.maximum(peak, contact.max(axis=0), out=peak)
        by_region[start:stop, regions] = np.maximum.reduceat(contact[:, order], starts, axis=1)
        touching = contact >= LEAST_CONTACT
        ever = touching.any(axis=0)
        first = np.where(ever & (first < 0), frames[touching.argmax(axis=0)], first)
        last = np.where(ever, frames[len(frames) - 1 - touching[::-1].argmax(axis=0)], last)
    return ContactHistory(peak, first, last, by_region)
