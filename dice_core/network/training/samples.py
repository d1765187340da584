"""A training sample: a picture and whatever is known about it; what is not known is marked as missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from dice_core.errors import ShapeError
from dice_core.network.model.crop import INPUT_SIZE, normalise
from dice_core.network.model.dice import HAND_KEYPOINTS, HEAD_KEYPOINTS
from dice_core.network.training.architecture import PARAMETERS, MeshCounts

__all__ = ["GROUPS", "KEYPOINTS", "Batch", "Sample", "collate", "fields", "has"]

Sample = dict[str, np.ndarray]
"""Arrays by the names of `fields`, of the groups that are known, and `pixels`, (224, 224, 3) uint8 RGB."""
Batch = dict[str, torch.Tensor]
"""The same for B samples: all fields, zero where nothing is known, `has_GROUP` (B,) bool, and `images`."""

KEYPOINTS = HAND_KEYPOINTS + HEAD_KEYPOINTS
"""Key points of hand and head, in this order."""
GROUPS = ("mesh", "parameters", "contact", "deformation", "keypoints", "depth")


def fields(group: str, counts: MeshCounts | None = None) -> dict[str, tuple[int, ...]]:
    """Shape of each array of a group. Lengths in metres, head-centred: the mean of the undeformed head is the origin.

    mesh : vertices of head and hand; parameters : those of the network, and `wrist`, the place of the hand's root;
    contact : 0 to 1 a vertex; deformation : in the network's sign, to be **subtracted**; keypoints : 21 of the hand and
    68 of the head in units of the input's side, from its corner, and how far each is trusted; depth : along the view
    at these points, up to a scale, and its weight.
    """
    counts = counts or MeshCounts()
    hand, head = counts.hand[0], counts.head[0]
    shapes: dict[str, dict[str, tuple[int, ...]]] = {
        "mesh": {"head_vs": (head, 3), "hand_vs": (hand, 3)},
        "parameters": {**{name: (columns,) for name, columns in PARAMETERS.items()}, "wrist": (3,)},
        "contact": {"head_contact": (head,), "hand_contact": (hand,)},
        "deformation": {"deform": (head, 3)},
        "keypoints": {"keypoints": (KEYPOINTS, 2), "keypoint_confidence": (KEYPOINTS,)},
        "depth": {"keypoint_depth": (KEYPOINTS,), "keypoint_depth_weight": (KEYPOINTS,)},
    }
    return shapes[group]


def has(sample: Mapping[str, np.ndarray], group: str) -> bool:
    """Whether a sample knows a group."""
    return next(iter(fields(group))) in sample


def collate(samples: Sequence[Sample], counts: MeshCounts | None = None, dtype: torch.dtype = torch.float32) -> Batch:
    """One batch of samples. Raises ShapeError where an array has another shape than `fields` says."""
    pixels = np.stack([sample["pixels"] for sample in samples])
    if pixels.shape[1:] != (INPUT_SIZE, INPUT_SIZE, 3) or pixels.dtype != np.uint8:
        raise ShapeError(
            f"pixels must be ({INPUT_SIZE}, {INPUT_SIZE}, 3) uint8, not {pixels.shape[1:]} {pixels.dtype}."
        )
    batch: Batch = {"images": normalise(pixels).to(dtype)}
    for group in GROUPS:
        known = [has(sample, group) for sample in samples]
        batch[f"has_{group}"] = torch.tensor(known)
        for name, shape in fields(group, counts).items():
            stacked = np.zeros((len(samples), *shape), np.float64)
            for row, sample in zip(stacked, samples, strict=True):
                if name in sample:
                    if sample[name].shape != shape:
                        raise ShapeError(f"{name} of a sample must be {shape}, not {sample[name].shape}.")
                    row[...] = sample[name]
            batch[name] = torch.from_numpy(stacked).to(dtype)
    return batch
