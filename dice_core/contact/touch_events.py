"""Touches over time: which region of the head each hand touches, from which frame to which, and how deep."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dice_core.contact.sheet_compliance import vertex_areas
from dice_core.errors import ShapeError
from dice_core.geometry.mesh import Mesh
from dice_core.geometry.mesh import triangles as mesh_triangles

__all__ = ["Touch", "TouchLog"]

TOUCHING = 0.5
"""Contact from which a vertex touches, as in the published contact scores."""

SHARE_BEGINS, SHARE_STAYS = 0.25, 0.12
"""Share of a hand's contact area that a region needs for a touch to begin, and to go on once it has begun."""

BRIDGED_FRAMES = 2
"""Frames without contact inside a touch: about what a detector loses when fingers move fast."""

PART_OF = {
    "eyeball.L": "eye.L",
    "eyeball.R": "eye.R",
    "mouth_inner": "lips",
    "tongue": "lips",
}
"""Inner regions, named after the region that a user sees there."""


@dataclass(frozen=True)
class Touch:
    """One hand on one region of the head.

    mesh : "head"; region : of its regions; hand : "hand_left" or "hand_right"; first_frame, last_frame : inclusive;
    peak_depth_mm : deepest dent of the region while it was touched, millimetres.
    """

    mesh: str
    region: str
    hand: str
    first_frame: int
    last_frame: int
    peak_depth_mm: float


class TouchLog:
    """Collects touches frame by frame; what it keeps does not grow with the vertices or frames, only with the touches.

    head : mesh whose regions name the touches; stills : every frame is a picture of its own, so that a touch may last a
    single frame; in a video that is a blip of the tracking and dropped.
    """

    def __init__(self, head: Mesh, stills: bool = False) -> None:
        outer = [PART_OF.get(name, name) for name in head.region_names]
        self._names = list(dict.fromkeys(outer))
        self._region = np.array([self._names.index(name) for name in outer])[head.region]
        self._area = vertex_areas(head.rest_vertices, mesh_triangles(head))
        self._stills = stills
        self._open: dict[tuple[str, str], Touch] = {}
        self._closed: list[Touch] = []

    def add(self, frame: int, hand: str, contact: np.ndarray, deformation: np.ndarray) -> None:
        """Take in one hand's contact with the head in one frame; frames come in order.

        frame : number; hand : "hand_left" or "hand_right"; contact : (V,) of the head, 0 to 1, by this hand alone;
        deformation : (V, 3) of the head, metres.
        Raises ShapeError if a size does not fit.
        """
        count = len(self._region)
        if contact.shape != (count,) or deformation.shape != (count, 3):
            raise ShapeError(
                f"contact and deformation must have {count} rows, not {contact.shape}, {deformation.shape}."
            )
        touched = contact >= TOUCHING
        if not touched.any():
            return
        region = self._region[touched]
        area = np.bincount(region, self._area[touched], minlength=len(self._names))
        share = area / max(area.sum(), 1e-12)
        depth = np.zeros(len(self._names))
        np.maximum.at(depth, region, np.linalg.norm(deformation[touched], axis=1) * 1000)
        for index in np.flatnonzero(share > 0):
            key = (hand, self._names[index])
            known = self._open.get(key)
            if known is not None and self._is_over(known, frame):
                self._close(key)
                known = None
            needed = SHARE_BEGINS if known is None else SHARE_STAYS
            if share[index] < needed and share[index] < share.max():
                continue
            first, peak = (frame, 0.0) if known is None else (known.first_frame, known.peak_depth_mm)
            self._open[key] = Touch("head", key[1], hand, first, frame, max(peak, float(depth[index])))

    def touches(self) -> list[Touch]:
        """All touches up to the last frame that was taken in, by first frame."""
        every = self._closed + [touch for touch in self._open.values() if self._lasts(touch)]
        return sorted(every, key=lambda touch: (touch.first_frame, touch.hand, touch.region))

    def events(self) -> list[dict[str, str | int | float]]:
        """`touches` as the take stores them, depths rounded to a hundredth of a millimetre."""
        return [asdict(touch) | {"peak_depth_mm": round(touch.peak_depth_mm, 2)} for touch in self.touches()]

    def state(self) -> dict[str, list[dict[str, str | int | float]]]:
        """What `restore` needs to go on after an interruption; plain values that JSON holds exactly."""
        return {
            "open": [asdict(touch) for touch in self._open.values()],
            "closed": [asdict(touch) for touch in self._closed],
        }

    def restore(self, state: dict[str, list[dict[str, str | int | float]]]) -> None:
        """Go on from a `state`."""
        self._closed = [Touch(**touch) for touch in state["closed"]]  # type: ignore[arg-type]
        self._open = {(touch.hand, touch.region): touch for touch in (Touch(**t) for t in state["open"])}  # type: ignore[arg-type]

    def _is_over(self, touch: Touch, frame: int) -> bool:
        return frame - touch.last_frame > (1 if self._stills else 1 + BRIDGED_FRAMES)

    def _lasts(self, touch: Touch) -> bool:
        return self._stills or touch.last_frame > touch.first_frame

    def _close(self, key: tuple[str, str]) -> None:
        touch = self._open.pop(key)
        if self._lasts(touch):
            self._closed.append(touch)
