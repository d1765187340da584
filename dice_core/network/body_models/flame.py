"""FLAME's head as the network's parameters pose it.

Li et al., Learning a Model of Facial Shape and Expression from 4D Scans, ACM TOG 2017,
https://doi.org/10.1145/3130800.3130813.
"""

from __future__ import annotations

import torch
from torch import nn

from dice_core.network.body_models.skinning import SkinnedBody, rotation_matrices
from dice_core.network.files.body_files import BodyFile, LandmarkEmbedding

__all__ = ["EXPRESSION_COUNT", "SHAPE_COUNT", "FlameHead"]

SHAPE_COUNT = 100
"""Shape coefficients that the network predicts, the first of the file's."""
EXPRESSION_COUNT = 50
"""Expression coefficients that the network predicts."""
_FIRST_EXPRESSION = 300  # column of the file's basis where expressions begin


class FlameHead(nn.Module):
    """Head of FLAME with the directions that the network uses, and its 68 landmarks."""

    def __init__(self, file: BodyFile, landmarks: LandmarkEmbedding, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        expressions = range(_FIRST_EXPRESSION, _FIRST_EXPRESSION + EXPRESSION_COUNT)
        self.body = SkinnedBody(file, [*range(SHAPE_COUNT), *expressions], dtype)
        corners = torch.from_numpy(file.triangles[landmarks.triangle].astype("int64"))
        self.register_buffer("landmark_corners", corners)
        self.register_buffer("landmark_weights", torch.from_numpy(landmarks.barycentric).to(dtype))

    def posed(self, shape: torch.Tensor, expression: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
        """Head before the rigid motion: shape (B, 100), expression (B, 50), pose (B, 6) global and jaw. (B, V, 3)."""
        zero = torch.zeros_like(pose[:, :3])
        full = torch.stack([pose[:, :3], zero, pose[:, 3:], zero, zero], dim=1)
        return self.body(torch.cat([shape, expression], dim=1), full)[0]

    def forward(
        self,
        shape: torch.Tensor,
        expression: torch.Tensor,
        pose: torch.Tensor,
        rotation: torch.Tensor,
        translation: torch.Tensor,
    ) -> torch.Tensor:
        """Pose the head.

        shape : (B, 100); expression : (B, 50); pose : (B, 6) axis-angle of the root and of the jaw; rotation : (B, 3)
        axis-angle about the mean vertex; translation : (B, 3) metres.
        Returns vertices (B, 5023, 3).
        """
        vertices = self.posed(shape, expression, pose)
        centre = vertices.mean(1, keepdim=True)
        turned = (vertices - centre) @ rotation_matrices(rotation).transpose(1, 2)
        return turned + centre + translation[:, None]

    def landmarks(self, vertices: torch.Tensor) -> torch.Tensor:
        """68 landmarks of a head mesh: (B, 5023, 3) to (B, 68, 3)."""
        return torch.einsum("bncd,nc->bnd", vertices[:, self.landmark_corners], self.landmark_weights)
