"""The whole loss of a batch: every term of the recipe, weighed, over the samples that know enough for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from dice_core.network.model.dice import Outputs
from dice_core.network.training.architecture import PARAMETERS
from dice_core.network.training.bodies import TrainingBodies
from dice_core.network.training.discriminators import Discriminators, hand_pose, head_pose
from dice_core.network.training.losses.adversarial import generator_loss
from dice_core.network.training.losses.depth import depth_loss, surface_depth
from dice_core.network.training.losses.interaction import collision_loss, touch_loss
from dice_core.network.training.losses.supervised import (
    contact_loss,
    deformation_loss,
    deformation_magnitude,
    joints_2d_loss,
    parameter_loss,
    presence_loss,
    stiffness_mask,
    vertex_loss,
)
from dice_core.network.training.samples import Batch

__all__ = ["LossWeights", "Term", "loss_terms", "predicted_meshes", "project", "weighed_sum"]

_TOUCHES = 0.5
"""Contact from which a vertex takes part in the touch loss, and one of any vertex that makes a touch."""
_SCALE_UNIT = 10.0 / 224
"""Units of the input's side per metre for one unit of the network's scale, see `model.cameras`."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms; the defaults are the released arguments' (`src/tools/infer.py`).

    Our own: parametric, the vertices of the posed body models, which the release's list lacks although captures show
    them, as strong as one of the five levels; adversarial, 100 in the release, whose form of it is not known: with ours
    that much undoes what was learned (docs/training.md); adversarial_start : steps before the adversarial terms begin.
    """

    vertices: float = 1000.0
    joints_3d: float = 1000.0
    joints_2d: float = 500.0
    contact: float = 300.0
    presence: float = 500.0
    parameters: float = 500.0
    parametric: float = 200.0
    deformation: float = 5000.0
    deformation_weak: float = 1000.0
    deformation_regulariser: float = 10.0
    collision: float = 500.0
    touch: float = 100.0
    depth: float = 100.0
    adversarial: float = 5.0
    adversarial_start: int = 1000


@dataclass(frozen=True)
class Term:
    """values : (B,) of each sample; counts : (B,) bool, samples that know enough."""

    values: torch.Tensor
    counts: torch.Tensor


@dataclass(frozen=True)
class PredictedMeshes:
    """Head-centred meshes of a prediction. free, parametric : hand (B, 778, 3) and head (B, 5023, 3), not deformed;
    centre : (B, 1, 3) mean of the free head, which was subtracted; keypoints : sets of (B, 89, 3), from the tokens, the
    free meshes and the parametric ones."""

    hand: torch.Tensor
    head: torch.Tensor
    posed_hand: torch.Tensor
    posed_head: torch.Tensor
    centre: torch.Tensor
    keypoints: tuple[torch.Tensor, ...] = field(default=())


def predicted_meshes(outputs: Outputs, bodies: TrainingBodies) -> PredictedMeshes:
    """Meshes and key points of a prediction, free and parametric sets each centred by its own head."""
    parameters = outputs.as_dict()
    centre = outputs.head_vs.mean(1, keepdim=True)
    posed_head, posed_hand = bodies.posed_head(parameters), bodies.posed_hand(parameters)
    posed_centre = posed_head.mean(1, keepdim=True)
    hand, head = outputs.hand_vs - centre, outputs.head_vs - centre
    posed_hand, posed_head = posed_hand - posed_centre, posed_head - posed_centre
    tokens = torch.cat([outputs.hand_joints, outputs.head_joints], dim=1) - centre
    sets = (tokens, *(torch.cat(bodies.keypoints(*pair), dim=1) for pair in ((hand, head), (posed_hand, posed_head))))
    return PredictedMeshes(hand, head, posed_hand, posed_head, centre, sets)


def project(points: torch.Tensor, cam_param: torch.Tensor) -> torch.Tensor:
    """Where the network's camera shows points: (B, n, 3) to (B, n, 2) in units of the input's side."""
    scale = _SCALE_UNIT * cam_param[:, :1, None].abs()
    return scale * points[..., :2] + cam_param[:, None, 1:] / 224


def loss_terms(
    outputs: Outputs,
    batch: Batch,
    bodies: TrainingBodies,
    weights: LossWeights,
    discriminators: Discriminators | None = None,
) -> dict[str, Term]:
    """Every term whose weight is not zero, by its name in `LossWeights`; the adversarial one with discriminators."""
    meshes = predicted_meshes(outputs, bodies)
    terms = {
        **_mesh_terms(outputs, meshes, batch, bodies),
        **_contact_terms(outputs, batch, bodies),
        **_deformation_terms(outputs, batch, bodies),
    }
    if weights.collision:
        terms["collision"] = _collision_term(outputs, meshes, bodies)
    if weights.touch:
        terms["touch"] = _touch_term(outputs, meshes, batch)
    if weights.depth:
        terms["depth"] = _depth_term(outputs, meshes, batch)
    if discriminators is not None and weights.adversarial:
        parameters, everyone = outputs.as_dict(), torch.ones_like(batch["has_mesh"])
        judged = [discriminators.hand(hand_pose(parameters)), discriminators.head(head_pose(parameters))]
        terms["adversarial"] = Term(torch.stack([generator_loss(each) for each in judged]).mean(0), everyone)
    return {name: term for name, term in terms.items() if getattr(weights, name)}


def _mesh_terms(outputs: Outputs, meshes: PredictedMeshes, batch: Batch, bodies: TrainingBodies) -> dict[str, Term]:
    true_hand, true_head, known = batch["hand_vs"], batch["head_vs"], batch["has_mesh"]
    true_middle, true_coarse = bodies.coarse_head(true_head)
    levels = (
        (meshes.hand, true_hand),
        (outputs.hand_vs_sub - meshes.centre, bodies.coarse_hand(true_hand)),
        (meshes.head, true_head),
        (outputs.head_vs_sub1 - meshes.centre, true_middle),
        (outputs.head_vs_sub2 - meshes.centre, true_coarse),
    )
    posed = (vertex_loss(meshes.posed_hand, true_hand) + vertex_loss(meshes.posed_head, true_head)) / 2
    joints = torch.cat(bodies.keypoints(true_hand, true_head), dim=1)
    seen = [
        joints_2d_loss(project(each, outputs.cam_param), batch["keypoints"], batch["keypoint_confidence"])
        for each in meshes.keypoints
    ]
    parameters = parameter_loss(outputs.as_dict(), {name: batch[name] for name in PARAMETERS})
    return {
        "vertices": Term(torch.stack([vertex_loss(*level) for level in levels]).mean(0), known),
        "parametric": Term(posed, known),
        "joints_3d": Term(torch.stack([vertex_loss(each, joints) for each in meshes.keypoints]).mean(0), known),
        "joints_2d": Term(torch.stack(seen).mean(0), batch["has_keypoints"]),
        "parameters": Term(parameters, batch["has_parameters"]),
    }


def _contact_terms(outputs: Outputs, batch: Batch, bodies: TrainingBodies) -> dict[str, Term]:
    hand, head, known = batch["hand_contact"][..., None], batch["head_contact"][..., None], batch["has_contact"]
    middle, coarse = bodies.coarse_head(head)
    levels = (
        (outputs.hand_contact, hand),
        (outputs.hand_contact_sub, bodies.coarse_hand(hand)),
        (outputs.head_contact, head),
        (outputs.head_contact_sub1, middle),
        (outputs.head_contact_sub2, coarse),
    )
    losses = [contact_loss(found[..., 0], true[..., 0].clamp(0, 1)) for found, true in levels]
    touching = (batch["head_contact"].amax(1) > _TOUCHES).to(head.dtype)
    return {
        "contact": Term(torch.stack(losses).mean(0), known),
        "presence": Term(presence_loss(outputs.contact_presence, touching), known),
    }


def _deformation_terms(outputs: Outputs, batch: Batch, bodies: TrainingBodies) -> dict[str, Term]:
    mask, known = stiffness_mask(bodies.stiffness), batch["has_deformation"]
    even = torch.ones_like(mask)
    return {
        "deformation": Term(deformation_loss(outputs.deform, batch["deform"], mask), known),
        "deformation_weak": Term(deformation_magnitude(outputs.deform, mask), ~known),
        "deformation_regulariser": Term(deformation_magnitude(outputs.deform, even), torch.ones_like(known)),
    }


def _collision_term(outputs: Outputs, meshes: PredictedMeshes, bodies: TrainingBodies) -> Term:
    """Of the posed body models, which are what captures show."""
    loss = collision_loss(meshes.posed_hand, meshes.posed_head - outputs.deform, bodies.head_triangles, bodies.skin)
    return Term(loss, torch.ones_like(loss, dtype=torch.bool))


def _touch_term(outputs: Outputs, meshes: PredictedMeshes, batch: Batch) -> Term:
    """Where the true contact is known it takes part, and else what the network itself says, without a gradient."""
    known = batch["has_contact"][:, None]
    hand_contact = torch.where(known, batch["hand_contact"], outputs.hand_contact[..., 0].detach()) > _TOUCHES
    head_contact = torch.where(known, batch["head_contact"], outputs.head_contact[..., 0].detach()) > _TOUCHES
    loss = touch_loss(meshes.posed_hand, meshes.posed_head - outputs.deform, hand_contact, head_contact)
    return Term(loss, torch.ones_like(loss, dtype=torch.bool))


def _depth_term(outputs: Outputs, meshes: PredictedMeshes, batch: Batch) -> Term:
    known = batch["has_depth"] & batch["has_keypoints"]
    losses = []
    for hand, head in ((meshes.hand, meshes.head), (meshes.posed_hand, meshes.posed_head)):
        vertices = torch.cat([hand, head - outputs.deform], dim=1)
        found, seen = surface_depth(batch["keypoints"], project(vertices, outputs.cam_param), vertices[..., 2])
        weight = batch["keypoint_depth_weight"] * batch["keypoint_confidence"] * seen
        losses.append(depth_loss(found, batch["keypoint_depth"], weight))
    return Term(torch.stack(losses).mean(0), known)


def weighed_sum(
    terms: Mapping[str, Term], weights: LossWeights, totals: Mapping[str, torch.Tensor] | None = None
) -> torch.Tensor:
    """Sum over the terms of weight times the mean over the samples that count.

    totals : how many samples count in the whole batch, by term, where this is a part of it; None for all of it. The
    parts' sums then add up to the loss of the whole batch.
    """
    total = torch.zeros(
        (), dtype=next(iter(terms.values())).values.dtype, device=next(iter(terms.values())).values.device
    )
    for name, term in terms.items():
        count = term.counts.sum() if totals is None else totals[name]
        # `where`, not a product: a sample that lacks the truth may give infinity, which a product keeps.
        chosen = torch.where(term.counts, term.values, torch.zeros_like(term.values))
        total = total + getattr(weights, name) * chosen.sum() / count.clamp_min(1)
    return total
