"""The open bodies that ship with the product: a parametric head and parametric hands, numpy alone."""

from __future__ import annotations

from dice_core.bodies.hand import Hand, load_hand
from dice_core.bodies.head import Head, load_head

__all__ = ["Hand", "Head", "load_hand", "load_head"]
