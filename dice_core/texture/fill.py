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
TOO_BRIGHT = (0.6, 1.0)
"""Tone (natural logarithm) above the usual from which a colour is ever less that of skin, and where it is none: lamps,
windows and walls beside a dark face. Set by hand on the four photos."""
ODD_HUE, ODD_HUE_OF_NECK = (1.2, 1.8), (0.45, 0.7)
"""Spread of the channels' tones (natural logarithms) from which a colour is ever less that of skin or hair, and where
it is none. On the neck, where clothes begin, less is believed; the sample's blue collar has 1.8, its brown hair 0.3."""
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


def plausible(colours: np.ndarray, plain: np.ndarray, neck: np.ndarray) -> np.ndarray:
    """(n,) 0 to 1: whether colours may be a person's, and not those of clothes, glasses or what is behind.

    colours : (n, 3) linear, of the footage in an even light; plain : (m, 3) linear, of neutral skin; neck : (n,) bool.
    """
    tone = np.log(np.maximum(colours, 1e-3) / np.maximum(np.median(plain, axis=0), 1e-3))
    common = np.median(tone, axis=0) if len(tone) else np.zeros(3)
    spread = np.ptp(tone - common, axis=1)
    low, high = (np.where(neck, strict, usual) for strict, usual in zip(ODD_HUE_OF_NECK, ODD_HUE, strict=True))
    share = np.clip((high - spread) / (high - low), 0, 1)
    glare = (tone - common).mean(axis=1)
    share *= np.clip((TOO_BRIGHT[1] - glare) / (TOO_BRIGHT[1] - TOO_BRIGHT[0]), 0, 1)
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
    tone = np.stack([np.bincount(nearest, sure * ratio[:, k], vertices) for k in range(3)], axis=1)
    tone /= np.maximum(known, 1e-9)[:, None]
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
