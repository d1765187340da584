"""Losses against a known truth: meshes, key points, parameters, contact and deformation.

Every function returns one number for each sample, (B,), so that samples which lack a truth can be left out by their
`has_*` masks. Lengths are in metres.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn import functional

from dice_core.network.body_models.skinning import rotation_matrices

__all__ = [
    "contact_loss",
    "deformation_loss",
    "deformation_magnitude",
    "joints_2d_loss",
    "parameter_loss",
    "presence_loss",
    "stiffness_mask",
    "vertex_loss",
]

_ROTATIONS = ("rh_rot", "face_rot")
"""Parameters that are whole turns of a body, in which axis-angle jumps at half a turn."""
_STIFFNESS_OFFSET, _STIFFNESS_POWER = 1.1, -1.5
"""Of the released stiffness mask (`src/tools/infer.py`)."""


def vertex_loss(found: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of points, 1/(3 n) sum |found - true|, for vertices and 3D key points alike.

    found, true : (B, n, 3). Returns (B,) metres.
    Source: `CoordLoss` of the release (`src/common/nets/loss.py`); METRO (Lin et al., CVPR 2021), equation 1.
    """
    return (found - true).abs().mean(dim=(1, 2))


def joints_2d_loss(found: torch.Tensor, true: torch.Tensor, confidence: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of projected key points, weighed by how far each is trusted.

    sum_k c_k |found_k - true_k|_1 / (2 sum_k c_k); a sample without a trusted key point gives 0.
    found, true : (B, K, 2) in units of the network's input, 0 to 1; confidence : (B, K), 0 to 1. Returns (B,).
    Source: `CoordLoss` of the release with `valid` as confidence.
    """
    difference = (found - true).abs().mean(dim=2)
    return (confidence * difference).sum(1) / confidence.sum(1).clamp_min(1e-6)


def parameter_loss(found: Mapping[str, torch.Tensor], true: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Mean over the parameters of mean |found - true|, whole turns as matrices.

    found, true : parameters by name, (B, columns) each; those in `true` count. Returns (B,).
    Source: `ParamLoss` of the release. Our choice: the rotations of hand and head are compared as matrices, because
    hands that touch a face are near half a turn, where axis-angle jumps by 2 pi.
    """
    terms = []
    for name, wanted in true.items():
        one, other = found[name], wanted
        if name in _ROTATIONS:
            one, other = rotation_matrices(one).flatten(1), rotation_matrices(other).flatten(1)
        terms.append((one - other).abs().mean(1))
    return torch.stack(terms).mean(0)


def contact_loss(found: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Binary cross entropy, -1/n sum t log p + (1 - t) log(1 - p).

    found : (B, n) probabilities; true : (B, n), 0 to 1. Returns (B,).
    Source: the paper, section 3.3; as torch does, logarithms are at least -100.
    """
    return functional.binary_cross_entropy(found, true, reduction="none").mean(1)


def presence_loss(found: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Binary cross entropy of "the hand touches the head".

    found : (B, 1) probability; true : (B,), 0 or 1. Returns (B,). Source: as `contact_loss`.
    """
    return contact_loss(found, true[:, None])


def stiffness_mask(stiffness: torch.Tensor) -> torch.Tensor:
    """Weight of each vertex's deformation: (1.1 - s)^-1.5 over its minimum, so that skin over bone counts most.

    stiffness : (V,), 0 for the softest to 1. Returns (V,), at least 1.
    Source: `deform_weight_mask` of the release (`src/tools/infer.py`).
    """
    mask = (_STIFFNESS_OFFSET - stiffness) ** _STIFFNESS_POWER
    return mask / mask.min()


def deformation_loss(found: torch.Tensor, true: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Weighed mean absolute difference of the skin's deformation, 1/(3 V) sum_v m_v |found_v - true_v|_1.

    found, true : (B, V, 3) metres, in the network's sign; mask : (V,) of `stiffness_mask`. Returns (B,) metres.
    The mask is the release's; the norm, which it leaves open, that of the other vertex losses.
    """
    return (mask[:, None] * (found - true).abs()).mean(dim=(1, 2))


def deformation_magnitude(found: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Weighed mean length of the deformation, 1/V sum_v m_v |found_v|_2: the regulariser, and what pictures without a
    known deformation are given instead of its loss.

    found : (B, V, 3) metres; mask : (V,). Returns (B,) metres.
    The release states the weights alone (10, and 1000 for in-the-wild pictures); the form is our choice: a length, so
    that skin which does not move is exactly still.
    """
    # A norm has no gradient at zero; 1e-12 metres are far below what float32 holds beside a millimetre.
    length = (found.square().sum(2) + 1e-24).sqrt()
    return (mask * length).mean(1)
