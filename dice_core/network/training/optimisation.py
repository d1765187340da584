"""The optimiser's parts that are more than torch's own: parameter groups, schedule, moving average."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

__all__ = ["MovingAverage", "Optimisation", "learning_rate", "make_optimiser"]

_CAMERA = "cam_param_fc"
_MAPS = ("hand_upsampling", "head_upsampling", "head_deform_upsampling")
"""How the names of the camera's layers begin, and those of the maps between mesh levels that carry metres."""


@dataclass(frozen=True)
class Optimisation:
    """AdamW (Loshchilov and Hutter, ICLR 2019) with the release's values, and what it leaves out.

    learning_rate, betas, weight_decay : the release's; drop_at, drop_to : share of the steps after which the rate is
    multiplied (0.1 at half time in the release); warm_up : steps of a linear start; clip : largest norm of the
    gradient, 0 for none; camera_factor : of the rate of the camera's layers, whose outputs are pixels where others are
    metres; maps_factor : of that of the maps of positions between mesh levels, each of whose outputs is a sum over all
    vertices of the coarser mesh, so that one step of them moves it as far as hundreds of steps of other layers do;
    average : decay of the exponential moving average of the weights, 0 for none.
    """

    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 1e-4
    drop_at: float = 0.5
    drop_to: float = 0.1
    warm_up: int = 0
    clip: float = 100.0
    camera_factor: float = 10.0
    maps_factor: float = 0.02
    average: float = 0.999


def make_optimiser(network: nn.Module, settings: Optimisation) -> torch.optim.AdamW:
    """AdamW over a network's parameters; the camera's layers and the maps between mesh levels have their own rates."""
    parts: dict[float, list[nn.Parameter]] = {}
    for name, value in network.named_parameters():
        is_camera, is_map = name.startswith(_CAMERA), name.startswith(_MAPS)
        factor = settings.camera_factor if is_camera else settings.maps_factor if is_map else 1.0
        parts.setdefault(factor, []).append(value)
    groups = [{"params": values, "factor": factor} for factor, values in parts.items()]
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
