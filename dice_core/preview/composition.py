"""Panels side by side, with small labels. Colours and sizes are set by hand."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from dice_core.preview.shading import CONTACT_COLOUR, DENT_COLOUR, Drawing

__all__ = ["BACKGROUND", "blank", "caption", "flatten", "lay_over", "legend", "side_by_side", "status"]

BACKGROUND = (37, 40, 43)
OVERLAY_OPACITY = 0.72
"""How much of the footage a body hides: its form is clear, and the skin's edges can still be compared."""
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_TEXT, _SHADOW = (237, 237, 237), (0, 0, 0)
_STATE_COLOURS = {"measured": (90, 204, 115), "interpolated": (250, 184, 51), "absent": (140, 140, 140)}
_TEXT_HEIGHT = 0.026  # of the panel's height
_LEAST_TEXT = 0.38  # font scale below which letters are no longer legible


def blank(width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8 RGB: an empty panel."""
    return np.full((height, width, 3), BACKGROUND, np.uint8)


def lay_over(footage: np.ndarray, drawing: Drawing) -> np.ndarray:
    """(H, W, 3) uint8 RGB: footage (H, W, 3) uint8 with the bodies half transparent over it."""
    return _blend(footage, drawing, OVERLAY_OPACITY)


def flatten(drawing: Drawing) -> np.ndarray:
    """(H, W, 3) uint8 RGB: the bodies before the background."""
    height, width = drawing.coverage.shape
    return _blend(blank(width, height), drawing, 1.0)


def caption(panel: np.ndarray, text: str) -> None:
    """Write a title into the panel's upper left corner."""
    scale, line = _text_size(panel)
    _write(panel, text, (line // 2, line + line // 4), scale)


def status(panel: np.ndarray, lines: Sequence[tuple[str, str]]) -> None:
    """Write lines into the panel's lower left corner, each with a dot.

    lines : (text, state), the state "measured", "interpolated", "absent", or "" for no dot.
    """
    scale, line = _text_size(panel)
    top = panel.shape[0] - line * len(lines) - line // 4
    for row, (text, state) in enumerate(lines):
        base = top + row * line + line * 3 // 4
        left = line // 2
        if state:
            centre = (left + line // 4, base - line // 4)
            cv2.circle(panel, centre, max(3, line // 5), _STATE_COLOURS[state], -1, cv2.LINE_AA)
            left += line * 3 // 4
        _write(panel, text, (left, base), scale)


def legend(panel: np.ndarray) -> None:
    """Explain the colours in the panel's lower right corner."""
    scale, line = _text_size(panel)
    entries = (("contact", CONTACT_COLOUR), ("dent", DENT_COLOUR))
    width = max(cv2.getTextSize(text, _FONT, scale, 1)[0][0] for text, _ in entries)
    left = panel.shape[1] - width - line * 3 // 2
    for row, (text, colour) in enumerate(entries):
        base = panel.shape[0] - line * (len(entries) - row) + line // 2
        corner = (left, base - line // 2)
        swatch = [round(255 * part) for part in colour]
        cv2.rectangle(panel, corner, (corner[0] + line // 2, base), swatch, -1, cv2.LINE_AA)
        _write(panel, text, (left + line * 3 // 4, base), scale)


def side_by_side(panels: Sequence[np.ndarray]) -> np.ndarray:
    """Panels of one height in a row, (H, W, 3) uint8 RGB, both sides even as video wants them."""
    row = np.concatenate(panels, axis=1)
    return row[: row.shape[0] // 2 * 2, : row.shape[1] // 2 * 2]


def _blend(background: np.ndarray, drawing: Drawing, opacity: float) -> np.ndarray:
    """Only covered pixels are computed: the rest of the picture is the background."""
    pixels = np.flatnonzero(drawing.coverage)
    result = np.ascontiguousarray(background).reshape(-1, 3).copy()
    share = drawing.coverage.ravel()[pixels, None] * np.float32(opacity)
    mixed = result[pixels] * (1 - share) + drawing.colour.reshape(-1, 3)[pixels] * np.float32(255 * opacity)
    result[pixels] = np.minimum(mixed + 0.5, 255).astype(np.uint8)
    return result.reshape(background.shape)


def _text_size(panel: np.ndarray) -> tuple[float, int]:
    """Font scale, and height of a line in pixels."""
    # Letters of Hershey's simplex font are 21 pixels high at scale 1.
    scale = max(_LEAST_TEXT, panel.shape[0] * _TEXT_HEIGHT / 30)
    return scale, round(scale * 42)


def _write(panel: np.ndarray, text: str, at: tuple[int, int], scale: float) -> None:
    plain = text.encode("ascii", "replace").decode()  # all that the font has
    # A thicker line would also be a wider text in OpenCV 5: the outline is the same text moved by a pixel.
    for x, y in ((-1, 0), (1, 0), (0, -1), (0, 1), (1, 1)):
        cv2.putText(panel, plain, (at[0] + x, at[1] + y), _FONT, scale, _SHADOW, 1, cv2.LINE_AA)
    cv2.putText(panel, plain, at, _FONT, scale, _TEXT, 1, cv2.LINE_AA)
