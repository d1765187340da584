"""Palm and face detectors: boxes and a few keypoints anywhere in a picture, by single-shot anchors.

The anchors and the decoding are those of BlazeFace (Bazarevsky et al. 2019, https://arxiv.org/abs/1907.05047) and
BlazePalm (Zhang et al. 2020, https://arxiv.org/abs/2006.10214).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dice_core.landmarks.networks import Network, NetworkSpec, packaged_network
from dice_core.landmarks.region import Region

__all__ = [
    "DETECTION_THRESHOLD",
    "STILL_THRESHOLD",
    "AnchorDetector",
    "Detection",
    "anchor_centres",
    "decode",
    "sigmoid",
    "suppress",
]

DETECTION_THRESHOLD = 0.5
"""Smallest score while a clip is tracked, as in the published pipelines."""

STILL_THRESHOLD = 0.25
"""Smallest score in a still: the landmark networks reject false alarms, so misses cost more. Set by hand."""

STRIDES = (8, 16, 16, 16)
"""Input pixels between neighbouring cells, layer by layer, of both detectors."""

ANCHORS_PER_LAYER = 2
LOGIT_LIMIT = 80.0
"""Logits are clipped here before the exponential, as in training; keeps float32 finite."""

NMS_OVERLAP = 0.3
"""Boxes whose intersection over union is larger are detections of one object and are averaged, as in the published
pipelines."""

LEAST_AVERAGED_SCORE = 0.5
"""Boxes below this score are left out of the average, however low the detection threshold: they are less accurate. Set
by hand."""


@dataclass(frozen=True, eq=False)
class Detection:
    """A box with keypoints: score in [0, 1]; centre (2,), extent (2,) and keypoints (k, 2) float, pixels.

    The extent is that along the axes of the window in which it was found.
    """

    score: float
    centre: np.ndarray
    extent: np.ndarray
    keypoints: np.ndarray


class AnchorDetector:
    """One detector network, waited for when it is first used, with its anchors."""

    def __init__(self, spec: NetworkSpec) -> None:
        self._spec = spec
        self._anchors = anchor_centres(spec.side, STRIDES)

    @cached_property
    def _network(self) -> Network:
        return packaged_network(self._spec)

    def __call__(
        self, image: np.ndarray, threshold: float, window: Region | None = None, *, average: bool = True
    ) -> tuple[Detection, ...]:
        """What is found with at least a score of `threshold`, the highest score first.

        image : (h, w, 3) uint8 RGB.
        window : where to look; the whole image by default. What lies outside the image counts as black.
        average : as in `Region.crop`; without it the result is exactly the published pipelines'.
        """
        window = Region.of_image(image) if window is None else window
        side = self._network.spec.side
        outputs = self._network(window.crop(image, side, replicate=False, average=average))
        regressors, logits = (outputs[name] for name in self._network.spec.outputs)
        boxes, scores = decode(regressors, logits, self._anchors, side, threshold)
        return tuple(_in_image(box, score, window) for box, score in suppress(boxes, scores))


def _in_image(box: np.ndarray, score: float, window: Region) -> Detection:
    """A box of `decode` in pixels of the image; its extent is along the window's axes."""
    points = window.to_image(np.delete(box, 1, axis=0))
    return Detection(score, points[0], box[1] * window.size, points[1:])


def anchor_centres(side: int, strides: Sequence[int]) -> np.ndarray:
    """Centres of the anchors, all of size 1, in the order of the network's outputs.

    side : input side in pixels. Layers of equal stride, one after the other, share their cells.
    Returns (n, 2) float32, x and y in [0, 1].
    """
    layers = []
    for stride in dict.fromkeys(strides):
        cells = -(-side // stride)
        rows, columns = np.mgrid[0:cells, 0:cells].reshape(2, -1)
        centres = (np.stack([columns, rows], axis=1) + 0.5) / cells
        layers.append(np.repeat(centres, ANCHORS_PER_LAYER * list(strides).count(stride), axis=0))
    return np.concatenate(layers).astype(np.float32)


def decode(
    regressors: np.ndarray, logits: np.ndarray, anchors: np.ndarray, side: int, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes with keypoints from a detector's outputs.

    regressors : (n * 2 * (2 + k),) float, for each of n anchors centre, extent and k keypoints, input pixels; centre
        and keypoints are relative to the anchor.
    logits : (n,) float; anchors : (n, 2) float in [0, 1]; side : input side in pixels.
    threshold : smallest score that is kept.
    Returns boxes (m, 2 + k, 2) float32: centre, extent, keypoints, as shares of the input; and scores (m,) float32;
    the highest score first.
    """
    scores = sigmoid(logits)
    kept = np.flatnonzero(scores >= threshold)
    kept = kept[np.argsort(-scores[kept], kind="stable")]
    boxes = regressors.reshape(len(anchors), -1, 2)[kept] / np.float32(side)
    boxes[:, 0] += anchors[kept]
    boxes[:, 2:] += anchors[kept, None]
    return boxes, scores[kept]


def suppress(boxes: np.ndarray, scores: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Weighted non-maximum suppression: overlapping boxes become one, their average weighted by score.

    Scores below `LEAST_AVERAGED_SCORE` have no weight, unless a group's best is one of them: then it stands alone.

    boxes : (m, 2 + k, 2) float as from `decode`; scores : (m,) float, descending.
    Returns (box, score) pairs, the highest score first; a pair's score is its best box's.
    """
    low, high = boxes[:, 0] - boxes[:, 1] / 2, boxes[:, 0] + boxes[:, 1] / 2
    areas = boxes[:, 1].prod(axis=1)
    left = np.arange(len(boxes))
    merged = []
    while len(left):
        best = left[0]
        shared = np.minimum(high[best], high[left]) - np.maximum(low[best], low[left])
        intersection = np.clip(shared, 0, None).prod(axis=1)
        same = intersection > NMS_OVERLAP * (areas[best] + areas[left] - intersection)
        same[0] = True
        group = left[same & (scores[left] >= min(LEAST_AVERAGED_SCORE, scores[best]))]
        merged.append((np.average(boxes[group], axis=0, weights=scores[group]), float(scores[best])))
        left = left[~same]
    return merged


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits, any shape."""
    return 1 / (1 + np.exp(-np.clip(logits, -LOGIT_LIMIT, LOGIT_LIMIT)))
