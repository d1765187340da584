"""Losses of the hand against the head: it should touch where both say so, and not stand in the skin.

Decaf (Shimada et al., SIGGRAPH Asia 2023, https://doi.org/10.1145/3618329) has both as chamfer distances; the exact
forms that DICE trained with are not public. These are our reconstruction.
"""

from __future__ import annotations

import torch

__all__ = ["DEEPEST", "collision_loss", "touch_loss", "vertex_normals"]

DEEPEST = 0.05
"""Metres: deeper than this is a leak of the nearest vertex, as in the plausibility metrics."""


def vertex_normals(vertices: torch.Tensor, triangles: torch.Tensor) -> torch.Tensor:
    """Unit normals by the areas of the triangles around: (B, V, 3) and (T, 3) int to (B, V, 3), outward."""
    corners = vertices[:, triangles]
    area = torch.linalg.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    total = torch.zeros_like(vertices)
    for corner in range(3):
        total = total.index_add(1, triangles[:, corner], area)
    return total / (total.square().sum(2, keepdim=True) + 1e-24).sqrt()


def _nearest(points: torch.Tensor, among: torch.Tensor) -> torch.Tensor:
    """(B, n) index of the nearest of `among` (B, m, 3) for each of `points` (B, n, 3)."""
    with torch.no_grad():
        return torch.stack([torch.cdist(one, other).argmin(1) for one, other in zip(points, among, strict=True)])


def _at(values: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """values (B, m, 3) at index (B, n)."""
    return values.gather(1, index[..., None].expand(-1, -1, 3))


def collision_loss(hand: torch.Tensor, head: torch.Tensor, triangles: torch.Tensor, skin: torch.Tensor) -> torch.Tensor:
    """Mean depth of the hand's vertices below the skin, 1/n sum_i max(0, (h_j(i) - x_i) . n_j(i)).

    j(i) is the skin's vertex nearest to the hand's vertex x_i; those more than `DEEPEST` away do not count.
    hand : (B, n, 3); head : (B, V, 3) with its deformation; triangles : (T, 3) of the head, outward; skin : (S,)
    indices of the head's vertices that can be touched. Returns (B,) metres.
    """
    surface, normals = head[:, skin], vertex_normals(head, triangles)[:, skin]
    nearest = _nearest(hand, surface)
    to_skin = _at(surface, nearest) - hand
    depth = (to_skin * _at(normals, nearest)).sum(2)
    is_near = to_skin.detach().norm(dim=2) < DEEPEST
    return (depth.clamp_min(0) * is_near).mean(1)


def touch_loss(
    hand: torch.Tensor, head: torch.Tensor, hand_contact: torch.Tensor, head_contact: torch.Tensor
) -> torch.Tensor:
    """Chamfer distance between the vertices in contact, half of it from either side; 0 where nothing touches.

    1/2 (mean_i min_j |x_i - h_j| + mean_j min_i |x_i - h_j|) over the i and j in contact.
    hand, head : (B, n, 3), (B, V, 3); hand_contact, head_contact : (B, n), (B, V) bool. Returns (B,) metres.
    """
    losses = []
    for points, skin, one, other in zip(hand, head, hand_contact, head_contact, strict=True):
        if not (one.any() and other.any()):
            losses.append(points.sum() * 0)
            continue
        distance = torch.cdist(points[one], skin[other], compute_mode="donot_use_mm_for_euclid_dist")
        losses.append((distance.amin(1).mean() + distance.amin(0).mean()) / 2)
    return torch.stack(losses)
