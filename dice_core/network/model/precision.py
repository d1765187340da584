"""Full or half precision: what a device computes fast, and whether a checkpoint tolerates it.

Half precision keeps 8 significant bits (bfloat16) or 11 (float16). How much of the rounding reaches the result depends
on the checkpoint's weights, so it is tried on a picture before it is used: `Change` measures the error, in millimetres
where it is a length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch

from dice_core.errors import InputError
from dice_core.network.model.dice import Outputs

__all__ = ["Change", "Precision", "check_precision", "half_types", "has_fast_bfloat16"]

Precision = Literal["auto", "full", "half"]

_FLOAT16_CAPABILITY = (7, 0)  # of CUDA devices: the first whose tensor cores multiply float16
# Largest mean changes that count as negligible. Set by hand to be small beside the published network's own error,
# 8.3 mm a vertex; not tuned on a checkpoint.
_LENGTH = 1e-3  # metres
_DENT = 3e-4  # metres
_PROBABILITY = 0.02
_RADIANS = 0.02
_EXPRESSION = 0.1  # standard deviations
_PIXELS = 1.0
_SCALE = 0.01  # share of the camera's scale
_LIMITS = {
    "hand_vs": _LENGTH,
    "head_vs": _LENGTH,
    "rh_transl": _LENGTH,
    "face_transl": _LENGTH,
    "deform": _DENT,
    "hand_contact": _PROBABILITY,
    "head_contact": _PROBABILITY,
    "contact_presence": _PROBABILITY,
    "rh_rot": _RADIANS,
    "rh_pose": _RADIANS,
    "face_rot": _RADIANS,
    "face_pose": _RADIANS,
    "face_exp": _EXPRESSION,
}


@dataclass(frozen=True)
class Change:
    """How half precision changes a result.

    vertices_mm : mean distance by which head and hand vertices move, in millimetres; contact : largest mean change of a
    probability; worst : the largest mean change of any output, as a share of what is negligible for it.
    """

    vertices_mm: float
    contact: float
    worst: float

    @property
    def negligible(self) -> bool:
        """Whether every output stays as good as it was; never where something overflowed."""
        return self.worst <= 1

    @property
    def finite(self) -> bool:
        """Whether all numbers fit the type."""
        return self.worst < float("inf")

    @classmethod
    def between(cls, found: Outputs, expected: Outputs) -> Change:
        """The change from `expected` to `found`, both without the presence gate, whose jumps are not errors."""
        ours, theirs = found.as_dict(), expected.as_dict()
        if not all(bool(torch.isfinite(values).all()) for values in ours.values()):
            return cls(float("inf"), float("inf"), float("inf"))
        mean = {name: float((ours[name] - theirs[name]).abs().mean()) for name in _LIMITS}
        shares = [mean[name] / limit for name, limit in _LIMITS.items()]
        camera = (found.cam_param - expected.cam_param).abs().mean(0)
        scale = max(float(expected.cam_param[:, 0].abs().mean()), 1e-6)
        shares += [float(camera[0]) / (_SCALE * scale)]
        shares += [float(camera[1:].max()) / _PIXELS]
        moved = [float((ours[name] - theirs[name]).norm(dim=-1).mean()) for name in ("hand_vs", "head_vs")]
        contact = max(mean["hand_contact"], mean["head_contact"])
        return cls(1000 * max(moved), contact, max(shares))


def check_precision(name: str) -> None:
    """Raises InputError where there is no such precision."""
    if name not in get_args(Precision):
        raise InputError(f"There is no precision {name!r}: use auto, full or half.")


def has_fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware (avx512_bf16 or AMX), so that it is faster than float32."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(check()) for name in checks if (check := getattr(torch.cpu, name, None)) is not None)


def half_types(device: torch.device) -> tuple[torch.dtype, ...]:
    """Types of half precision that a device computes faster than float32, the more exact first; () without any."""
    if device.type == "cuda":
        capability = torch.cuda.get_device_capability(device)
        if capability < _FLOAT16_CAPABILITY:
            return ()
        # Not `is_bf16_supported()`, which by default counts emulation too.
        return (torch.float16, torch.bfloat16) if capability >= (8, 0) else (torch.float16,)
    if device.type == "mps":
        return (torch.float16,)
    return (torch.bfloat16,) if has_fast_bfloat16() else ()
