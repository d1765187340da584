"""Operators on what is seen of the takes: through which camera, which of them, and in what kind of scene."""

# ruff: noqa: N801, RUF012 (Blender's names and class attributes)

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_rpt as _t
from bpy.props import BoolProperty, StringProperty
from bpy.types import Operator

from .. import first_sight, take_list
from ..properties import settings_of
from ..scene.background import fit_background
from ..scene.contact import FRAME_PROPERTY
from ..scene.parts import ORIGIN, parts_in
from ..scene.scene_settings import match, unit_of

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

__all__ = ["register", "unregister"]


class _OnImport:
    """An operator on what was imported of the selected take."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        entry = take_list.active(context.scene)
        return entry is not None and take_list.collection_of(entry) is not None


class DICE_OT_look_through(_OnImport, Operator):
    """Look at the take as the footage's camera saw it, with the footage behind it"""

    bl_idname = "dice.look_through"
    bl_label = "Look Through Camera"

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        entry = take_list.active(context.scene)
        camera = entry.camera_object()
        if camera is None or not first_sight.look_through(context, entry.collection):
            self.report({"ERROR"}, _t("There is no DICE Camera or no 3D view: import the take again"))
            return {"CANCELLED"}
        fit_background(camera, context.scene)
        return {"FINISHED"}


class DICE_OT_show_only(_OnImport, Operator):
    """Take all other takes out of the view layer, so that they are neither shown nor rendered, or bring them back"""

    bl_idname = "dice.show_only"
    bl_label = "Show Only This Take"
    bl_options = {"REGISTER", "UNDO"}

    everything: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        if self.everything:
            first_sight.show_all(context)
        else:
            collection = take_list.active(context.scene).collection
            first_sight.show_only(context, collection)
            first_sight.select(context, collection)
        return {"FINISHED"}


class DICE_OT_match_scene(_OnImport, Operator):
    """Change the scene, or for units the take, so that the two agree"""

    bl_idname = "dice.match_scene"
    bl_label = "Match"
    bl_options = {"REGISTER", "UNDO"}

    kind: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        entry, scene = take_list.active(context.scene), context.scene
        wanted, parts = entry.wanted_settings(), parts_in(entry.collection)
        if wanted is None:
            return {"CANCELLED"}
        if self.kind == "units" and ORIGIN in parts:
            parts[ORIGIN].scale = [1 / unit_of(scene)] * 3
        match(scene, wanted, self.kind)
        camera = entry.camera_object()
        if camera is not None:
            fit_background(camera, scene)
        return {"FINISHED"}


class DICE_OT_rest_here(_OnImport, Operator):
    """Name the frame of the selected take that is shown now as the one in which the face rests, for the next capture"""

    bl_idname = "dice.rest_here"
    bl_label = "The Face Rests Here"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        shown = parts_in(take_list.active(context.scene).collection).get("head")
        if shown is None:
            self.report({"ERROR"}, _t("The take has no head in this scene: import it again"))
            return {"CANCELLED"}
        settings = settings_of(context.scene)
        settings.use_neutral, settings.neutral = True, round(shown[FRAME_PROPERTY]) + 1
        return {"FINISHED"}


_CLASSES = (DICE_OT_look_through, DICE_OT_show_only, DICE_OT_match_scene, DICE_OT_rest_here)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
