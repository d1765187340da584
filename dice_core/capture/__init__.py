"""From footage to a take, so that it can be stopped, killed and resumed."""

from dice_core.capture.pipeline import CaptureResult, capture

__all__ = ["CaptureResult", "capture"]
