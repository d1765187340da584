"""The residual network that predicts the depth of a hand from its landmarks and the head behind it, in torch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from dice_core.fitting.depth_prior import FEATURE_COUNT

__all__ = ["train"]

# Set by hand, compared on the simulated scenes that are held out.
WIDTH, BLOCKS = 448, 2
"""Units of a layer, and residual blocks."""

BATCH, EPOCHS = 512, 24
RATE, DECAY = 1.5e-3, 2e-4
"""Largest learning rate, and weight decay."""

HELD_OUT = 0.03
"""Share of the scenes that only measure the result."""

SHARPEST = np.log(0.02)
"""Smallest logarithm of a deviation in tenths of metres: it bounds how much a single scene's error can count."""

JOINT_WEIGHT = 4
"""Weight of the landmarks' depths in the loss, against the hand's."""


class _Network(nn.Module):
    def __init__(self, features: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(features.mean(axis=0)))
        self.register_buffer("deviation", torch.from_numpy(features.std(axis=0) + 1e-3))
        self.first = nn.Linear(FEATURE_COUNT, WIDTH)
        self.inner = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(BLOCKS))
        self.outer = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(BLOCKS))
        self.last = nn.Linear(WIDTH, 45)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.first((features - self.mean) / self.deviation))
        for inner, outer in zip(self.inner, self.outer, strict=True):
            hidden = torch.relu(hidden + outer(torch.relu(inner(hidden))))
        return self.last(hidden)


def train(
    features: np.ndarray, depth: np.ndarray, touching: np.ndarray, report: Callable[[str], None]
) -> dict[str, np.ndarray]:
    """Weights by name, for `HandDepthPrior`.

    features : (n, FEATURE_COUNT); depth : (n, 22) metres / 0.1: of the hand from the head, and of each landmark from
    where the landmark network puts it; touching : (n,) bool.
    """
    torch.manual_seed(3)
    generator = torch.Generator().manual_seed(4)
    held = int(len(features) * HELD_OUT)
    order = torch.randperm(len(features), generator=generator)
    x, y = torch.from_numpy(features)[order], torch.from_numpy(depth.astype(np.float32))[order]
    contact = torch.from_numpy(touching.astype(np.float32))[order]
    network = _Network(features)
    steps = EPOCHS * ((len(x) - held) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    step = 0
    for epoch in range(EPOCHS):
        batches = torch.randperm(len(x) - held, generator=generator) + held
        for k in range((len(x) - held) // BATCH):
            rows = batches[k * BATCH : (k + 1) * BATCH]
            optimiser.zero_grad(set_to_none=True)
            _loss(network(x[rows]), y[rows], contact[rows]).backward()
            optimiser.step()
            schedule.step()
            step += 1
        with torch.no_grad():
            out = network(x[:held])
        mean = (out[:, 0] - y[:held, 0]).abs() * 100
        joint = (out[:, 1:22] - y[:held, 1:]).abs().mean() * 100
        right = ((out[:, 44] > 0) == (contact[:held] > 0.5)).float().mean()
        touch = contact[:held] > 0.5
        loss = _loss(out, y[:held], contact[:held])
        report(
            f"epoch {epoch + 1}: loss {loss:.3f}, depth median {mean.median():.1f} mm"
            f" (touching {mean[touch].median():.1f}, free {mean[~touch].median():.1f}),"
            f" joints {joint:.1f} mm, touch or not {right:.3f}"
        )
    return {name: values.numpy().astype(np.float16) for name, values in network.state_dict().items()}


def _loss(out: torch.Tensor, depth: torch.Tensor, touching: torch.Tensor) -> torch.Tensor:
    """Laplace likelihood of the depths, and cross entropy of the touch."""
    sharpness = out[:, 22:44].clamp(min=SHARPEST)
    depths = (out[:, :22] - depth).abs() * torch.exp(-sharpness) + sharpness
    contact = nn.functional.binary_cross_entropy_with_logits(out[:, 44], touching)
    return depths[:, 0].mean() + depths[:, 1:].mean() * JOINT_WEIGHT + contact
