"""TouchEvent events: which region of the head each hand touches, from which frame to which, and how deep."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from dice_core.errors import ShapeError
from dice_core.geometry.mesh import Mesh, vertex_areas
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.touch_event import TouchEvent

__all__ = ["TOUCHING", "TouchEventRecorder"]

TOUCHING = 0.5
"""Contact probability from which a vertex counts as touching, as in DICE's published contact scores."""

SHARE_BEGINS, SHARE_STAYS = 0.25, 0.12
"""Share of a hand's contact area that a region needs for a touch to begin, and for it to continue. Set by hand on the
rendered sample."""

BRIDGED_SECONDS = 0.15
"""Longest time without contact within one touch: about what a detector loses when fingers move fast, or when a touch is
as likely as not. Set by hand on the rendered sample."""

DEFAULT_FPS = 24.0
"""Frames a second where nothing else is said."""

OUTER_REGION = {
    "eyeball.L": "eye.L",
    "eyeball.R": "eye.R",
    "mouth_inner": "lips",
    "tongue": "lips",
}
"""For each inner region, the region that a user sees there."""


class TouchEventRecorder:
    """Collects touch events frame by frame; its memory grows with the number of touches, not with that of frames.

    head : mesh whose regions name the touches; fps : frames a second; stills : every frame is a picture of its own, so
    that a touch may last a single frame. In a video that is an error of the tracking, and is dropped.
    """

    def __init__(self, head: Mesh, fps: float = DEFAULT_FPS, *, stills: bool = False) -> None:
        outer = [OUTER_REGION.get(name, name) for name in head.region_names]
        self._names = list(dict.fromkeys(outer))
        self._region = np.array([self._names.index(name) for name in outer])[head.region]
        self._area = vertex_areas(head.rest_vertices, mesh_triangles(head))
        self._stills = stills
        self._bridged = 0 if stills else round(BRIDGED_SECONDS * fps)
        self._open: dict[tuple[str, str], TouchEvent] = {}
        self._closed: list[TouchEvent] = []

    def add(self, frame: int, hand: str, contact: np.ndarray, deformation: np.ndarray) -> None:
        """Add one hand's contact with the head in one frame; frames come in order.

        frame : number; hand : "hand_left" or "hand_right"; contact : (V,) of the head, 0 to 1, by this hand alone;
        deformation : (V, 3) of the head, metres.
        Raises ShapeError if a size does not fit.
        """
        count = len(self._region)
        if contact.shape != (count,) or deformation.shape != (count, 3):
            raise ShapeError(
                f"contact and deformation must have {count} rows, not {contact.shape}, {deformation.shape}."
            )
        is_touching = contact >= TOUCHING
        if not is_touching.any():
            return
        region = self._region[is_touching]
        area = np.bincount(region, self._area[is_touching], minlength=len(self._names))
        share = area / max(area.sum(), 1e-12)
        depth = np.zeros(len(self._names))
        np.maximum.at(depth, region, np.linalg.norm(deformation[is_touching], axis=1) * 1000)
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
            self._open[key] = TouchEvent("head", key[1], hand, first, frame, max(peak, float(depth[index])))

    def touch_events(self) -> list[TouchEvent]:
        """All events up to the last frame that was added, by first frame."""
        every = self._closed + [event for event in self._open.values() if self._lasts(event)]
        return sorted(every, key=lambda event: (event.first_frame, event.hand, event.region))

    def as_dicts(self) -> list[dict[str, str | int | float]]:
        """`touch_events` as the take stores them, depths rounded to a hundredth of a millimetre."""
        return [asdict(event) | {"peak_depth_mm": round(event.peak_depth_mm, 2)} for event in self.touch_events()]

    def state(self) -> dict[str, list[dict[str, str | int | float]]]:
        """What `restore` needs to continue after an interruption: plain values that JSON stores exactly."""
        return {
            "open": [asdict(event) for event in self._open.values()],
            "closed": [asdict(event) for event in self._closed],
        }

    def restore(self, state: dict[str, list[dict[str, str | int | float]]]) -> None:
        """Continue from a `state`."""
        self._closed = [TouchEvent(**event) for event in state["closed"]]  # type: ignore[arg-type]
        self._open = {(event.hand, event.region): event for event in (TouchEvent(**t) for t in state["open"])}  # type: ignore[arg-type]

    def _is_over(self, event: TouchEvent, frame: int) -> bool:
        return frame - event.last_frame > 1 + self._bridged

    def _lasts(self, event: TouchEvent) -> bool:
        return self._stills or event.last_frame > event.first_frame

    def _close(self, key: tuple[str, str]) -> None:
        event = self._open.pop(key)
        if self._lasts(event):
            self._closed.append(event)
