"""DICE for Blender: what runs inside Blender, as an extension or beside the `bpy` package.

Importing this package does nothing: `dice_blender.scene` and `dice_blender.export` are plain functions, and only
`register` adds the panels, operators and handlers of the extension.
"""

from __future__ import annotations

__all__ = ["register", "unregister"]


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import registration

    registration.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled, and when Blender quits."""
    from . import registration

    registration.unregister()
