"""Entries in File > Import and File > Export."""

from __future__ import annotations

import bpy

__all__ = ["register", "unregister"]


def _draw_import(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.operator("dice.import_take", text="DICE Take (.dicetake)")


def _draw_export(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.operator("dice.export_fbx", text="DICE Take as FBX (.fbx)")
    self.layout.operator("dice.export_glb", text="DICE Take as GLB (.glb)")


def register() -> None:
    """Join the menus."""
    bpy.types.TOPBAR_MT_file_import.append(_draw_import)
    bpy.types.TOPBAR_MT_file_export.append(_draw_export)


def unregister() -> None:
    """Leave the menus."""
    bpy.types.TOPBAR_MT_file_import.remove(_draw_import)
    bpy.types.TOPBAR_MT_file_export.remove(_draw_export)
