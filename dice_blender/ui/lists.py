"""The lists in the DICE tab: takes, and the touches and the unsure stretches of one."""

# ruff: noqa: N801 (Blender's names and class attributes)

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as _t
from bpy.types import UILayout, UIList

from .. import take_list

__all__ = ["register", "unregister"]


class DICE_UL_takes(UIList):
    """Takes by name."""

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: UILayout,
        data: Any,
        item: Any,
        icon: int,
        active_data: Any,
        active_property: str,
        index: int,
        flt_flag: int,
    ) -> None:
        there = take_list.collection_of(item) is not None
        row = layout.row()
        if there:
            # The collection's own name, so that a double click renames it, and a name given in the outliner shows here.
            row.prop(item.collection, "name", text="", emboss=False, icon="OUTLINER_COLLECTION")
        else:
            row.label(text=item.name, icon="FILE_FOLDER", translate=False)
        if there and item.keys:
            keys = row.row()
            keys.alignment = "RIGHT"
            keys.active = False
            keys.label(text=UILayout.enum_item_name(data, "keys", item.keys), translate=False)


class DICE_UL_touches(UIList):
    """Touches by frame; a click goes there."""

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: UILayout,
        data: Any,
        item: Any,
        icon: int,
        active_data: Any,
        active_property: str,
        index: int,
        flt_flag: int,
    ) -> None:
        row = layout.split(factor=0.5, align=True)
        side = item.hand.removeprefix("hand_")[:1].upper()
        frames = _frames(data, item)
        text = f"{item.region} ({side})" if side else item.region
        place = row.row()
        place.alignment = "LEFT"
        jump = place.operator("dice.jump_to_touch", text=text, icon="MARKER_HLT", emboss=False, translate=False)
        jump.index = index
        value = row.row()
        value.alignment = "RIGHT"
        value.label(text=f"{frames}   {item.peak_depth_mm:.1f} mm", translate=False)


class DICE_UL_unsure(UIList):
    """Stretches in which a hand is unsure, by frame; a click goes there."""

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: UILayout,
        data: Any,
        item: Any,
        icon: int,
        active_data: Any,
        active_property: str,
        index: int,
        flt_flag: int,
    ) -> None:
        row = layout.row()
        row.label(text=_t("Hand.L" if item.hand == "hand_left" else "Hand.R"), icon="VIEW_PAN", translate=False)
        value = row.row()
        value.alignment = "RIGHT"
        value.label(text=_frames(data, item), translate=False)


def _frames(entry: Any, span: Any) -> str:
    """The scene frames of a touch or a stretch; nothing of a picture."""
    first, last = span.first_scene_frame, span.last_scene_frame
    return "" if entry.frames == 1 else f"{first}" if first == last else f"{first}-{last}"


_CLASSES = (DICE_UL_takes, DICE_UL_touches, DICE_UL_unsure)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
