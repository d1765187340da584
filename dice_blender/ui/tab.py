"""Where all panels of the extension are: the DICE tab in the 3D viewport's sidebar."""

from __future__ import annotations

from bpy.types import Panel

from ..first_sight import TAB_NAME

__all__ = ["Tab"]


class Tab(Panel):
    """What the panels share."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = TAB_NAME
