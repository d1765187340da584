"""The loss on depth: what the meshes show at the key points against a monocular estimator's depth there."""

from __future__ import annotations

import torch

__all__ = ["depth_loss", "surface_depth"]

CAMERA_DISTANCE = 1.0
"""Metres from the orthographic camera to the head's middle: the release renders at depth Z + 1."""
NEAREST = 0.1
"""Metres from the camera: what a bad step puts nearer, or behind it, has no logarithm and counts as there."""
SPLAT = 4 / 224
"""Radius in units of the network's input, 4 pixels, within which a vertex may be what is seen at a key point;
set by hand: twice the spacing of the cheek's vertices."""


def surface_depth(
    points: torch.Tensor, projected: torch.Tensor, depth: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Depth of the meshes as seen at image points: that of the nearest vertex among those which appear there.

    points : (B, K, 2) and projected : (B, V, 2) of the vertices, in units of the network's input; depth : (B, V) of the
    vertices along the view, metres from the head's middle.
    Returns (B, K) metres from the camera, and (B, K) bool whether anything is seen there.
    The release renders with PyTorch3D; taking the nearest vertex needs no rasteriser and has the same gradient, which
    also flows into one surface point for each pixel.
    """
    found, seen = [], []
    for at, places, away in zip(points, projected, depth, strict=True):
        with torch.no_grad():
            near = torch.cdist(at, places) < SPLAT
            vertex = torch.where(near, away, torch.inf).argmin(1)
        found.append(away[vertex] + CAMERA_DISTANCE)
        seen.append(near.any(1))
    return torch.stack(found), torch.stack(seen)


def depth_loss(found: torch.Tensor, estimated: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Scale-invariant error of logarithms: the weighed variance of d_k = log found_k - log estimated_k.

    found, estimated : (B, K), the latter positive and up to a scale; weight : (B, K), 0 to leave a point out.
    Returns (B,); 0 where no point counts.
    Source: Eigen et al., Depth Map Prediction from a Single Image, NeurIPS 2014, equation 3 with lambda = 1, because
    an estimator's scale is unknown and the head's distance is not among the network's outputs.
    """
    total = weight.sum(1, keepdim=True).clamp_min(1e-6)
    known = torch.where(weight > 0, estimated, torch.ones_like(estimated))
    difference = torch.log(found.clamp_min(NEAREST)) - torch.log(known)
    mean = (weight * difference).sum(1, keepdim=True) / total
    return (weight * (difference - mean).square()).sum(1) / total[:, 0]
