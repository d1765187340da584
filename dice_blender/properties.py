"""What the DICE tab remembers in each scene: the footage, the settings, and the takes in this file."""

# ruff: noqa: N801 (Blender's names and class attributes)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import bpy
from bpy.app.handlers import persistent
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)
from bpy.types import PropertyGroup

from . import footage, installed_heads
from .export import PRESETS
from .footage import FootageSettings
from .played_take import PlayedTake
from .scene import KEY_MODES
from .scene.dents import MOST

__all__ = ["KEY_ITEMS", "PRESET_ITEMS", "DICE_PG_settings", "DICE_PG_take", "register", "settings_of", "unregister"]


class _Entry(Protocol):
    """An entry of a registry that the panel shows."""

    @property
    def label(self) -> str: ...

    @property
    def description(self) -> str: ...


def _items(registry: Mapping[str, _Entry]) -> tuple[tuple[str, str, str], ...]:
    """A registry as Blender wants the choices of a property: name, label, description."""
    return tuple((name, entry.label, entry.description) for name, entry in registry.items())


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
HEADS = (
    ("open", "Built-In", "Ships with the extension, free for commercial work"),
    ("ict", "ICT-FaceKit", "The head that you have added with 100 identity modes and teeth, free for commercial work"),
)
KEY_ITEMS = _items(KEY_MODES)
PRESET_ITEMS = _items(PRESETS)


class DICE_PG_note(PropertyGroup):
    """A sentence about a take that stays in the panel; its name is the text."""


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


class DICE_PG_stretch(PropertyGroup):
    """Frames of the footage, both ends included, in which a hand is unsure."""

    hand: StringProperty()
    first_frame: IntProperty()
    last_frame: IntProperty()
    first_scene_frame: IntProperty()
    last_scene_frame: IntProperty()


def _go_to(context: bpy.types.Context, spans: Any, index: int) -> None:
    """A click on a touch or a stretch goes to its first frame."""
    if context.scene is not None and 0 <= index < len(spans):
        context.scene.frame_set(spans[index].first_scene_frame)


def _jump_to_unsure(entry: DICE_PG_take, context: bpy.types.Context) -> None:
    _go_to(context, entry.unsure, entry.active_unsure)


def _jump(entry: DICE_PG_take, context: bpy.types.Context) -> None:
    _go_to(context, entry.touches, entry.active_touch)


def _change_dents(entry: DICE_PG_take, _context: bpy.types.Context) -> None:
    entry.change_dents()


class DICE_PG_take(PlayedTake, PropertyGroup):
    """A take that belongs to this scene, whether or not it is imported at the moment."""

    path: StringProperty(subtype="DIR_PATH")
    captured_unsaved: BoolProperty()
    capture: StringProperty()  # digest of what was captured and how
    collection: PointerProperty(type=bpy.types.Collection)
    keys: StringProperty()
    frames: IntProperty()
    fps: FloatProperty()
    width: IntProperty()
    height: IntProperty()
    aspect: FloatVectorProperty(size=2, default=(1.0, 1.0))
    kind: StringProperty()
    complete: BoolProperty()
    tracked_head: FloatProperty(default=-1.0)
    tracked_hand_left: FloatProperty(default=-1.0)
    tracked_hand_right: FloatProperty(default=-1.0)
    notes: CollectionProperty(type=DICE_PG_note)
    touches: CollectionProperty(type=DICE_PG_touch)
    active_touch: IntProperty(name="Touch", description="Click a touch to go to its first frame", update=_jump)
    unsure: CollectionProperty(type=DICE_PG_stretch)
    active_unsure: IntProperty(
        name="Unsure", description="Click a stretch to go to its first frame", update=_jump_to_unsure
    )
    dents: FloatProperty(
        name="Dents",
        description="How deep the skin gives way: 0 not at all, 1 as captured, 2 twice as deep",
        default=1.0,
        min=0.0,
        max=MOST,
        subtype="FACTOR",
        update=_change_dents,
    )
    dents_problem: StringProperty()


class DICE_PG_settings(FootageSettings, PropertyGroup):
    """The settings of the DICE tab."""

    use_fov: BoolProperty(
        name="Lens Angle",
        description="Give the camera's angle of view where it is known, instead of the file's own or an ordinary lens",
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
    engine: EnumProperty(
        name="Engine",
        description="What recovers the head, the hands and the contact",
        items=ENGINES,
        update=lambda _settings, _context: installed_heads.look(),
    )
    head: EnumProperty(name="Head", description="Which parametric head is fitted and animated", items=HEADS)
    refine_contact: BoolProperty(
        name="Refine Contact",
        description="Have the network's contact and deformation refined, so that hand and head do not intersect",
        default=True,
    )
    import_result: BoolProperty(
        name="Import When Done",
        description="Import the take into this scene as soon as it is captured",
        default=True,
    )
    look_through: BoolProperty(
        name="Look Through Camera",
        description="After an import, look at the result through the DICE Camera, with the footage behind it",
        default=True,
    )
    keys: EnumProperty(name="Keys", description="How the animation is keyed when a take is imported", items=KEY_ITEMS)
    preset: EnumProperty(name="For", description="Which program the export is for", items=PRESET_ITEMS)
    takes: CollectionProperty(type=DICE_PG_take)
    active_take: IntProperty(name="Take", description="The take that is shown below. Double-click it to rename it")


_CLASSES = (DICE_PG_note, DICE_PG_touch, DICE_PG_stretch, DICE_PG_take, DICE_PG_settings)


def settings_of(scene: Any) -> DICE_PG_settings:
    """The settings of the DICE tab in a scene."""
    settings = scene.dice
    assert isinstance(settings, DICE_PG_settings)
    return settings


@persistent
def _look_at_footage(*_: object) -> None:
    """A file that has been opened knows only what was true of its footage when it was saved."""
    installed_heads.look()
    for scene in bpy.data.scenes:
        if footage.is_chosen(settings_of(scene)):
            footage.refresh(settings_of(scene))


def register() -> None:
    """Every scene gets its settings."""
    installed_heads.look()
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    scene_type: Any = bpy.types.Scene
    scene_type.dice = PointerProperty(type=DICE_PG_settings)
    bpy.app.handlers.load_post.append(_look_at_footage)


def unregister() -> None:
    """Scenes lose their settings from sight; a saved file keeps them."""
    bpy.app.handlers.load_post.remove(_look_at_footage)
    scene_type: Any = bpy.types.Scene
    del scene_type.dice
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
