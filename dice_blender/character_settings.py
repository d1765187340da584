"""What the panel Character remembers in each scene: the character, its bones and keys, and how takes come onto it."""

# ruff: noqa: N801 (Blender's names and class attributes)

from __future__ import annotations

from typing import Any

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

from dice_core.arkit import EXPRESSION_NAMES

from .character.expression_names import Expression
from .character.mapping import CharacterMap
from .character.roles import ROLES

__all__ = ["DICE_PG_character", "character_of", "fill_map", "read_map", "register", "unregister"]

_HANDS = (
    ("auto", "Auto", "Every hand that the take has"),
    ("left", "Left", "Only the left hand"),
    ("right", "Right", "Only the right hand"),
    ("both", "Both", "Both hands"),
)
_TARGETS = (
    ("KEYS", "Keys", "The character plays the new actions. Those that it played before are kept and come back later"),
    (
        "NLA",
        "NLA",
        "The new actions go to tracks of their own in the NLA, and the character's own actions keep playing",
    ),
)
_ARMS = (
    ("FK", "FK", "Upper arms, forearms and hands are keyed; a rig's arms are switched to FK"),
    (
        "IK",
        "IK",
        "The IK controls of the rig's hands and elbows are keyed, and its arms switched to IK. "
        "Needs a rig that has such controls, as Rigify and Auto-Rig Pro have",
    ),
)


def _is_armature(_settings: object, item: bpy.types.Object) -> bool:
    return item.type == "ARMATURE"


def _is_mesh(_settings: object, item: bpy.types.Object) -> bool:
    return item.type == "MESH"


class DICE_PG_bone_role(PropertyGroup):
    """A role, which is its name, and the bone that has it."""

    bone: StringProperty(name="Bone", description="The bone of the skin that has this role; empty leaves it out")


class DICE_PG_expression(PropertyGroup):
    """An ARKit expression, which is its name, and a shape key that shows it."""

    target: StringProperty(
        name="Shape Key", description="The shape key that shows this expression; empty leaves it out"
    )
    gain: FloatProperty(name="Gain", description="By what the captured weight is multiplied", default=1.0, soft_max=2.0)
    offset: FloatProperty(name="Offset", description="What is added to the weight, for a face that is not neutral")


class DICE_PG_character(PropertyGroup):
    """The settings of the panel Character."""

    armature: PointerProperty(
        name="Armature", description="What poses the character", type=bpy.types.Object, poll=_is_armature
    )
    head: PointerProperty(
        name="Head",
        description="The mesh that has the face; it may be the whole body",
        type=bpy.types.Object,
        poll=_is_mesh,
    )
    convention: StringProperty()
    bones: CollectionProperty(type=DICE_PG_bone_role)
    active_bone: IntProperty(name="Bone", description="The role that is chosen in the list")
    expressions: CollectionProperty(type=DICE_PG_expression)
    active_expression: IntProperty(name="Expression", description="The expression that is chosen in the list")
    neck_share: FloatProperty(
        name="Neck Share",
        description="How much of the head's turn the neck carries: 0 none, 1 all of it",
        default=0.4,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    dents: FloatProperty(
        name="Dents",
        description="How deep the character's skin gives way: 0 not at all, 1 as skin does, 2 twice as deep",
        default=1.0,
        min=0.0,
        max=2.0,
        subtype="FACTOR",
    )
    keep_contact: BoolProperty(
        name="Keep Touches",
        description="Have hands touch the character's face where they touched in the take; off carries the pose alone",
        default=True,
    )
    hands: EnumProperty(name="Hands", description="Which of the take's hands are put onto the character", items=_HANDS)
    arms: EnumProperty(name="Arms", description="Which controls of the character's arms are keyed", items=_ARMS)
    target: EnumProperty(name="Result As", description="How the new actions are played", items=_TARGETS)


_CLASSES = (DICE_PG_bone_role, DICE_PG_expression, DICE_PG_character)


def character_of(scene: Any) -> DICE_PG_character:
    """The settings of the panel Character in a scene."""
    settings = scene.dice_character
    assert isinstance(settings, DICE_PG_character)
    return settings


def fill_map(settings: DICE_PG_character, mapping: CharacterMap) -> None:
    """Show a map in the lists: every role and every expression has a row, found or not."""
    settings.convention = mapping.convention
    settings.bones.clear()
    for role in ROLES:
        row = settings.bones.add()
        row.name, row.bone = role, mapping.bones.get(role, "")
    settings.expressions.clear()
    for source in EXPRESSION_NAMES:
        own = [expression for expression in mapping.expressions if expression.source == source]
        for expression in own or [Expression(source, "")]:
            row = settings.expressions.add()
            row.name, row.target = source, expression.target
            row.gain, row.offset = expression.gain, expression.offset
    settings.active_bone = settings.active_expression = 0


def read_map(settings: DICE_PG_character) -> CharacterMap:
    """What the lists say."""
    return CharacterMap(
        {row.name: row.bone for row in settings.bones if row.bone},
        [Expression(row.name, row.target, row.gain, row.offset) for row in settings.expressions if row.target],
        settings.convention,
    )


def register() -> None:
    """Every scene gets its settings."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    scene_type: Any = bpy.types.Scene
    scene_type.dice_character = PointerProperty(type=DICE_PG_character)


def unregister() -> None:
    """Scenes lose their settings from sight; a saved file keeps them."""
    scene_type: Any = bpy.types.Scene
    del scene_type.dice_character
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
