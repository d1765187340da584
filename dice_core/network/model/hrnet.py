"""HRNet image features: parallel branches of four resolutions that exchange features.

Architecture: Wang et al., Deep High-Resolution Representation Learning for Visual Recognition, TPAMI 2020,
https://doi.org/10.1109/TPAMI.2020.2983686, with the classification head's feature layers.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from dice_core.network.model.layers import Shapes

__all__ = ["HighResolutionNet", "HighResolutionStage", "ResidualBlock"]


def _conv_norm(shapes: Shapes, stride: int = 1) -> list[nn.Module]:
    return [shapes.conv("0", stride), shapes.batch_norm("1")]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, or a 1x1-3x3-1x1 bottleneck where the state dict has a third, added to the input."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        self.conv1 = shapes.conv("conv1")
        self.bn1 = shapes.batch_norm("bn1")
        self.conv2 = shapes.conv("conv2")
        self.bn2 = shapes.batch_norm("bn2")
        self.conv3 = shapes.conv("conv3") if shapes.has_child("conv3") else None
        self.bn3 = shapes.batch_norm("bn3") if shapes.has_child("bn3") else None
        has_projection = shapes.has_child("downsample")
        self.downsample = nn.Sequential(*_conv_norm(shapes.below("downsample"))) if has_projection else None

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """images : (B, C, H, W). Returns (B, C', H, W)."""
        residual = images if self.downsample is None else self.downsample(images)
        out = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(images)), inplace=True)))
        if self.conv3 is not None and self.bn3 is not None:
            out = self.bn3(self.conv3(functional.relu(out, inplace=True)))
        return functional.relu(out.add_(residual), inplace=True)


def _blocks(shapes: Shapes) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(shapes.below(number)) for number in shapes.children("")))


def _coarser(shapes: Shapes, last_relu: bool) -> nn.Sequential:
    """Chain of stride-2 convolutions; all but the last end in a ReLU, with `last_relu` the last one too."""
    count = shapes.count("")
    steps = []
    for number in range(count):
        layers = _conv_norm(shapes.below(str(number)), stride=2)
        if last_relu or number < count - 1:
            layers.append(nn.ReLU())
        steps.append(nn.Sequential(*layers))
    return nn.Sequential(*steps)


def _transition(shapes: Shapes, branches: int) -> nn.ModuleList:
    """From the branches of one stage to those of the next: keep, change the width, or halve the resolution."""
    steps: list[nn.Module] = []
    for branch in range(branches):
        below = shapes.below(str(branch))
        if not shapes.has_child(str(branch)):
            steps.append(nn.Identity())
        elif below.has("0.weight"):
            steps.append(nn.Sequential(*_conv_norm(below), nn.ReLU()))
        else:
            steps.append(_coarser(below, last_relu=True))
    return nn.ModuleList(steps)


class HighResolutionStage(nn.Module):
    """One module of a stage: blocks on each branch, then every branch receives the sum of all."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        count = shapes.count("branches")
        self.branches = nn.ModuleList(_blocks(shapes.below(f"branches.{k}")) for k in range(count))
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(
                self._exchange(shapes.below(f"fuse_layers.{to}.{source}"), to, source) for source in range(count)
            )
            for to in range(count)
        )

    @staticmethod
    def _exchange(shapes: Shapes, to: int, source: int) -> nn.Module:
        if source == to:
            return nn.Identity()
        if source < to:
            return _coarser(shapes, last_relu=False)
        return nn.Sequential(*_conv_norm(shapes), nn.Upsample(scale_factor=float(2 ** (source - to)), mode="nearest"))

    def forward(self, images: list[torch.Tensor]) -> list[torch.Tensor]:
        """images : a tensor (B, C, H, W) for each branch, each half the size of the one before. Returns the same."""
        images = [branch(image) for branch, image in zip(self.branches, images, strict=True)]
        fused = []
        for row in self.fuse_layers:
            terms = [layer(image) for layer, image in zip(row, images, strict=True)]
            total = terms[0]
            for term in terms[1:]:
                total = total + term
            fused.append(functional.relu(total, inplace=True))
        return fused


class HighResolutionNet(nn.Module):
    """Features of an image: (B, 3, 224, 224) to (B, 2048, 7, 7) in the published network."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        self.conv1 = shapes.conv("conv1", stride=2)
        self.bn1 = shapes.batch_norm("bn1")
        self.conv2 = shapes.conv("conv2", stride=2)
        self.bn2 = shapes.batch_norm("bn2")
        self.layer1 = _blocks(shapes.below("layer1"))
        self.transition1, self.stage2 = self._stage(shapes, 2)
        self.transition2, self.stage3 = self._stage(shapes, 3)
        self.transition3, self.stage4 = self._stage(shapes, 4)
        resolutions = range(shapes.count("incre_modules"))
        self.incre_modules = nn.ModuleList(_blocks(shapes.below(f"incre_modules.{k}")) for k in resolutions)
        self.downsamp_modules = nn.ModuleList(
            nn.Sequential(*_conv_norm(shapes.below(f"downsamp_modules.{k}"), stride=2), nn.ReLU())
            for k in range(shapes.count("downsamp_modules"))
        )
        self.final_layer = nn.Sequential(*_conv_norm(shapes.below("final_layer")), nn.ReLU())
        if shapes.has_child("classifier"):  # never runs; here so that the state dict loads strictly
            self.classifier = shapes.linear("classifier")

    @staticmethod
    def _stage(shapes: Shapes, number: int) -> tuple[nn.ModuleList, nn.Sequential]:
        below = shapes.below(f"stage{number}")
        stage = nn.Sequential(*(HighResolutionStage(below.below(module)) for module in below.children("")))
        transition = _transition(shapes.below(f"transition{number - 1}"), below.count("0.branches"))
        return transition, stage

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """images : (B, 3, H, W), normalised as `crop` says. Returns (B, C, H/32, W/32)."""
        first = functional.relu(self.bn1(self.conv1(images)), inplace=True)
        first = functional.relu(self.bn2(self.conv2(first)), inplace=True)
        branches = [self.layer1(first)]
        stages = ((self.transition1, self.stage2), (self.transition2, self.stage3), (self.transition3, self.stage4))
        for transition, stage in stages:
            coarsest = branches[-1]
            kept = len(branches)
            branches = [
                step(branches[k] if k < kept and isinstance(step, nn.Identity) else coarsest)
                for k, step in enumerate(transition)
            ]
            branches = stage(branches)
        features = self.incre_modules[0](branches[0])
        for increase, reduce, branch in zip(self.incre_modules[1:], self.downsamp_modules, branches[1:], strict=True):
            features = increase(branch) + reduce(features)
        return self.final_layer(features)
