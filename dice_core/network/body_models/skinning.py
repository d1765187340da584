"""Linear blend skinning with pose correctives on torch, as SMPL and its descendants define it.

Loper et al., SMPL: A Skinned Multi-Person Linear Model, ACM TOG 2015, https://doi.org/10.1145/2816795.2818013.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from dice_core.network.files.body_files import BodyFile

__all__ = ["SkinnedBody", "rotation_matrices"]

_SMALL_ANGLE = 1e-4  # radians; below it the series is exact in float32


def rotation_matrices(axis_angle: torch.Tensor) -> torch.Tensor:
    """Rodrigues' formula: (..., 3) radians to (..., 3, 3)."""
    angle = axis_angle.norm(dim=-1)[..., None, None]
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))
    small = angle < _SMALL_ANGLE
    safe = torch.where(small, torch.ones_like(angle), angle)
    sine = torch.where(small, 1 - angle**2 / 6, torch.sin(safe) / safe)
    cosine = torch.where(small, 0.5 - angle**2 / 24, (1 - torch.cos(safe)) / safe**2)
    return torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device) + sine * cross + cosine * (cross @ cross)


class SkinnedBody(nn.Module):
    """A body model's file as a layer.

    body : the file; columns : which columns of its shape basis are used, None for all.
    """

    def __init__(
        self, body: BodyFile, columns: Sequence[int] | None = None, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        basis = body.shape_basis if columns is None else body.shape_basis[..., list(columns)]

        def keep(name: str, array: np.ndarray) -> None:
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(array)).to(dtype))

        keep("template", body.template)
        keep("shape_basis", basis)
        keep("pose_basis", body.pose_basis)
        keep("joint_regressor", body.joint_regressor)
        keep("weights", body.weights)
        self.parents = [int(parent) for parent in body.parents]
        self.triangles = body.triangles

    def shaped(self, shape: torch.Tensor) -> torch.Tensor:
        """Rest vertices of shape coefficients: (B, S) to (B, V, 3)."""
        return self.template + torch.einsum("vds,bs->bvd", self.shape_basis, shape)

    def joints(self, shaped: torch.Tensor) -> torch.Tensor:
        """Rest joints of rest vertices: (B, V, 3) to (B, J, 3)."""
        return torch.einsum("jv,bvd->bjd", self.joint_regressor, shaped)

    def forward(self, shape: torch.Tensor, pose: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pose the body.

        shape : (B, S) coefficients; pose : (B, J, 3) axis-angle of each joint relative to its parent.
        Returns vertices (B, V, 3) and joints (B, J, 3), metres.
        """
        shaped = self.shaped(shape)
        rest = self.joints(shaped)
        local = rotation_matrices(pose)
        identity = torch.eye(3, dtype=local.dtype, device=local.device)
        corrections = (local[:, 1:] - identity).flatten(1)
        shaped = shaped + torch.einsum("vdp,bp->bvd", self.pose_basis, corrections)
        linear: list[torch.Tensor] = []
        origin: list[torch.Tensor] = []
        for joint, parent in enumerate(self.parents):
            if parent < 0:
                linear.append(local[:, joint])
                origin.append(rest[:, joint])
            else:
                linear.append(linear[parent] @ local[:, joint])
                step = (rest[:, joint] - rest[:, parent])[..., None]
                origin.append(origin[parent] + (linear[parent] @ step)[..., 0])
        turns, joints = torch.stack(linear, dim=1), torch.stack(origin, dim=1)
        offsets = joints - (turns @ rest[..., None])[..., 0]
        blended = torch.einsum("vj,bjxy->bvxy", self.weights, turns)
        moved = (blended @ shaped[..., None])[..., 0] + torch.einsum("vj,bjx->bvx", self.weights, offsets)
        return moved, joints
