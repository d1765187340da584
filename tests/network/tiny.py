"""A whole DICE network with narrow layers, and files of it in the forms that checkpoints come in.

Its key points, vertices and parameters are as many as the published network's, so that everything after the network
works with it; everything else is a few channels wide, so that a forward takes a fraction of a second.
"""

from __future__ import annotations

import pickle
import re
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import nn

from tests.network import parity_weights

__all__ = ["official_module", "official_names", "plausible_state", "save_official", "tiny_state"]

_WIDTHS = {32: 2, 64: 4, 128: 8, 256: 16, 512: 32, 1024: 64, 2048: 128, 2051: 131, 4096: 256, 1000: 10, 30522: 10}
_LEFT_OUT = r"backbone\.(layer1\.[1-9]|stage\d\.[1-9]|stage\d\.0\.branches\.\d\.[1-9])|.*\.layer\.[1-9]\."
_KEEP_ROWS = r".*\.bert\.position_embeddings"
_KEEP = r"cam_param|conv_learn|.*upsampling"


def _shape(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    if re.match(_KEEP, name):
        return shape
    narrow = tuple(_WIDTHS.get(size, size) for size in shape)
    return (shape[0], *narrow[1:]) if re.match(_KEEP_ROWS, name) else narrow


def tiny_state() -> dict[str, torch.Tensor]:
    """State dict of the narrow network, by the official names."""
    state = {}
    for name, shape, _ in parity_weights.state_dict_keys():
        if not re.match(_LEFT_OUT, name):
            state[name] = torch.from_numpy(np.asarray(parity_weights.make(name, _shape(name, shape))))
    return state


_METRO = "metro.modeling.bert.modeling_metro"
_BERT = "metro.modeling.bert.modeling_bert"
_HRNET = "metro.modeling.hrnet.hrnet_cls_net_featmaps"


@contextmanager
def official_names() -> Iterator[dict[str, type]]:
    """Stand-in classes under the official module names, importable only inside this context."""
    wanted = {
        _METRO: ("METRO_Decaf_Network_DeformBranch_Presence", "METRO"),
        _HRNET: ("HighResolutionNet",),
        "apex.normalization.fused_layer_norm": ("FusedLayerNorm",),
    }
    classes: dict[str, type] = {}
    created = []
    for module_name, names in {**wanted, _BERT: ("BertConfig",)}.items():
        module = types.ModuleType(module_name)
        for name in names:
            base = object if name == "BertConfig" else nn.Module
            classes[name] = type(name, (base,), {"__module__": module_name})
            setattr(module, name, classes[name])
        parts = module_name.split(".")
        for depth in range(1, len(parts)):
            parent = ".".join(parts[:depth])
            if parent not in sys.modules:
                sys.modules[parent] = types.ModuleType(parent)
                created.append(parent)
        sys.modules[module_name] = module
        created.append(module_name)
    try:
        yield classes
    finally:
        for name in created:
            del sys.modules[name]


def official_module(state: dict[str, torch.Tensor], classes: dict[str, type], heads: int = 4) -> nn.Module:
    """Whole module of a state dict, of classes as the official release pickles them."""
    root = classes["METRO_Decaf_Network_DeformBranch_Presence"]()

    def child(parent: nn.Module, name: str, path: str) -> nn.Module:
        if name not in parent._modules:
            if re.fullmatch(r"(trans|deform)_encoder\.\d", path):
                made = classes["METRO"]()
                made.config = classes["BertConfig"]()
                made.config.__dict__.update(num_attention_heads=heads, layer_norm_eps=1e-12, hidden_act="gelu")
            elif name == "LayerNorm":
                made = classes["FusedLayerNorm"]()
            elif path == "backbone":
                made = classes["HighResolutionNet"]()
            else:
                made = nn.BatchNorm2d(1) if re.match(r"bn\d", name) else nn.Sequential()
            if isinstance(made, nn.BatchNorm2d):
                made._parameters.clear()
                made._buffers.clear()
            parent.add_module(name, made)
        return parent._modules[name]  # type: ignore[return-value]

    for name, tensor in state.items():
        *path, leaf = name.split(".")
        module = root
        for depth, part in enumerate(path):
            module = child(module, part, ".".join(path[: depth + 1]))
        if leaf.startswith(("running", "num_batches")):
            module.register_buffer(leaf, tensor)
        else:
            module.register_parameter(leaf, nn.Parameter(tensor))
    root.register_buffer("scratch", torch.zeros(3), persistent=False)
    return root


def save_official(path: Path, state: dict[str, torch.Tensor], stream_form: bool = False, heads: int = 4) -> None:
    """Write a whole module in the zip form, or in the stream form of torch before 1.6."""
    with official_names() as classes:
        module = official_module(state, classes, heads)
        torch.save(module, path, pickle_module=pickle, _use_new_zipfile_serialization=not stream_form)


def plausible_state() -> dict[str, torch.Tensor]:
    """The narrow network with outputs of a person's size: a head in the middle of the crop, skin that gives way by
    millimetres, joints that bend by fractions of a radian."""
    state = tiny_state()
    scales = {"head_deform_upsampling2": 0.001, "hand_param_regressor.regressor.3": 0.1, "cam_param_fc3": 0.01}
    scales["face_param_regressor.regressor.3"] = 0.1
    for name, scale in scales.items():
        for leaf in ("weight", "bias"):
            state[f"{name}.{leaf}"] = state[f"{name}.{leaf}"] * scale
    state["cam_param_fc3.bias"] = torch.tensor([50.0, 112.0, 112.0])
    return state
