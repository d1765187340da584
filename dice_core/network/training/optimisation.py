"""The optimiser's parts that are more than torch's own: parameter groups, schedule, moving average."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

__all__ = ["MovingAverage", "Optimisation", "learning_rate", "make_optimiser"]

_CAMERA = "cam_param_fc"


@dataclass(frozen=True)
class Optimisation:
    """AdamW (Loshchilov and Hutter, ICLR 2019) with the release's values, and what it leaves out.

    learning_rate, betas, weight_decay : the release's; drop_at, drop_to : share of the steps after which the rate is
    multiplied (0.1 at half time in the release); warm_up : steps of a linear start; clip : largest norm of the
    gradient, 0 for none; camera_factor : of the rate of the camera's layers, whose outputs are pixels where others are
    metres; average : decay of the exponential moving average of the weights, 0 for none.
    """

    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 1e-4
    drop_at: float = 0.5
    drop_to: float = 0.1
    warm_up: int = 0
    clip: float = 100.0
    camera_factor: float = 10.0
    average: float = 0.999


def make_optimiser(network: nn.Module, settings: Optimisation) -> torch.optim.AdamW:
    """AdamW over a network's parameters; the camera's layers are a group of their own with a rate of their own."""
    camera = [value for name, value in network.named_parameters() if name.startswith(_CAMERA)]
    others = [value for name, value in network.named_parameters() if not name.startswith(_CAMERA)]
    groups = [{"params": others, "factor": 1.0}]
    if camera:
        groups.append({"params": camera, "factor": settings.camera_factor})
    # Fused: the optimiser's share of a step of the reduced network is a fifth instead of a half on a processor.
    fused = all(value.device.type in ("cpu", "cuda") for value in network.parameters())
    return torch.optim.AdamW(
        groups, lr=settings.learning_rate, betas=settings.betas, weight_decay=settings.weight_decay, fused=fused
    )


def learning_rate(step: int, steps: int, settings: Optimisation) -> float:
    """Rate of a step, counted from 0: a linear start, then constant, multiplied by `drop_to` late in the run."""
    rate = settings.learning_rate
    if step < settings.warm_up:
        return rate * (step + 1) / settings.warm_up
    return rate * settings.drop_to if step >= settings.drop_at * steps else rate


class MovingAverage:
    """Exponential moving average of a network's tensors, which is what is captured and evaluated with.

    Early on the decay is (1 + n) / (10 + n) after n steps, so that the first weights are soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self.tensors = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """After the step of this number, counted from 0."""
        decay = min(self._decay, (1 + step) / (10 + step)) if self._decay else 0.0
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.tensors[name].lerp_(value, 1 - decay)
            else:
                self.tensors[name].copy_(value)
