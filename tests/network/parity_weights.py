"""Deterministic tensors named by their place in the network (rule "dice-parity-1"), the project's own.

The reference outputs in tests/fixtures/network were made with these weights and inputs, so that parity can be tested
without the licensed checkpoint. numpy only.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from pathlib import Path

import numpy as np

__all__ = ["FIXTURES", "REFERENCE_SHAPES", "make", "make_image", "make_input", "state_dict_keys"]

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "network"

# Deviation times the square root of the fan-in for tensors of two and more dimensions; the first match counts.
_GAINS = (
    (r"backbone\..*fuse_layers\.", 0.35),
    (r"backbone\.final_layer\.", 0.25),
    (r"backbone\.(conv1|conv2|transition\d|downsamp_modules|classifier)", 1.3),
    (r"backbone\..*downsample\.0", 1.0),
    (r"backbone\.", 0.7),
    (r".*embeddings\.weight$", None),  # deviation 0.5 whatever the width
    (r".*attention\.self\.(query|key)\.weight$", 1.5),
    (r"contact_classifier\.0\.weight$", 3.0),
    (r".*", 1.0),
)
# Puts the contact presence of the reference images on both sides of one half.
_CONSTANTS = {"contact_classifier.0.bias": 7.125}

REFERENCE_SHAPES = {
    "rh_ref_kps": (2, 21, 3),
    "head_ref_kps": (2, 68, 3),
    "rh_ref_vs_sub": (2, 195, 3),
    "head_ref_vs_sub2": (2, 559, 3),
}


def _uniform(name: str, count: int) -> np.ndarray:
    key = int.from_bytes(hashlib.sha256(name.encode("utf-8")).digest()[:8], "little")
    raw = np.random.Philox(key=key).random_raw(count)
    return (raw >> np.uint64(40)).astype(np.float64) * 2.0**-24


def _unit(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Mean 0, variance 1."""
    return ((2.0 * _uniform(name, math.prod(shape)) - 1.0) * math.sqrt(3.0)).reshape(shape)


def make(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The tensor of one name: (shape) float32, or int64 for a counter of batches."""
    shape = tuple(shape)
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if name in _CONSTANTS:
        return np.full(shape, _CONSTANTS[name], np.float32)
    if name.endswith("running_var"):
        values = 1.0 + 0.1 * _uniform(name, math.prod(shape)).reshape(shape)
    elif name.endswith(("running_mean", ".bias")):
        values = 0.1 * _unit(name, shape)
    elif len(shape) == 1:
        values = 1.0 + 0.1 * _unit(name, shape)
    else:
        gain = next(value for pattern, value in _GAINS if re.match(pattern, name))
        deviation = 0.5 if gain is None else gain / math.sqrt(math.prod(shape[1:]))
        values = deviation * _unit(name, shape)
    return values.astype(np.float32)


def make_input(name: str) -> np.ndarray:
    """Template positions for the two reference images: (2, N, 3) float32 by a name of REFERENCE_SHAPES."""
    values = 0.5 * _unit("input." + name, REFERENCE_SHAPES[name])
    return (values + 0.5 * _unit("input." + name + ".offset", (3,))).astype(np.float32)


def make_image() -> np.ndarray:
    """Two images: (2, 3, 224, 224) float32, in units of a normalised image."""
    low = _unit("input.image.low", (2, 3, 7, 7)).repeat(32, axis=2).repeat(32, axis=3)
    return (low + 0.5 * _unit("input.image.high", (2, 3, 224, 224))).astype(np.float32)


def state_dict_keys() -> list[tuple[str, tuple[int, ...], str]]:
    """Name, shape and type of every tensor of the published network, in order."""
    keys = json.loads((FIXTURES / "state_dict_keys.json").read_text())
    return [(name, tuple(shape), kind) for name, shape, kind in keys]
