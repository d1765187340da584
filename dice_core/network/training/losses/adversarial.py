"""Adversarial losses: parameters that the discriminators take for those of real hands and heads.

Mao et al., Least Squares Generative Adversarial Networks, ICCV 2017, as Kanazawa et al., End-to-end Recovery of Human
Shape and Pose, CVPR 2018, use them for poses. The release has discriminators with a sigmoid, and its weight; the form
of the loss and when it starts are our choice. The squares let go of a prediction that the discriminator is sure about,
where the logarithm of Goodfellow et al. 2014 pulls hardest: with it, posed bodies lost what they had learned.
"""

from __future__ import annotations

import torch

__all__ = ["discriminator_loss", "generator_loss"]


def generator_loss(judged: torch.Tensor) -> torch.Tensor:
    """(D(predicted) - 1)^2.

    judged : (B, 1) probability that a prediction is real. Returns (B,).
    """
    return ((judged - 1) ** 2).mean(1)


def discriminator_loss(real: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
    """((D(real) - 1)^2 + D(predicted)^2) / 2.

    real, predicted : (B, 1) probabilities. Returns (B,).
    """
    return (generator_loss(real) + (predicted**2).mean(1)) / 2
