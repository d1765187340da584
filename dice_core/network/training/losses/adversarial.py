"""Adversarial losses: parameters that the discriminators take for those of real hands and heads.

Goodfellow et al., Generative Adversarial Nets, NeurIPS 2014. The release has discriminators with a sigmoid, and its
weight; the form of the loss and when it starts are our choice.
"""

from __future__ import annotations

import torch
from torch.nn import functional

__all__ = ["discriminator_loss", "generator_loss"]


def generator_loss(judged: torch.Tensor) -> torch.Tensor:
    """-log D(predicted), the form that does not saturate.

    judged : (B, 1) probability that a prediction is real. Returns (B,).
    """
    return functional.binary_cross_entropy(judged, torch.ones_like(judged), reduction="none").mean(1)


def discriminator_loss(real: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
    """-(log D(real) + log(1 - D(predicted))) / 2.

    real, predicted : (B, 1) probabilities. Returns (B,).
    """
    told = functional.binary_cross_entropy(predicted, torch.zeros_like(predicted), reduction="none")
    return (generator_loss(real) + told.mean(1)) / 2
