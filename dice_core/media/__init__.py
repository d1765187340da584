"""Footage in: images, image sequences and videos, frame by frame as RGB."""

from __future__ import annotations

from dice_core.media.footage import Footage
from dice_core.media.images import list_images, read_image
from dice_core.media.opening import open_footage

__all__ = ["Footage", "list_images", "open_footage", "read_image"]
