"""When an imported take plays, what of it, and how it looks: numbers and switches of the panel, kept by the import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy
import numpy as np
from bpy.props import BoolProperty, FloatProperty, IntProperty

from dice_core.errors import DiceError
from dice_core.take import open_take

from .saved_paths import take_folder
from .scene.dents import needs_take, set_dent_strength
from .scene.markers import Touch
from .scene.materials import SHOW_CONTACT
from .scene.parts import CAMERA, MESH_PROPERTY, ORIGIN, parts_in, read_timing
from .scene.retiming import retime
from .scene.scene_settings import SceneSettings, scene_fps
from .scene.timing import LAST_FRAME, Timing

__all__ = ["PlayedTake"]

# Of the footage's speed, set by hand: beyond, keys of one frame lie within a frame, or minutes apart.
_SLOWEST, _FASTEST = 0.02, 50.0


def _timing_of(entry: Any) -> Timing | None:
    collection = entry.collection
    return None if collection is None or not collection.users else read_timing(collection)


def _getter(read: Callable[[Any, Timing], Any], otherwise: Any) -> Callable[[Any], Any]:
    def get(entry: Any) -> Any:
        timing = _timing_of(entry)
        return otherwise if timing is None else read(entry, timing)

    return get


def _setter(change: Callable[[Any, Timing, Any], Timing]) -> Callable[[Any, Any], None]:
    def put(entry: Any, value: Any) -> None:
        before = _timing_of(entry)
        if before is None:
            return
        after = change(entry, before, value)
        if (after.start, after.step, after.played) != (before.start, before.step, before.played):
            retime(entry.id_data, entry.collection, after, entry.marked_touches())
            entry.place_touches()

    return put


def _speed(entry: Any, timing: Timing) -> float:
    return scene_fps(entry.id_data) / (entry.fps * timing.step) if entry.fps > 0 else 1.0


def _at_speed(entry: Any, timing: Timing, speed: float) -> Timing:
    if entry.fps <= 0:
        return timing
    step = scene_fps(entry.id_data) / (entry.fps * speed)
    # One to one stays exactly that.
    return timing.moved(step=1.0 if abs(step - 1.0) < 1e-4 else step)


def _trimmed(timing: Timing, first: int, last: int) -> Timing:
    """first, last : frames of the take, counted from 1."""
    most = len(timing.frames) - 1
    begin = min(max(first - 1, 0), most)
    return timing.moved(trim=(begin, min(max(last - 1, begin), most)))


def _trim_first(_entry: Any, timing: Timing) -> int:
    return timing.played[0] + 1


def _trim_last(_entry: Any, timing: Timing) -> int:
    return timing.played[1] + 1


def _with_first(_entry: Any, timing: Timing, value: int) -> Timing:
    return _trimmed(timing, value, timing.played[1] + 1)


def _with_last(_entry: Any, timing: Timing, value: int) -> Timing:
    return _trimmed(timing, timing.played[0] + 1, value)


def _start(_entry: Any, timing: Timing) -> int:
    return round(timing.start)


def _with_start(_entry: Any, timing: Timing, value: int) -> Timing:
    return timing.moved(start=float(value))


def _items(entry: Any) -> list[bpy.types.Object]:
    there = entry.collection is not None and entry.collection.users > 0
    return [item for item in parts_in(entry.collection).values() if item.get(MESH_PROPERTY)] if there else []


def _contact_shown(entry: Any) -> bool:
    return any(float(item.get(SHOW_CONTACT, 0.0)) > 0 for item in _items(entry))


def _show_contact(entry: Any, shown: bool) -> None:
    for item in _items(entry):
        item[SHOW_CONTACT] = float(shown)
        item.update_tag()


def _make_visible(entry: Any, context: bpy.types.Context) -> None:
    """Contact is in the material, which a solid view does not show."""
    space: Any = context.space_data
    if _contact_shown(entry) and isinstance(space, bpy.types.SpaceView3D) and space.shading.type != "RENDERED":
        space.shading.type = "MATERIAL"


class PlayedTake:
    """The part of a take's entry that an import keeps. It needs `collection`, `touches`, `unsure` and `fps` beside it.

    What reads and writes the properties are functions of this module: Blender evaluates annotations so that a lambda
    within one would not find them.
    """

    start: IntProperty(
        name="Start",
        description="Scene frame of the take's first frame. Keys, markers and the footage behind the camera move along",
        min=-LAST_FRAME,
        max=LAST_FRAME,
        get=_getter(_start, 1),
        set=_setter(_with_start),
    )
    speed: FloatProperty(
        name="Speed",
        description="1 plays at the footage's own speed, 0.5 in slow motion, 2 twice as fast",
        min=_SLOWEST,
        max=_FASTEST,
        soft_min=0.1,
        soft_max=4.0,
        precision=3,
        get=_getter(_speed, 1.0),
        set=_setter(_at_speed),
    )
    trim_first: IntProperty(
        name="Trim Start",
        description="First frame of the take that is played, counted from 1. What is before it is kept",
        min=1,
        get=_getter(_trim_first, 1),
        set=_setter(_with_first),
    )
    trim_last: IntProperty(
        name="End",
        description="Last frame of the take that is played, counted from 1. What is after it is kept",
        min=1,
        get=_getter(_trim_last, 1),
        set=_setter(_with_last),
    )
    show_contact: BoolProperty(
        name="Show Contact",
        description="Colour the skin red where and while it is touched, in views that show materials",
        get=_contact_shown,
        set=_show_contact,
        update=_make_visible,
    )

    def marked_touches(self: Any) -> list[Touch]:
        """The touches, as markers need them."""
        return [Touch(t.region, t.hand, t.first_frame, t.last_frame) for t in self.touches]

    def place_touches(self: Any) -> None:
        """Note the scene frames of the touches and of the stretches that are unsure."""
        timing = _timing_of(self)
        for span in (*self.touches, *self.unsure):
            if timing is None:
                span.first_scene_frame, span.last_scene_frame = span.first_frame, span.last_frame
                continue
            first, last = timing.scene_frames(np.array([span.first_frame, span.last_frame])).tolist()
            span.first_scene_frame, span.last_scene_frame = round(first), round(last)

    def change_dents(self: Any) -> None:
        """Make the dents as deep as the panel says, and note in the panel why that is not possible."""
        collection = self.collection
        self.dents_problem = ""
        if collection is None or not collection.users:
            return
        try:
            take = None
            if self.dents != 1.0 and needs_take(collection):
                take = open_take(take_folder(self.path, self.id_data))
            set_dent_strength(collection, self.dents, take)
        except DiceError as error:
            self.dents_problem = str(error)

    def wanted_settings(self: Any) -> SceneSettings | None:
        """What the take needs from its scene; None where it is not imported."""
        timing = _timing_of(self)
        if timing is None or not self.width:
            return None
        parts = parts_in(self.collection)
        scale = parts[ORIGIN].scale[0] if ORIGIN in parts else 1.0
        first, last = timing.scene_range
        return SceneSettings(
            self.width, self.height, tuple(self.aspect), self.fps, first, last, timing.step, float(scale) or 1.0
        )

    def camera_object(self: Any) -> bpy.types.Object | None:
        """The DICE Camera of the import."""
        there = self.collection is not None and self.collection.users > 0
        return parts_in(self.collection).get(CAMERA) if there else None
