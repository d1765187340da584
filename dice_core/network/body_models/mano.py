"""MANO's hand as the network's parameters pose it.

Romero, Tzionas and Black, Embodied Hands, ACM TOG 2017, https://doi.org/10.1145/3130800.3130883.
"""

from __future__ import annotations

import torch
from torch import nn

from dice_core.network.body_models.skinning import SkinnedBody
from dice_core.network.files.body_files import HandFile

__all__ = ["ManoHand"]

# Vertices at the tips of thumb, index, middle, ring and little finger, as the key points of the network's tokens.
_TOKEN_TIPS = (745, 317, 445, 556, 673)
# The same in the `mano` package, whose joints the network's parameters were trained on.
_POSED_TIPS = (744, 320, 443, 554, 671)
# From joints (wrist; index, middle, little, ring, thumb, three each) and tips to wrist, thumb, index, ..., little.
_KEYPOINT_ORDER = (0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20)
# Joint before each tip; the posed tips lie at this share of the way from it, as in the training data.
_BEFORE_TIP = (15, 3, 6, 12, 9)
_TIP_SHARE = 0.7


class ManoHand(nn.Module):
    """Right hand of MANO: axis-angle or principal-component pose, no mean pose added to axis-angle."""

    def __init__(self, file: HandFile, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.body = SkinnedBody(file, dtype=dtype)
        self.register_buffer("components", torch.from_numpy(file.components).to(dtype))
        self.register_buffer("mean_pose", torch.from_numpy(file.mean_pose).to(dtype))

    def pose_of_components(self, coefficients: torch.Tensor, flat_mean: bool = True) -> torch.Tensor:
        """Axis-angle pose of principal components: (B, n) to (B, 45).

        flat_mean : whether all zeros mean the flat hand, or the mean hand.
        """
        pose = coefficients @ self.components[: coefficients.shape[1]]
        return pose if flat_mean else pose + self.mean_pose

    def forward(
        self, betas: torch.Tensor, rotation: torch.Tensor, pose: torch.Tensor, translation: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Pose the hand.

        betas : (B, 10); rotation : (B, 3) axis-angle about the wrist; pose : (B, 45) axis-angle of the fingers' joints
        in MANO's order; translation : (B, 3) metres.
        Returns vertices (B, 778, 3) and the 16 joints with the five tips after them, (B, 21, 3), in MANO's order.
        """
        full = torch.cat([rotation, pose], dim=1).unflatten(1, (-1, 3))
        vertices, joints = self.body(betas, full)
        vertices = vertices + translation[:, None]
        return vertices, torch.cat([joints + translation[:, None], vertices[:, list(_POSED_TIPS)]], dim=1)

    @staticmethod
    def keypoints(joints: torch.Tensor) -> torch.Tensor:
        """The 21 key points of posed joints, wrist to little finger, with tips shortened as in the training data.

        joints : (B, 21, 3) of `forward`. Returns (B, 21, 3).
        """
        before = joints[:, list(_BEFORE_TIP)]
        tips = before + _TIP_SHARE * (joints[:, 16:] - before)
        return torch.cat([joints[:, :16], tips], dim=1)[:, list(_KEYPOINT_ORDER)]

    def vertex_keypoints(self, vertices: torch.Tensor) -> torch.Tensor:
        """The 21 key points of any hand mesh, by the joint regressor: (B, 778, 3) to (B, 21, 3)."""
        joints = self.body.joints(vertices)
        return torch.cat([joints, vertices[:, list(_TOKEN_TIPS)]], dim=1)[:, list(_KEYPOINT_ORDER)]
