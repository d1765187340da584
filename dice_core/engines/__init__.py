"""Engines: what turns footage into bodies, contact and deformation, frame after frame."""

from __future__ import annotations

from dice_core.engines.base import Engine
from dice_core.engines.settings import CaptureSettings
from dice_core.media.footage import Footage

__all__ = ["CaptureSettings", "make_engine"]


def make_engine(footage: Footage, settings: CaptureSettings) -> Engine:
    """The engine that the settings name, for this footage.

    Raises MissingModelError where the engine needs files that are not there.
    """
    if settings.engine == "dice":
        from dice_core.engines.dice.engine import DiceEngine

        return DiceEngine(footage, settings)
    from dice_core.engines.open import OpenEngine

    return OpenEngine(footage, settings)
