"""The network's pass in training: as in `model.dice`, with what inference leaves out: masked tokens and drop-out.

Token masking: METRO (Lin et al., CVPR 2021), section 3.4; the release sets up to 30 % of the tokens to 0.01, one mask
a batch. Drop-out: as in BERT, after the embeddings, on the attention and before each addition; 0.1 in the release.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from dice_core.network.model.dice import DiceNetwork, Outputs
from dice_core.network.model.transformer import EncoderBlock, EncoderLayer

__all__ = ["MASKED_VALUE", "Regularisation", "token_mask", "training_pass"]

MASKED_VALUE = 0.01
"""What masked tokens are set to: the release's constant."""


@dataclass(frozen=True)
class Regularisation:
    """masked : largest share of the tokens that is masked; dropout : probability. The defaults are the release's."""

    masked: float = 0.3
    dropout: float = 0.1


def token_mask(tokens: int, masked: float, generator: torch.Generator) -> torch.Tensor:
    """(tokens, 1) of 1, and 0 for masked ones: a share between none and `masked`, drawn evenly, at random places."""
    share = float(torch.rand((), generator=generator)) * masked
    mask = torch.ones(tokens, 1)
    mask[torch.randperm(tokens, generator=generator)[: int(share * tokens)]] = 0
    return mask


def training_pass(
    network: DiceNetwork,
    images: torch.Tensor,
    positions: torch.Tensor,
    mask: torch.Tensor | None = None,
    dropout: float = 0.0,
) -> Outputs:
    """Run the network with masked tokens and drop-out; without either it is its own `forward` without the gate.

    images, positions : as for `DiceNetwork.forward`; mask : (843, 1) of `token_mask`, or None; dropout : probability.
    Returns outputs in float32, whatever precision autocast computes in.
    """
    cells = network.backbone(images).flatten(2).transpose(1, 2)
    tokens = network.conv_learn_tokens(cells)
    tokens = torch.cat([positions.expand(len(images), -1, -1).to(tokens.dtype), tokens], dim=2)
    if mask is not None:
        mask = mask.to(tokens)
        tokens = tokens * mask + MASKED_VALUE * (1 - mask)
    coordinates, interaction = tokens, network.feat_downsampler(tokens)
    for block in network.trans_encoder:
        coordinates = _encode(block, coordinates, dropout)
    for block in network.deform_encoder:
        interaction = _encode(block, interaction, dropout)
    logit = network.contact_classifier[0](network.contact_feat_extractor(cells).squeeze(-1))
    with torch.autocast(images.device.type, enabled=False):
        presence = torch.sigmoid(logit.to(positions.dtype))
        return network.outputs(coordinates.to(positions.dtype), interaction.to(positions.dtype), presence, gate=False)


def _encode(block: EncoderBlock, tokens: torch.Tensor, dropout: float) -> torch.Tensor:
    bert = block.bert
    hidden = bert.img_embedding(tokens) + bert.position_embeddings.weight[: tokens.shape[1]]
    if bert.LayerNorm is not None:
        hidden = bert.LayerNorm(hidden)
    hidden = functional.dropout(hidden, dropout)
    for layer in bert.encoder["layer"]:
        hidden = _layer(layer, hidden, dropout)
    result: torch.Tensor = block.cls_head(hidden) + block.residual(tokens)
    return result


def _layer(layer: EncoderLayer, tokens: torch.Tensor, dropout: float) -> torch.Tensor:
    attention, add = layer.attention["self"], layer.attention["output"]

    def split(values: torch.Tensor) -> torch.Tensor:
        return values.unflatten(-1, (attention.heads, -1)).transpose(1, 2)

    query, key, value = (split(part(tokens)) for part in (attention.query, attention.key, attention.value))
    mixed = functional.scaled_dot_product_attention(query, key, value, dropout_p=dropout).transpose(1, 2).flatten(2)
    attended = add.LayerNorm(functional.dropout(add.dense(mixed), dropout) + tokens)
    inner = layer.activation(layer.intermediate["dense"](attended))
    result: torch.Tensor = layer.output.LayerNorm(functional.dropout(layer.output.dense(inner), dropout) + attended)
    return result
