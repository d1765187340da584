"""Entries in File > Import and File > Export."""

from __future__ import annotations

from typing import Any

import bpy

__all__ = ["register", "unregister"]


def _draw_import(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.operator("dice.import_take", text="DICE Take (.dicetake)")


def _draw_export(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.operator("dice.export_fbx", text="DICE Take as FBX (.fbx)")
    self.layout.operator("dice.export_glb", text="DICE Take as GLB (.glb)")
    self.layout.operator("dice.export_alembic", text="DICE Take as Alembic (.abc)")
    self.layout.operator("dice.export_usd", text="DICE Take as USD (.usd*)")


_ENTRIES: tuple[tuple[Any, Any], ...] = (
    (bpy.types.TOPBAR_MT_file_import, _draw_import),
    (bpy.types.TOPBAR_MT_file_export, _draw_export),
)


def register() -> None:
    """Join the menus."""
    for menu, draw in _ENTRIES:
        menu.append(draw)


def unregister() -> None:
    """Leave the menus."""
    for menu, draw in _ENTRIES:
        menu.remove(draw)
