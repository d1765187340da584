"""From what the frames show to a whole texture: layers of detail blended, and holes filled with the neutral skin."""

from __future__ import annotations

import cv2
import numpy as np

from dice_core.geometry.mesh import triangle_edges
from dice_core.texture.atlas import Atlas

__all__ = ["blend", "fill", "plausible"]

DETAIL = 0.006
"""Of the texture's side: what is finer comes from one frame alone, what is coarser is averaged over all. Averaged
detail would be blurred by the fit's error from frame to frame."""
SURE, UNSURE = 0.12, 0.02
"""Weights from which a texel shows the footage alone, and below which the neutral skin alone."""
SPREADING = 60
"""Rounds in which the tone that was carried into the holes is smoothed, an edge each."""
ODD, ODD_OUTSIDE = (0.40, 0.60), (0.20, 0.32)
"""Share of a colour that is no multiple of the skin's, from which it is ever less believed, and where it is none; in
the middle of face and hand, and in the regions outside, where the fit's error shows clothes and walls. Of the sample,
brown hair has 0.1, the grey wall 0.4, the blue cloth 0.65; lips have 0.15 and highlights 0.28."""
BRIGHT, BRIGHT_OUTSIDE = (1.0, 1.5), (0.5, 0.8)
"""Brightness (natural logarithm) above the skin's median from which a colour is ever less believed, and where it is
none: lamps and windows beside a dark ear. All four were set by hand on the sample and the four photos."""
DARK = 0.05
"""Linear light below which a colour has no hue to speak of: black hair is believed."""
TONES = (0.03, 4.0)
"""Range of the footage's tone relative to the neutral skin's."""


def blend(atlas: Atlas, mean: np.ndarray, best: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Coarse colours of all frames with the fine detail of the best one.

    mean, best : (n, 3) linear, at the texels; weight : (n,), 0 where nothing was seen. Returns (n, 3).
    """
    seen = (weight > 0).astype(np.float32)[:, None]
    sigma = DETAIL * atlas.size
    mask = cv2.GaussianBlur(atlas.image(seen), (0, 0), sigma)

    def coarse(values: np.ndarray) -> np.ndarray:
        blurred = cv2.GaussianBlur(atlas.image(values * seen), (0, 0), sigma)
        return atlas.values(blurred) / np.maximum(atlas.values(mask[..., None]), 1e-3)

    return np.maximum(coarse(mean) + best - coarse(best), 0) * seen


def plausible(colours: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """(n,) 0 to 1: whether colours may be a person's, and not those of clothes, glasses or what is behind.

    colours : (n, 3) linear, of what a frame shows of a body, in an even light; outside : (n,) bool, of a region at the
    outline.
    """
    if not len(colours):
        return np.zeros(0, np.float32)
    skin = np.median(colours, axis=0)
    hue = skin / max(float(np.linalg.norm(skin)), 1e-6)
    along = colours @ hue
    odd = np.linalg.norm(colours - along[:, None] * hue, axis=1) / np.maximum(np.linalg.norm(colours, axis=1), DARK)
    glare = np.log(np.maximum(along, 1e-4) / max(float(np.median(along)), 1e-4))
    share = np.ones(len(colours))
    for values, usual, strict in ((odd, ODD, ODD_OUTSIDE), (glare, BRIGHT, BRIGHT_OUTSIDE)):
        low, high = (np.where(outside, *pair) for pair in zip(strict, usual, strict=True))
        share *= np.clip((high - values) / (high - low), 0, 1)
    result: np.ndarray = share.astype(np.float32)
    return result


def fill(atlas: Atlas, colours: np.ndarray, weight: np.ndarray, plain: np.ndarray, vertices: int) -> np.ndarray:
    """Colours with holes and doubtful places filled by neutral skin in the tone of what is around them.

    colours : (n, 3) linear; weight : (n,) how well each texel was seen; plain : (n, 3) linear, the neutral skin;
    vertices : of the mesh. Returns (n, 3).
    """
    sure = np.clip((weight - UNSURE) / (SURE - UNSURE), 0, 1)
    sure = (sure * sure * (3 - 2 * sure))[:, None]
    tone = atlas.interpolate(_tones(atlas, colours, sure[:, 0], plain, vertices))
    return colours * sure + plain * tone * (1 - sure)


def _tones(atlas: Atlas, colours: np.ndarray, sure: np.ndarray, plain: np.ndarray, vertices: int) -> np.ndarray:
    """(V, 3) tone of the footage relative to the neutral skin's, carried from what is seen over the whole mesh."""
    nearest = atlas.corners[np.arange(len(atlas.corners)), atlas.weights.argmax(axis=1)]
    # Relative to skin alone: where lips and brows are painted, the footage need not have any.
    ratio = np.clip(colours / np.maximum(np.median(plain, axis=0), 1e-3), *TONES)
    known = np.bincount(nearest, sure, vertices)
    tone: np.ndarray = np.stack([np.bincount(nearest, sure * ratio[:, k], vertices) for k in range(3)], axis=1)
    tone = tone / np.maximum(known, 1e-9)[:, None]
    common = (tone * known[:, None]).sum(axis=0) / max(float(known.sum()), 1e-9) if known.any() else np.ones(3)
    start, end = triangle_edges(atlas.triangles).T
    start, end = np.concatenate([start, end]), np.concatenate([end, start])
    degree = np.maximum(np.bincount(start, minlength=vertices), 1)[:, None]
    fixed = np.minimum(known / max(float(np.median(known[known > 0])) if known.any() else 1.0, 1e-9), 1)[:, None]
    tone = _carried(np.where(fixed > 0, tone, common), fixed[:, 0] > 0, start, end)
    held = tone.copy()
    for _ in range(SPREADING):
        around = np.stack([np.bincount(start, tone[end, k], vertices) for k in range(3)], axis=1) / degree
        tone = fixed * held + (1 - fixed) * around
    return tone


def _carried(tone: np.ndarray, known: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Tones (V, 3) with the mean of the neighbours' in vertices beside those that are known, ring by ring."""
    while True:
        across = known[end] & ~known[start]
        if not across.any():
            return tone
        counts = np.bincount(start[across], minlength=len(tone))
        sums = np.stack([np.bincount(start[across], tone[end[across], k], len(tone)) for k in range(3)], axis=1)
        ring = counts > 0
        tone = np.where(ring[:, None], sums / np.maximum(counts, 1)[:, None], tone)
        known = known | ring
