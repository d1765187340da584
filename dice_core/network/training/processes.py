"""Several processes that train one network: started by torchrun, exact to the rounding of sums.

Each process takes its share of every batch. Means over samples are taken over the whole batch, batch normalisation too,
and gradients are added up: the result is that of one process with the whole batch.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.distributed.nn.functional import all_reduce as differentiable_sum

__all__ = ["Group", "add_up_gradients", "is_any", "join", "leave", "share_batch_norm", "sums"]


@dataclass(frozen=True)
class Group:
    """rank : number of this process; size : how many there are."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0


def join(device: torch.device) -> Group:
    """Join the other processes if torchrun has started several."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size <= 1:
        return Group()
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Group(distributed.get_rank(), size)


def leave(group: Group) -> None:
    """After the last step."""
    if group.size > 1:
        distributed.barrier()
        distributed.destroy_process_group()


def sums(counts: dict[str, torch.Tensor], group: Group) -> dict[str, torch.Tensor]:
    """Numbers added up over all processes."""
    if group.size <= 1:
        return counts
    device = torch.device("cuda") if distributed.get_backend() == "nccl" else torch.device("cpu")
    stacked = torch.stack([value.to(device, torch.float64) for value in counts.values()])
    distributed.all_reduce(stacked)
    return dict(zip(counts, stacked, strict=True))


def is_any(value: bool, group: Group) -> bool:
    """Whether it holds in any of the processes, which all are told."""
    return value if group.size <= 1 else float(sums({"any": torch.tensor(float(value))}, group)["any"]) > 0


def add_up_gradients(parameters: Iterable[nn.Parameter], group: Group) -> None:
    """Replace every gradient by its sum over the processes."""
    if group.size <= 1:
        return
    known = [value for value in parameters if value.requires_grad]
    for value in known:
        if value.grad is None:
            value.grad = torch.zeros_like(value)
    flat = torch.cat([value.grad.flatten() for value in known])  # type: ignore[union-attr]
    distributed.all_reduce(flat)
    offset = 0
    for value in known:
        value.grad.copy_(flat[offset : offset + value.numel()].view_as(value))  # type: ignore[union-attr]
        offset += value.numel()


class _SharedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation whose mean and variance are those of the whole batch, on any device."""

    def _check_input_dim(self, values: torch.Tensor) -> None:
        pass

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(values)
        over = [axis for axis in range(values.dim()) if axis != 1]
        exact = values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
        own = torch.tensor([values.numel() / values.shape[1]], dtype=exact.dtype, device=values.device)
        mean = differentiable_sum(torch.cat([exact.sum(over), own]))
        count = mean[-1]
        mean = mean[:-1] / count
        shape = [1, -1] + [1] * (values.dim() - 2)
        centred = exact - mean.view(shape)
        variance = differentiable_sum(centred.square().sum(over)) / count
        with torch.no_grad():
            momentum = self.momentum if self.momentum is not None else 0.1
            self.running_mean.lerp_(mean.detach(), momentum)  # type: ignore[union-attr]
            self.running_var.lerp_(variance.detach() * count / (count - 1), momentum)  # type: ignore[union-attr]
            self.num_batches_tracked.add_(1)  # type: ignore[union-attr]
        scaled = centred * torch.rsqrt(variance + self.eps).view(shape)
        return (scaled * self.weight.view(shape) + self.bias.view(shape)).to(values.dtype)


def share_batch_norm(module: nn.Module) -> None:
    """Replace every batch normalisation by one over all processes; parameters and names stay."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            shared = _SharedBatchNorm(child.num_features, child.eps, child.momentum)
            shared.load_state_dict(child.state_dict(), assign=True)
            shared.train(child.training)
            setattr(module, name, shared)
        else:
            share_batch_norm(child)
