"""A new network before its first step: it shows the template meshes in the middle of the picture.

The release starts from ImageNet and gives no values for the rest. Starting from the template is our choice: the tokens
carry its positions, the residual maps pass them on, and every vertex begins where it is on average.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from dice_core.errors import InputError
from dice_core.network.files.checkpoint import read_checkpoint
from dice_core.network.model.dice import DiceNetwork, NetworkSettings, build_network
from dice_core.network.model.hrnet import ResidualBlock
from dice_core.network.training.architecture import Architecture, MeshCounts, tensor_shapes

__all__ = ["load_weights", "new_network"]

_DEVIATION = 0.02
"""Of the transformer's weights and tables, as BERT's."""
_OUTPUT_DEVIATION = 1e-4
"""Of the layers that give metres and radians: at first they add next to nothing."""
_CAMERA = (40.0, 112.0, 112.0)
"""Scale of 400 pixels a metre, a head of about 40 % of the picture, in the middle; chosen by hand."""
_AXES = (1.0, -1.0, -1.0)
"""Heads of FLAME have y up and look along z; in pictures y is down and they look at the camera."""
_FIRST_CONTACT = -4.0
"""Logit of contact: 2 % of the vertices touch in the synthetic scenes."""


def new_network(
    architecture: Architecture, upsampling: Mapping[str, torch.Tensor], seed: int, counts: MeshCounts | None = None
) -> DiceNetwork:
    """A network with fresh weights, in training mode.

    upsampling : maps from coarse to fine vertices by the names of the layers, (fine, coarse), as the layers start.
    """
    shapes = tensor_shapes(architecture, counts)
    state = {
        name: torch.zeros(shape, dtype=torch.int64 if name.endswith("num_batches_tracked") else torch.float32)
        for name, shape in shapes.items()
    }
    network = build_network(state, NetworkSettings(blocks=architecture.block_settings))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            _start(module, generator)
        for module in network.modules():
            if isinstance(module, ResidualBlock):  # each adds nothing at first (Goyal et al. 2017, section 5.1)
                (module.bn3 or module.bn2).weight.zero_()
        _start_outputs(network, generator)
        for name, weights in upsampling.items():
            getattr(network, name).weight.copy_(weights)
    return network.train().requires_grad_(True)


def load_weights(network: DiceNetwork, path: Path) -> None:
    """Take over the weights of a trained network; what it has beyond them never runs.

    Raises InputError where the file is missing, no network, or one of other widths or bodies, and as `read_checkpoint`.
    """
    found, _ = read_checkpoint(path)
    state = network.state_dict()
    for name, value in state.items():
        if name not in found or found[name].shape != value.shape:
            given = list(found[name].shape) if name in found else "nothing"
            raise InputError(
                f"{path.name} is a network of other widths or bodies ({name}: {given} instead of {list(value.shape)}): "
                "set network, widths and bodies to what it was trained with, or leave out start_from."
            )
    network.load_state_dict({name: found[name].to(value.dtype) for name, value in state.items()})


def _start(module: nn.Module, generator: torch.Generator) -> None:
    if isinstance(module, nn.Conv2d | nn.Conv1d):
        fan_out = module.out_channels * math.prod(module.kernel_size)
        module.weight.normal_(0, math.sqrt(2 / fan_out), generator=generator)
    elif isinstance(module, nn.Linear):
        module.weight.normal_(0, min(_DEVIATION * 2, 1 / math.sqrt(module.in_features)), generator=generator)
    elif isinstance(module, nn.Embedding):
        module.weight.normal_(0, _DEVIATION, generator=generator)
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        module.weight.fill_(1)
        module.running_var.fill_(1)  # type: ignore[union-attr]
    elif isinstance(module, nn.LayerNorm):
        module.weight.fill_(1)


def _start_outputs(network: DiceNetwork, generator: torch.Generator) -> None:
    cells = network.conv_learn_tokens.weight.shape[1]
    network.conv_learn_tokens.weight.normal_(0, 1 / math.sqrt(cells), generator=generator)
    blocks = list(network.trans_encoder)
    for number, block in enumerate(blocks):
        # The first three channels are a position from end to end; the last block turns FLAME's axes to the camera's.
        block.residual.weight[:3] = 0
        block.residual.weight[:3, :3] = torch.diag(torch.tensor(_AXES if number == len(blocks) - 1 else (1.0, 1, 1)))
        block.cls_head.weight[:3].normal_(0, _OUTPUT_DEVIATION, generator=generator)
        if number < len(blocks) - 1:
            block.residual.weight[3:].normal_(0, 1 / math.sqrt(block.residual.in_features), generator=generator)
    interaction = list(network.deform_encoder)[-1]
    for layer in (interaction.residual, interaction.cls_head):
        layer.weight[:3].normal_(0, _OUTPUT_DEVIATION, generator=generator)
    interaction.cls_head.bias[3:] = _FIRST_CONTACT
    for regressor in (network.hand_param_regressor, network.face_param_regressor):
        regressor.regressor[-1].weight.normal_(0, _OUTPUT_DEVIATION, generator=generator)
    network.cam_param_fc3.bias.copy_(torch.tensor(_CAMERA))
