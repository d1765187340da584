"""Operators on the keys of an import, for whoever animates on: fewer of them, and a layer of the NLA."""

# ruff: noqa: N801, RUF012 (Blender's names and class attributes)

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_rpt as _t
from bpy.props import FloatProperty
from bpy.types import Operator

from dice_core.errors import DiceError

from .. import take_list
from ..export.seen import largest_distance, seen_surfaces
from ..preferences import ADDON
from ..scene.nla import is_layer, put_on_tracks, take_off_tracks
from ..scene.parts import KEYS_PROPERTY
from ..scene.reduction import CurveErrors, reduce_keys

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

__all__ = ["register", "unregister"]

_log = logging.getLogger(ADDON)


def _active_import(context: bpy.types.Context) -> bpy.types.Collection | None:
    entry = take_list.active(context.scene)
    return None if entry is None else take_list.collection_of(entry)


class DICE_OT_reduce_keys(Operator):
    """Replace the keys of every frame by few that have bezier handles, as close as you ask for"""

    bl_idname = "dice.reduce_keys"
    bl_label = "Reduce Keys"
    bl_options = {"REGISTER", "UNDO"}

    distance: FloatProperty(
        name="Distance",
        description="Millimetres by which a location may be off in any frame",
        default=0.5,
        min=0.01,
        soft_max=10.0,
        max=1000.0,
        precision=2,
    )
    angle: FloatProperty(
        name="Angle",
        description="How far a rotation may be off in any frame",
        default=math.radians(0.5),
        min=math.radians(0.01),
        soft_max=math.radians(10.0),
        max=math.radians(90.0),
        subtype="ANGLE",
    )
    weight: FloatProperty(
        name="Weight",
        description="How far the weight of a shape key, 0 to 1, may be off in any frame",
        default=0.01,
        min=0.0001,
        max=1.0,
        precision=4,
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        collection = _active_import(context)
        if collection is not None and collection.get(KEYS_PROPERTY) == "rigged":
            return True
        cls.poll_message_set("Import the take with rigged keys first")
        return False

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[OperatorReturnItems]:
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "distance", text="Distance (mm)")
        layout.prop(self, "angle")
        layout.prop(self, "weight")

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        collection = _active_import(context)
        bounds = CurveErrors(self.distance / 1000, self.angle, self.weight)
        try:
            before = seen_surfaces(collection)
            done = reduce_keys(collection, bounds)
            moved = largest_distance(before, seen_surfaces(collection))
        except DiceError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        reached = done.reached
        text = _t("{:d} keys became {:d}: at most {:.2f} mm, {:.2f}° and a weight of {:.4f} off, the skin {:.2f} mm")
        errors = reached.distance * 1000, math.degrees(reached.angle), reached.weight, moved * 1000
        self.report({"INFO"}, text.format(done.before, done.after, *errors))
        _log.info("reduced %d keys to %d, surface within %.5f m", done.before, done.after, moved)
        return {"FINISHED"}


class DICE_OT_nla_layer(Operator):
    """Have the take play from NLA tracks that bear its name, as a layer under what you animate; or from its actions"""

    bl_idname = "dice.nla_layer"
    bl_label = "Put on NLA Tracks"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _active_import(context) is not None

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        collection = _active_import(context)
        if not is_layer(collection):
            put_on_tracks(collection)
            return {"FINISHED"}
        take_off_tracks(collection)
        if is_layer(collection):
            self.report({"WARNING"}, _t("Actions of your own are in use: what they animate stays on its NLA tracks"))
        return {"FINISHED"}


_CLASSES = (DICE_OT_reduce_keys, DICE_OT_nla_layer)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
