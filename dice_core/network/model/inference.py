"""Running the network over many frames: device, precision and batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch.backends import cudnn

from dice_core.errors import DiceError, InputError
from dice_core.network.model.crop import Crop, normalise
from dice_core.network.model.dice import DiceNetwork, Outputs
from dice_core.network.model.fused import FusedNetwork
from dice_core.network.model.precision import Change, check_precision, half_types

__all__ = ["NetworkResult", "Runner", "View", "choose_device"]

_CPU_BATCH = 4
"""Images in a batch on processors; set by hand after `tools/benchmark_network.py`: larger ones gain nothing."""
_GPU_BATCH = 16
"""Images in a batch on other devices; set by hand."""
_UNTIMED = ("mps",)
"""Devices on which nobody has timed half precision: there it is used on demand only."""


@dataclass(frozen=True)
class NetworkResult:
    """One view's outputs by the names of `Outputs`. crop : what the network saw."""

    crop: Crop
    outputs: dict[str, np.ndarray]


class View(Protocol):
    """What the network reads of a frame."""

    @property
    def crop(self) -> Crop:
        """Where it stands in the frame."""

    @property
    def pixels(self) -> np.ndarray:
        """(224, 224, 3) uint8 RGB."""


def choose_device(name: str) -> torch.device:
    """Device of a setting: "auto", "cpu", "cuda" or "mps".

    Raises InputError where the device is unknown or not available.
    """
    mps = getattr(torch.backends, "mps", None)
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": mps is not None and mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    if name not in available:
        raise InputError(f"There is no device {name!r}: use auto, cpu, cuda or mps.")
    if not available[name]:
        raise InputError(f"The device {name} is not available to torch on this machine: use auto or cpu.")
    return torch.device(name)


class Runner:
    """The network on a device, for batches of images.

    network : with its weights; positions : (843, 3) of `reference_positions`; device, precision : as a user chooses
    them; gate : the paper's presence gate; trial : (224, 224, 3) uint8 RGB, a hand at a face, on which half precision
    is tried. With "auto", half precision is used where the device is faster with it and the trial's result stays as
    good; without a trial, never.
    `dtype` is the precision in use; `warnings` are sentences for the user.
    Raises InputError where the device, or half precision on it, is not available.
    """

    def __init__(
        self,
        network: DiceNetwork,
        positions: torch.Tensor,
        device: str = "auto",
        precision: str = "auto",
        *,
        gate: bool = True,
        trial: np.ndarray | None = None,
    ) -> None:
        self.device = choose_device(device)
        self.gate = gate
        self.batch = _CPU_BATCH if self.device.type == "cpu" else _GPU_BATCH
        self.warnings: tuple[str, ...] = ()
        if self.device.type == "cuda":
            # For the whole process, which runs nothing else. By default, convolutions round float32 to 10 bits (TF32)
            # and may differ from run to run; full precision and repeatable takes need both switched off.
            cudnn.allow_tf32, cudnn.deterministic = False, True
        with torch.no_grad():
            self._network = self._choose(network, positions, precision, trial)
        self.dtype = self._network.dtype

    def _choose(
        self, network: DiceNetwork, positions: torch.Tensor, precision: str, trial: np.ndarray | None
    ) -> FusedNetwork:
        check_precision(precision)
        types = half_types(self.device) if precision != "full" else ()
        if precision == "half" and not types:
            raise InputError(
                f"The device {self.device.type} of this machine does not compute in half precision: "
                "use --precision auto or full."
            )
        if precision == "auto" and (trial is None or self.device.type in _UNTIMED):
            types = ()
        expected = None
        for dtype in types:
            candidate = self._fused(network, positions, dtype)
            if trial is None:
                return candidate
            images = normalise(trial[None])
            if expected is None:
                expected = network(images, positions, gate=False)
            change = Change.between(self._outputs(candidate, images, gate=False), expected)
            if change.negligible:
                return candidate
            if precision == "half" and change.finite:
                self.warnings = (
                    f"Half precision moves this checkpoint's vertices by {change.vertices_mm:.1f} mm on average and "
                    f"its contact by {change.contact:.2f}: capture with --precision full to avoid that.",
                )
                return candidate
        if precision == "half":
            raise InputError("This checkpoint's numbers do not fit half precision: use --precision auto or full.")
        return self._fused(network, positions, torch.float32)

    def _fused(self, network: DiceNetwork, positions: torch.Tensor, dtype: torch.dtype) -> FusedNetwork:
        on_cpu = self.device.type == "cpu"
        return FusedNetwork(network, positions, dtype, winograd=on_cpu).to(self.device)

    def _outputs(self, network: FusedNetwork, images: torch.Tensor, *, gate: bool) -> Outputs:
        """Outputs in float32 on the CPU for images (B, 3, 224, 224) as `normalise` gives them."""
        with torch.inference_mode():
            outputs = network(images.to(self.device), gate).as_dict()
            return Outputs(**{name: values.float().cpu() for name, values in outputs.items()})

    def run(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs by name for a batch of inputs: (B, 224, 224, 3) uint8 RGB, see `crop.cut`."""
        return self._run(normalise(pixels))

    def _run(self, images: torch.Tensor) -> dict[str, np.ndarray]:
        outputs = self._outputs(self._network, images, gate=self.gate).as_dict()
        result = {name: values.numpy() for name, values in outputs.items()}
        if self.dtype != torch.float32 and not all(np.isfinite(values).all() for values in result.values()):
            raise DiceError("The network's numbers do not fit half precision here: capture with --precision full.")
        return result

    def results(self, views: Sequence[View]) -> list[NetworkResult]:
        """The network's results for views, which make one batch; none for none.

        views : each with its `crop`, and `pixels` as `crop.cut` gives them.
        """
        if not views:
            return []
        outputs = self.run(np.stack([view.pixels for view in views]))
        return [
            NetworkResult(view.crop, {name: values[k] for name, values in outputs.items()})
            for k, view in enumerate(views)
        ]
