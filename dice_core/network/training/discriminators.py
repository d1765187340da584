"""The two discriminators: does a set of parameters belong to a real hand, or a real head?"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

__all__ = ["Discriminators", "ParameterDiscriminator", "hand_pose", "head_pose"]

_WIDTHS = (256, 64)
"""Of the released head discriminator (`src/tools/infer.py`)."""
_HEAD_COLUMNS = 100 + 50 + 3  # shape, expression, jaw
_HAND_COLUMNS = 10 + 45  # shape, pose of the fingers


class ParameterDiscriminator(nn.Module):
    """Perceptron with two hidden layers and a sigmoid: (B, columns) to (B, 1) probability that they are real."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        first, second = _WIDTHS
        self.model = nn.Sequential(
            nn.Linear(columns, first),
            nn.ReLU(),
            nn.Linear(first, second),
            nn.ReLU(),
            nn.Linear(second, 1),
            nn.Sigmoid(),
        )

    def forward(self, parameters: torch.Tensor) -> torch.Tensor:
        judged: torch.Tensor = self.model(parameters)
        return judged


def head_pose(parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """What the head's discriminator sees: shape, expression and jaw, (B, 153)."""
    return torch.cat([parameters["face_shape"], parameters["face_exp"], parameters["face_pose"][:, 3:]], dim=1)


def hand_pose(parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """What the hand's discriminator sees: shape and finger pose, (B, 55)."""
    return torch.cat([parameters["rh_betas"], parameters["rh_pose"]], dim=1)


class Discriminators(nn.Module):
    """Both. The head's is the released one; the hand's is not released, and built alike on the hand's parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.head = ParameterDiscriminator(_HEAD_COLUMNS)
        self.hand = ParameterDiscriminator(_HAND_COLUMNS)
