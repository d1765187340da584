"""What the DICE tab remembers in each scene: the footage, the settings, and the takes in this file."""

# ruff: noqa: N801 (Blender's names and class attributes)

from __future__ import annotations

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)
from bpy.types import PropertyGroup

from .jobs import footage

__all__ = ["ENGINES", "KEYS", "PRESETS", "register", "unregister"]

SOURCES = (
    ("FILE", "File", "A photo or a movie from disk"),
    ("SEQUENCE", "Sequence", "The images of a folder, one a frame, in the order of their numbers"),
    ("CLIP", "Clip", "A movie clip that is open in this file"),
)
HANDS = (
    ("auto", "Auto", "Find out which hands are in the picture"),
    ("left", "Left", "Only the subject's own left hand"),
    ("right", "Right", "Only the subject's own right hand"),
    ("both", "Both", "Both hands"),
)
ENGINES = (
    ("open", "Built-In", "Ships with the extension, needs nothing else, free for commercial work"),
    ("dice", "DICE Network", "The published network; needs licensed files and a Python with PyTorch, see preferences"),
)
KEYS = (
    ("per-frame", "Per Frame", "One shape key a captured frame: exact, for editing, stills and short shots"),
    ("compact", "Compact", "A few shape keys with animated weights: within 0.2 mm, for long shots"),
    ("rigged", "Rigged", "Expression keys, contact keys and hand armatures: for game engines and retargeting"),
)
PRESETS = (
    ("unity", "Unity", "Axes, scale and smoothing as Unity reads them"),
    ("unreal", "Unreal", "Axes, scale and a single root bone as Unreal Engine reads them"),
    ("generic", "Generic", "Blender's own axes and scale"),
)


def _footage_changed(settings: DICE_PG_settings, _context: bpy.types.Context) -> None:
    footage.refresh(settings)


class DICE_PG_touch(PropertyGroup):
    """A touch: a hand on a region of the head, over frames of the footage, both ends included."""

    region: StringProperty()
    hand: StringProperty()
    mesh: StringProperty()
    first_frame: IntProperty()
    last_frame: IntProperty()
    first_scene_frame: IntProperty()
    last_scene_frame: IntProperty()
    peak_depth_mm: FloatProperty()


class DICE_PG_take(PropertyGroup):
    """A take that belongs to this scene, whether or not it is imported at the moment."""

    path: StringProperty(subtype="DIR_PATH")
    collection: PointerProperty(type=bpy.types.Collection)
    keys: StringProperty()
    frames: IntProperty()
    fps: FloatProperty()
    scene_start: IntProperty(default=1)
    complete: BoolProperty()
    tracked_head: FloatProperty(default=-1.0)
    tracked_hand_left: FloatProperty(default=-1.0)
    tracked_hand_right: FloatProperty(default=-1.0)
    touches: CollectionProperty(type=DICE_PG_touch)
    active_touch: IntProperty(name="Touch", description="The selected touch")


class DICE_PG_settings(PropertyGroup):
    """The settings of the DICE tab."""

    source: EnumProperty(
        name="Source", description="Where the footage comes from", items=SOURCES, update=_footage_changed
    )
    filepath: StringProperty(
        name="Footage",
        description="The photo, movie, or one image of the sequence. One person, one camera, one shot",
        subtype="FILE_PATH",
        update=_footage_changed,
    )
    clip: PointerProperty(
        name="Movie Clip",
        description="The movie clip to capture",
        type=bpy.types.MovieClip,
        update=_footage_changed,
    )
    use_range: BoolProperty(name="Frame Range", description="Capture a part of the footage instead of all of it")
    frame_start: IntProperty(name="Start", description="First frame to capture, counted from 1", default=1, min=1)
    frame_end: IntProperty(name="End", description="Last frame to capture, counted from 1", default=250, min=1)
    use_fov: BoolProperty(
        name="Lens Angle",
        description="Give the camera's angle of view where it is known, instead of an ordinary lens",
    )
    fov: FloatProperty(
        name="Angle",
        description="Angle of view along the longer side of the picture",
        default=0.96,
        min=0.09,
        max=2.6,
        subtype="ANGLE",
    )
    hands: EnumProperty(name="Hands", description="Which of the subject's hands to capture", items=HANDS)
    engine: EnumProperty(name="Engine", description="What recovers the head, the hands and the contact", items=ENGINES)
    refine_contact: BoolProperty(
        name="Refine Contact",
        description="Have the network's contact and deformation refined, so that hand and head do not intersect",
        default=True,
    )
    import_result: BoolProperty(
        name="Import When Done",
        description="Bring the take into this scene as soon as it is captured",
        default=True,
    )
    keys: EnumProperty(name="Keys", description="How the animation is keyed when a take is imported", items=KEYS)
    preset: EnumProperty(name="For", description="Which program the export is for", items=PRESETS)
    takes: CollectionProperty(type=DICE_PG_take)
    active_take: IntProperty(name="Take", description="The take shown below")

    # What is known of the footage, shown under its path; written by `footage.refresh`.
    footage_width: IntProperty()
    footage_height: IntProperty()
    footage_fps: FloatProperty()
    footage_frames: IntProperty()


_CLASSES = (DICE_PG_touch, DICE_PG_take, DICE_PG_settings)


def register() -> None:
    """Every scene gets its settings."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.dice = PointerProperty(type=DICE_PG_settings)


def unregister() -> None:
    """Scenes lose their settings from sight; a saved file keeps them."""
    del bpy.types.Scene.dice
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
