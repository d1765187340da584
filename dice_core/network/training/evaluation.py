"""How far a network is from the truth of held-out samples, by the paper's metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import torch

from dice_core.network.model.dice import DiceNetwork
from dice_core.network.training.bodies import TrainingBodies
from dice_core.network.training.data.dataset import Dataset
from dice_core.network.training.losses.total import predicted_meshes
from dice_core.network.training.samples import collate

__all__ = ["MakeScore", "Score", "evaluate", "flat_figures"]


class Score(Protocol):
    """Gathers predictions: `dice_core.metrics.predictions.PredictionScore`, which lies above this package."""

    def add(self, found: dict[str, np.ndarray], true: dict[str, np.ndarray]) -> None:
        """One prediction."""

    def result(self) -> dict[str, Any]:
        """The metrics by name."""


MakeScore = Callable[[np.ndarray], Score]
"""From the head's triangles."""


@torch.no_grad()
def evaluate(
    network: DiceNetwork,
    sets: Sequence[Dataset],
    bodies: TrainingBodies,
    make_score: MakeScore,
    batch: int,
    parametric: bool = False,
) -> dict[str, Any]:
    """The metrics over all samples of some sets, which must know mesh, contact and deformation.

    network : put into evaluation mode for it; parametric : of the posed body models, which captures show, instead of
    the free meshes. The gate is on, as in the paper.
    """
    was_training = network.training
    network.eval()
    triangles = bodies.head_triangles.cpu().numpy().astype(np.int32)
    score = make_score(triangles)
    for numbers in _parts([(each, k) for each in sets for k in range(len(each))], batch):
        truth = collate([each.sample(k) for each, k in numbers], bodies.counts, bodies.positions.dtype)
        device = bodies.positions.device
        outputs = network(truth["images"].to(device), bodies.positions, gate=True)
        meshes = predicted_meshes(outputs, bodies)
        hand, head = (meshes.posed_hand, meshes.posed_head) if parametric else (meshes.hand, meshes.head)
        joints = torch.cat(bodies.keypoints(hand, head), dim=1)
        true_joints = torch.cat(bodies.keypoints(truth["hand_vs"].to(device), truth["head_vs"].to(device)), dim=1)
        found = {
            "head": head - outputs.deform,
            "hand": hand,
            "joints": joints,
            "head_contact": outputs.head_contact[..., 0],
            "hand_contact": outputs.hand_contact[..., 0],
        }
        true = {
            "head": truth["head_vs"] - truth["deform"],
            "hand": truth["hand_vs"],
            "joints": true_joints,
            "head_contact": truth["head_contact"],
            "hand_contact": truth["hand_contact"],
        }
        for row in range(len(numbers)):
            score.add(*({k: v[row].double().cpu().numpy() for k, v in each.items()} for each in (found, true)))
    network.train(was_training)
    return score.result()


def _parts(items: list[Any], size: int) -> Iterable[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def flat_figures(result: dict[str, Any]) -> dict[str, float]:
    """Metrics as columns of a table: nested names joined, missing ones left out."""
    flat: dict[str, float] = {}
    for name, value in result.items():
        if isinstance(value, dict):
            flat |= {f"{name}_{key}": number for key, number in flat_figures(value).items()}
        elif value is not None:
            flat[name] = float(value)
    return flat
