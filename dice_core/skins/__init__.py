"""The neutral skins that ship with the product: pictures in the UVs of the open bodies."""

from __future__ import annotations

from pathlib import Path

__all__ = ["skin_picture"]

_ASSETS = Path(__file__).parent / "assets"
_PICTURES = {"open_head": "head.jpg", "open_hand": "hand.jpg"}


def skin_picture(layout: str) -> Path | None:
    """The packaged picture, sRGB, for a layout of UVs; None where there is none for it, or it is missing."""
    name = _PICTURES.get(layout)
    path = _ASSETS / name if name else None
    return path if path is not None and path.is_file() else None
