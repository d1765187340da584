"""Engines: what turns footage into bodies, contact and deformation, frame after frame."""

from dice_core.engines.registry import ENGINES
from dice_core.engines.settings import CaptureSettings

__all__ = ["ENGINES", "CaptureSettings"]
