"""Operators of the panel Character: choose a character, correct what was found, keep that as a file."""

# ruff: noqa: N801, RUF012 (Blender's names and class attributes)

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_rpt as _t
from bpy.props import StringProperty
from bpy.types import Operator
from bpy_extras.io_utils import ExportHelper, ImportHelper

from dice_core.errors import DiceError

from .. import take_list
from ..character.landmarks import make_landmarks, read_landmarks, remove_landmarks
from ..character.mapping import load_map, save_map
from ..character.objects import CharacterObjects, find_objects
from ..character.own_parts import remove_transfer, transfer_of
from ..character.reading import find_map, read_character
from ..character.take_source import TakeSource
from ..character_settings import character_of, fill_map, read_map
from ..preferences import ADDON
from ..properties import DICE_PG_take
from ..scene.object_data import armature_of
from ..scene.scene_settings import unit_of

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

__all__ = ["character_objects", "register", "show_character", "source_of_entry", "unregister"]

_log = logging.getLogger(ADDON)


def character_objects(context: bpy.types.Context) -> CharacterObjects:
    """The objects of the character that the panel names, or else of what is selected. Raises InputError without any."""
    settings = character_of(context.scene)
    return find_objects(context.scene, armature=settings.armature, head=settings.head, chosen=context.selected_objects)


def show_character(context: bpy.types.Context, objects: CharacterObjects) -> None:
    """Name a character in the panel, with the bones and keys that are found."""
    settings, entry = character_of(context.scene), take_list.active(context.scene)
    settings.armature, settings.head = objects.armature, objects.head
    fill_map(settings, find_map(objects, None if entry is None else source_of_entry(entry)))


def source_of_entry(entry: DICE_PG_take) -> TakeSource:
    """What tells a take of the list from others, whatever its entry is called. The disk is not looked at."""
    folder = os.path.normpath(bpy.path.abspath(entry.path))
    return TakeSource(Path(folder).name.removesuffix(".dicetake"), folder, entry.capture)


class DICE_OT_find_character(Operator):
    """Take the selected character, and find its bones and its shape keys by their names"""

    bl_idname = "dice.find_character"
    bl_label = "Use Selected"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        try:
            # What is selected counts, and what was chosen before does not.
            show_character(context, find_objects(context.scene, chosen=context.selected_objects))
        except DiceError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class _OnCharacter:
    """An operator on the character that the panel names."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return character_of(context.scene).armature is not None


class DICE_OT_find_again(_OnCharacter, Operator):
    """Find the bones and shape keys anew, in place of what the lists say"""

    bl_idname = "dice.find_again"
    bl_label = "Find Again"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        try:
            show_character(context, character_objects(context))
        except DiceError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class DICE_OT_make_landmarks(_OnCharacter, Operator):
    """Set twelve points on the face by hand, where it is not found. The armature goes to its rest position"""

    bl_idname = "dice.make_landmarks"
    bl_label = "Set Points by Hand"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        try:
            objects = character_objects(context)
            read = read_character(objects, read_map(character_of(context.scene)), context.scene)
        except DiceError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        for armature in objects.armatures:
            armature_of(armature).pose_position = "REST"
        context.view_layer.update()
        face = read.character.vertices[read.character.head_vertices] / unit_of(context.scene)
        make_landmarks(context.scene, objects.head, face)
        return {"FINISHED"}


class DICE_OT_remove_landmarks(Operator):
    """Remove the points set by hand, so that the face is found by itself again"""

    bl_idname = "dice.remove_landmarks"
    bl_label = "Remove Points"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(read_landmarks(context.scene))

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        remove_landmarks(context.scene)
        armature = character_of(context.scene).armature
        armatures = [] if armature is None else [armature]
        try:
            armatures += character_objects(context).armatures
        except DiceError:
            # Points of a character that is there no more can still be removed.
            _log.debug("the points' character is gone")
        for item in armatures:
            armature_of(item).pose_position = "POSE"
        return {"FINISHED"}


class _MapFile:
    """What saving and loading share."""

    filename_ext = ".json"
    filepath: StringProperty(name="File Path", description="The file of the map", maxlen=1024, subtype="FILE_PATH")
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})


class DICE_OT_save_map(_OnCharacter, _MapFile, ExportHelper, Operator):  # type: ignore[misc]
    """Save the lists of bones and expressions as a file, for other characters of the kind"""

    bl_idname = "dice.save_map"
    bl_label = "Save Map"

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        try:
            save_map(Path(bpy.path.abspath(self.filepath)), read_map(character_of(context.scene)))
        except DiceError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class DICE_OT_load_map(_OnCharacter, _MapFile, ImportHelper, Operator):  # type: ignore[misc]
    """Load lists of bones and expressions that were saved here"""

    bl_idname = "dice.load_map"
    bl_label = "Load Map"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        try:
            fill_map(character_of(context.scene), load_map(Path(bpy.path.abspath(self.filepath))))
        except DiceError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class DICE_OT_remove_transfer(_OnCharacter, Operator):
    """Take the selected take off the character again: its actions, dents, contact groups and empties"""

    bl_idname = "dice.remove_transfer"
    bl_label = "Remove from Character"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        entry = take_list.active(context.scene)
        try:
            objects = character_objects(context)
        except DiceError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        _, owner = ("", "") if entry is None else transfer_of(objects.armature, source_of_entry(entry))
        if not owner:
            self.report({"INFO"}, _t("The selected take is not on this character"))
            return {"CANCELLED"}
        remove_transfer(objects.armature, objects.meshes, owner)
        return {"FINISHED"}


_CLASSES = (
    DICE_OT_find_character,
    DICE_OT_find_again,
    DICE_OT_make_landmarks,
    DICE_OT_remove_landmarks,
    DICE_OT_save_map,
    DICE_OT_load_map,
    DICE_OT_remove_transfer,
)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
