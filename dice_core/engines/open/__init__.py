"""The open engine: landmark networks, open bodies, fitting, placement and a soft-tissue solver."""

from dice_core.engines.open.engine import OpenEngine

__all__ = ["OpenEngine"]
