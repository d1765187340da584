"""Running the network over many frames: device, precision, batches, and preprocessing beside the network."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dice_core.ahead import run_ahead
from dice_core.errors import InputError
from dice_core.network.crop import Crop, cut, normalise
from dice_core.network.dice import DiceNetwork
from dice_core.network.fused import FusedNetwork

__all__ = ["NetworkResult", "Runner", "choose_device", "choose_dtype", "has_fast_bfloat16"]

_BATCHES_AHEAD = 2  # prepared while the network works on another
_CPU_BATCH = 4  # images; larger ones no longer gain
_GPU_BATCH = 16


@dataclass(frozen=True)
class NetworkResult:
    """One image's outputs by name. key : as given with the image; crop : what the network saw."""

    key: Any
    crop: Crop
    outputs: dict[str, np.ndarray]


def has_fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware (avx512_bf16 or AMX), so that it is faster than float32."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(check()) for name in checks if (check := getattr(torch.cpu, name, None)) is not None)


def choose_device(name: str) -> torch.device:
    """Device of a setting: "auto", "cpu", "cuda" or "mps".

    Raises InputError where the device is not there.
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


def choose_dtype(device: torch.device, precision: str = "float32") -> torch.dtype:
    """Element type of a precision: "float32", or "half" for bfloat16 where that is fast, else float32 too."""
    if precision not in ("float32", "half"):
        raise InputError(f"There is no precision {precision!r}: use float32 or half.")
    if precision == "float32" or device.type == "mps":
        return torch.float32
    fast = torch.cuda.is_bf16_supported() if device.type == "cuda" else has_fast_bfloat16()
    return torch.bfloat16 if fast else torch.float32


class Runner:
    """The network on a device, for streams of images.

    network : with its weights; positions : (843, 3) of `reference_positions`; gate : the paper's presence gate.
    """

    def __init__(
        self,
        network: DiceNetwork,
        positions: torch.Tensor,
        device: str = "auto",
        precision: str = "float32",
        gate: bool = True,
    ) -> None:
        self.device = choose_device(device)
        self.dtype = choose_dtype(self.device, precision)
        self.gate = gate
        self.batch = _CPU_BATCH if self.device.type == "cpu" else _GPU_BATCH
        with torch.no_grad():
            on_cpu = self.device.type == "cpu"
            self._network = FusedNetwork(network, positions, self.dtype, winograd=on_cpu).to(self.device)

    def run(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs by name for a batch of inputs: (B, 224, 224, 3) uint8 RGB, see `crop.cut`."""
        return self._run(normalise(pixels))

    def _run(self, images: torch.Tensor) -> dict[str, np.ndarray]:
        with torch.inference_mode():
            outputs = self._network(images.to(self.device), self.gate)
            return {name: values.float().cpu().numpy() for name, values in outputs.as_dict().items()}

    def stream(self, frames: Iterable[tuple[Any, np.ndarray, Crop]]) -> Generator[NetworkResult, None, None]:
        """Results of frames in their order; decoding and cropping run in a thread of their own.

        frames : (key, image (H, W, 3) uint8 RGB, crop). Errors of the thread are raised here; closing the iterator
        ends the thread after the image in hand.
        """
        for batch, images in run_ahead(self._batches(frames), _BATCHES_AHEAD, "crops"):
            outputs = self._run(images)
            for k, (key, crop) in enumerate(batch):
                yield NetworkResult(key, crop, {name: values[k] for name, values in outputs.items()})

    def _batches(
        self, frames: Iterable[tuple[Any, np.ndarray, Crop]]
    ) -> Iterator[tuple[list[tuple[Any, Crop]], torch.Tensor]]:
        """Keys and crops of each batch, and its images as the network takes them."""
        keys: list[tuple[Any, Crop]] = []
        inputs: list[np.ndarray] = []
        for key, image, crop in frames:
            keys.append((key, crop))
            inputs.append(cut(image, crop))
            if len(keys) == self.batch:
                yield keys, normalise(np.stack(inputs))
                keys, inputs = [], []
        if keys:
            yield keys, normalise(np.stack(inputs))
