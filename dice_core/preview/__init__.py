"""Pictures of a take: the meshes over the footage beside other viewpoints, without a display."""

from dice_core.preview.render import render_preview

__all__ = ["render_preview"]
