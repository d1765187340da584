"""How the network that `ExpressionPrior` evaluates learns: its hidden layer, and how its inputs are reduced.

Numbers were set by hand, compared on heads that were not learned from and on the stills of `benchmark_accuracy.py make
--seed 11`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from expression_network.samples import Samples
from expression_network.training import EXPRESSIONS, FARTHEST, TURN, Inputs, Reading, Reduction

__all__ = ["learn"]

HIDDEN = 768

DROPPED, NOISE = 0.3, 0.7
"""Share of the hidden units that are left out, and deviation of what is added to the reduced inputs, of their own.
With less of both (0.2, 0.15) the correlation on heads of other people was 0.52 instead of 0.53; noise of 0.4 reads
renders as well as 0.7 does, and real faces less (docs/accuracy.md)."""

BATCH, EPOCHS, DECAY = 512, (20, 10), 0.03
"""Faces of a step; epochs with the matrices that reduce the inputs as they are (principal components), and with these
learning too, which is worth more than any width; AdamW's decay."""

LEAST_STEPS = 16
"""Of an epoch, of smaller batches where there are few faces."""

RATE, FINE_RATE, REDUCE_RATE = 2e-3, 5e-4, 1e-4
"""Largest learning rates: while the matrices stay, after that, and theirs."""

TURN_UNIT, TURN_WEIGHT, LEAST_SPREAD = 0.1, 0.5, 0.02
"""Radians in which the loss has the turn, its weight against the expressions', and what is added to the deviation of an
expression among the faces, its unit."""


class Network(nn.Module):
    """A hidden layer between the reduced inputs (n, width) and expressions and turn (n, 55), and a way around it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, HIDDEN)
        self.last = nn.Linear(HIDDEN, EXPRESSIONS + TURN)
        self.direct = nn.Linear(width, EXPRESSIONS + TURN, bias=False)
        nn.init.zeros_(self.direct.weight)
        self.drop = nn.Dropout(DROPPED)

    def forward(self, reduced: torch.Tensor) -> torch.Tensor:
        lit = self.drop(torch.relu(self.hidden(reduced)))
        return torch.as_tensor(self.last(lit) + self.direct(reduced))

    def reading(self) -> Reading:
        """What has been learned, for numpy."""
        hidden, bias, last, direct, end = (
            part.detach().float().cpu().numpy()
            for part in (self.hidden.weight, self.hidden.bias, self.last.weight, self.direct.weight, self.last.bias)
        )
        return Reading(hidden.T, bias, last.T, direct.T, end)


class _Lesson:
    """Faces to learn from, on a device, and the loss of what is read of them."""

    def __init__(self, inputs: Inputs, samples: Samples, reduction: Reduction, device: str) -> None:
        self.values = {name: torch.from_numpy(np.asarray(value)).to(device) for name, value in inputs.values.items()}
        self.expression = torch.from_numpy(samples.expression).to(device)
        self.turn = torch.from_numpy(samples.turn).to(device)
        self.unit = self.expression.std(dim=0) + LEAST_SPREAD
        self.weights = {name: torch.from_numpy(value).to(device) for name, value in reduction.weights.items()}
        reduced = torch.cat([self.reduced(rows) for rows in torch.arange(len(inputs), device=device).split(4096)])
        self.fixed, self.spread = reduced, reduced.std(dim=0)

    def reduced(self, rows: torch.Tensor) -> torch.Tensor:
        """(n, width) of some faces, by the matrices as they are now."""
        weights, parts = self.weights, []
        for name, values in self.values.items():
            normal = (values[rows].float() - weights[f"{name}.mean"]) / weights[f"{name}.scale"]
            parts.append(normal.clamp(-FARTHEST, FARTHEST) @ weights[f"{name}.reduce"])
        return torch.cat(parts, dim=1)

    def loss(self, network: Network, rows: torch.Tensor, learns_to_reduce: bool) -> torch.Tensor:
        reduced = self.reduced(rows) if learns_to_reduce else self.fixed[rows]
        read = network(reduced + NOISE * self.spread * torch.randn_like(reduced))
        wrong = (read[:, :EXPRESSIONS] - self.expression[rows]) / self.unit
        turned = (read[:, EXPRESSIONS:] - self.turn[rows]) / TURN_UNIT
        return (wrong**2).mean() + TURN_WEIGHT * (turned**2).mean()


def learn(
    reduction: Reduction, inputs: Inputs, samples: Samples, device: str = "cpu", report: Callable[[str], None] = print
) -> tuple[Reduction, Reading]:
    """From n faces: how their inputs are reduced, starting from `reduction`, and read."""
    torch.manual_seed(3)
    lesson = _Lesson(inputs, samples, reduction, device)
    network = Network(lesson.fixed.shape[1]).to(device).train()
    matrices = [f"{name}.reduce" for name in inputs.values]
    for count, learns_to_reduce in zip(EPOCHS, (False, True), strict=True):
        groups, rates = [{"params": list(network.parameters())}], [FINE_RATE if learns_to_reduce else RATE]
        if learns_to_reduce:
            lesson.weights |= {name: nn.Parameter(lesson.weights[name].clone()) for name in matrices}
            groups, rates = [*groups, {"params": [lesson.weights[name] for name in matrices]}], [*rates, REDUCE_RATE]
        batch = min(BATCH, max(1, len(inputs) // LEAST_STEPS))
        steps = len(inputs) // batch
        optimiser = torch.optim.AdamW(groups, lr=rates[0], weight_decay=DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rates, total_steps=count * steps + 1, pct_start=0.15)
        for epoch in range(count):
            total = 0.0
            for rows in torch.randperm(len(inputs), device=device).split(batch)[:steps]:
                loss = lesson.loss(network, rows, learns_to_reduce)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                schedule.step()
                total += float(loss.detach())
            report(f"epoch {epoch + 1} of {count}: {total / steps:.3f}")
    learned = {name: lesson.weights[name].detach().float().cpu().numpy() for name in matrices}
    return reduction.with_weights(learned), network.reading()
