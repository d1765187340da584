"""Scenes of one person: head and right hand, drawn from a seed, pressed into each other, rendered, with all truth.

Shares and ranges were set by hand, after the accuracy benchmark's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from dice_core.bodies import Head, load_hand, load_head
from dice_core.contact.soft_tissue import SoftTissue
from dice_core.contact.tissue.stiffness import head_tissue
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import triangles
from dice_core.geometry.nearest_vertex import NearestVertexIndex
from dice_core.geometry.rotations import axis_angle, rotation_matrices
from dice_core.network.body_models.flame import FlameHead
from dice_core.network.body_models.mano import ManoHand
from dice_core.network.model.crop import INPUT_SIZE
from dice_core.network.training.architecture import PARAMETERS
from dice_core.network.training.open_bodies import EXPRESSIONS_LEFT_OUT, HAND_SHAPES, OpenBodies, open_bodies
from dice_core.network.training.samples import Sample
from dice_core.network.training.synthetic.expressions import sample_expression
from dice_core.network.training.synthetic.gestures import FREE, GESTURES
from dice_core.network.training.synthetic.hand_batch import HandModel
from dice_core.network.training.synthetic.placement import Place, place_hands
from dice_core.network.training.synthetic.rendering import draw_backdrop, draw_look, head_colours, render
from dice_core.network.training.synthetic.surroundings import SURROUNDINGS, Surroundings
from dice_core.network.training.synthetic.touchable import QuickSkin, View

__all__ = ["SCENES_OF_A_PERSON", "SHAPE_SIGMA", "WIDEST", "scenes_of_person"]

SCENES_OF_A_PERSON, _SCENES_OF_A_ROUND = 32, 8
"""Scenes of one seed, and how many share a gesture, a face and the head's turn but for a few degrees."""
_TOUCHING, _MISSING = 0.65, 0.2
"""Shares of the rounds whose hands touch, and stop before the skin; the others are held freely."""
_GAPS = (0.008, 0.06)
"""Metres before the skin at which near misses stop."""
SHAPE_SIGMA, WIDEST = 0.8, 2.0
"""Deviation of the coefficients of shape, and the largest that are drawn."""
_WOBBLE = np.radians(6.0)
"""Deviation of the turns that scenes of a round differ by."""
_MARGIN = (1.05, 1.3)
"""Side of the crop over the longer side of the box around head and hand."""
_CONTACT = 0.5
"""Probability of contact from which a vertex touches."""
_DEPTH_NOISE = 0.01
"""Relative error of a depth at a key point; an estimator's is larger, and not independent from point to point."""
_VIEW_SIZE = 400  # pixels of the view in which hands are placed


@dataclass(frozen=True)
class _Stage:
    """What every person shares."""

    head: Head
    bodies: OpenBodies
    hand_model: ManoHand
    head_model: FlameHead
    tissue: SoftTissue
    touchable: np.ndarray
    index: NearestVertexIndex
    faces: np.ndarray
    expressionless: np.ndarray


@lru_cache(maxsize=1)
def _stage() -> _Stage:
    head, bodies = load_head(), open_bodies()
    own = triangles(head.mesh)
    # One tissue for all: the response of the mean head differs from a person's by less than the softness is known.
    tissue = SoftTissue.for_head(head, head.mesh.rest_vertices)
    faces = np.concatenate([own, bodies.hand.triangles + len(head.mesh.rest_vertices)])
    touchable = head_tissue(head).touchable & ~head.rigid_vertices
    left_out = np.array([name in EXPRESSIONS_LEFT_OUT for name in head.expression_names])
    return _Stage(
        head,
        bodies,
        ManoHand(bodies.hand),
        FlameHead(bodies.head, bodies.landmarks),
        tissue,
        touchable,
        NearestVertexIndex(head.mesh, touchable),
        faces,
        left_out,
    )


@dataclass(frozen=True)
class _Person:
    """head_shape : (30,); hand_shape : (10,), the last of it 0; scale : of the hand; rest : (V, 3) of the head;
    surroundings : where the person is."""

    head_shape: np.ndarray
    hand_shape: np.ndarray
    scale: float
    rest: np.ndarray
    surroundings: Surroundings


def scenes_of_person(seed: int, number: int, surroundings: str = "anywhere") -> list[Sample]:
    """All scenes of a person, SCENES_OF_A_PERSON of them; the same arguments give the same scenes.

    surroundings : one of SURROUNDINGS. Every sample knows every group of `samples.GROUPS`.
    """
    rng = np.random.default_rng([seed, number])
    stage = _stage()
    shape = np.clip(rng.normal(0, SHAPE_SIGMA, len(stage.head.shape_basis)), -WIDEST, WIDEST)
    hand = load_hand("right")
    hand_shape = np.zeros(len(hand.shape_basis))
    hand_shape[:HAND_SHAPES] = np.clip(rng.normal(0, SHAPE_SIGMA, HAND_SHAPES), -WIDEST, WIDEST)
    scale = float(np.exp(rng.normal(0, hand.scale_sigma)))
    person = _Person(shape, hand_shape, scale, stage.head.rest(shape), SURROUNDINGS[surroundings])
    model = HandModel(hand, hand_shape, person.scale)
    samples: list[Sample] = []
    while len(samples) < SCENES_OF_A_PERSON:
        wanted = min(_SCENES_OF_A_ROUND, SCENES_OF_A_PERSON - len(samples))
        samples += _round(stage, person, model, wanted, rng)
    return samples


def _round(stage: _Stage, person: _Person, model: HandModel, wanted: int, rng: np.random.Generator) -> list[Sample]:
    expression = sample_expression(rng)
    expression[stage.expressionless] = 0
    local = stage.head.deform(person.rest, expression).astype(np.float64)
    camera = Camera.from_fov(_VIEW_SIZE, _VIEW_SIZE, float(rng.uniform(*person.surroundings.fov)))
    turn = _turn(person.surroundings, rng)
    place = np.array([0.0, 0.0, float(rng.uniform(*person.surroundings.distance))])
    skin = QuickSkin(stage.index, stage.touchable, local)
    view = View.of(camera, turn, place, skin, stage.head)
    chance = rng.random()
    gap = 0.0 if chance < _TOUCHING else float(rng.uniform(*_GAPS)) if chance < _TOUCHING + _MISSING else None
    names = list(GESTURES)
    shares = np.array([GESTURES[name].share for name in names])
    gesture = FREE if gap is None else GESTURES[names[int(rng.choice(len(names), p=shares / shares.sum()))]]
    hands = place_hands(stage.head, skin, view, model, gesture, gap, rng, wanted)
    samples = []
    for hand in hands:
        wobble = rotation_matrices(rng.normal(0, _WOBBLE, 3)) @ turn
        samples.append(_scene(stage, person, expression, local, hand, (wobble, place), camera.fov_degrees, rng))
    return samples


def _turn(most: Surroundings, rng: np.random.Generator) -> np.ndarray:
    """(3, 3) of the head, about the axes one after the other."""
    roll, yaw, pitch = np.radians([most.roll, most.yaw, most.pitch] * np.clip(rng.normal(0, 0.5, 3), -1, 1))
    turns = [rotation_matrices(np.array(axis)) for axis in ([0, 0, roll], [0, yaw, 0], [pitch, 0, 0])]
    return turns[0] @ turns[1] @ turns[2]


def _scene(
    stage: _Stage,
    person: _Person,
    expression: np.ndarray,
    local: np.ndarray,
    hand: Place,
    motion: tuple[np.ndarray, np.ndarray],
    fov: float,
    rng: np.random.Generator,
) -> Sample:
    turn, place = motion
    head = local @ turn.T + place
    own = stage.bodies.hand_parameters(
        person.hand_shape,
        person.scale,
        axis_angle(turn @ hand.rotation),
        hand.angles,
        turn @ hand.translation + place,
    )
    posed, wrist = _posed_hand(stage.hand_model, own)
    response = stage.tissue.solve(head, posed, stage.bodies.hand.triangles)
    posed, wrist = posed + response.hand_shift, wrist + response.hand_shift
    surface = head + response.deformation
    camera = _crop_camera(np.concatenate([surface, posed]), fov, rng)
    look = (draw_backdrop if person.surroundings.backdrop else draw_look)(INPUT_SIZE, rng)
    tinted = np.clip(look.tone * (1 + 0.04 * np.random.default_rng(look.seed).normal(size=(len(posed), 1))), 0, 1)
    colours = np.concatenate([head_colours(stage.head, local, look), tinted])
    pixels, raster = render(np.concatenate([surface, posed]), stage.faces, colours, camera, look)
    mapped = stage.bodies.mapped_head(head)
    centre = mapped.mean(0)
    truth = {
        "pixels": pixels,
        "head_vs": mapped - centre,
        "hand_vs": posed - centre,
        "head_contact": stage.bodies.mapped_head(response.head_contact[:, None])[:, 0] > _CONTACT,
        "hand_contact": response.hand_contact > _CONTACT,
        "deform": -stage.bodies.mapped_head(response.deformation),
    }
    own |= {"wrist": wrist - centre, "rh_transl": own["rh_transl"] + response.hand_shift - centre}
    face = stage.bodies.head_parameters(person.head_shape, expression, axis_angle(turn))
    own |= face | {"face_transl": -stage.bodies.mapped_head(local).mean(0)}
    assert set(own) == {*PARAMETERS, "wrist"}
    truth |= own | _seen(stage, mapped, posed, camera, raster.depth, rng)
    return {name: np.asarray(value, np.float32 if name != "pixels" else np.uint8) for name, value in truth.items()}


def _posed_hand(model: ManoHand, parameters: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(778, 3) vertices and (3,) the wrist, float64."""
    names = ("rh_betas", "rh_rot", "rh_pose", "rh_transl")
    with torch.no_grad():
        inputs = [torch.from_numpy(parameters[name])[None].float() for name in names]
        vertices, joints = model(*inputs)
    return vertices[0].numpy().astype(np.float64), joints[0, 0].numpy().astype(np.float64)


def _crop_camera(points: np.ndarray, fov: float, rng: np.random.Generator) -> Camera:
    """The network's input as a camera: a square around the points, not quite in its middle."""
    full = Camera.from_fov(INPUT_SIZE, INPUT_SIZE, fov)
    pixels = full.project(points)
    low, high = pixels.min(0), pixels.max(0)
    side = float((high - low).max() * rng.uniform(*_MARGIN))
    middle = (low + high) / 2 + rng.uniform(-0.04, 0.04, 2) * side
    scale = INPUT_SIZE / side
    cx, cy = (np.array([full.cx, full.cy]) - middle) * scale + (INPUT_SIZE - 1) / 2
    return Camera(full.fx * scale, full.fy * scale, float(cx), float(cy), INPUT_SIZE, INPUT_SIZE)


def _seen(
    stage: _Stage, head: np.ndarray, hand: np.ndarray, camera: Camera, depth: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Key points in the picture, and the depth that an estimator would give there: up to a scale, not exact."""
    with torch.no_grad():
        on_hand = stage.hand_model.vertex_keypoints(torch.from_numpy(hand)[None].float())
        on_head = stage.head_model.landmarks(torch.from_numpy(head)[None].float())
    pixels = camera.project(torch.cat([on_hand, on_head], 1)[0].numpy().astype(np.float64))
    nearest = np.clip(np.round(pixels).astype(int), 0, INPUT_SIZE - 1)
    inside = (np.abs(pixels - nearest) <= 0.5).all(1)
    at = depth[nearest[:, 1], nearest[:, 0]]
    known = inside & np.isfinite(at)
    noisy = np.where(known, at, 1.0) * np.exp(rng.normal(0, _DEPTH_NOISE, len(at)))
    return {
        "keypoints": (pixels + 0.5) / INPUT_SIZE,
        "keypoint_confidence": inside.astype(np.float64),
        "keypoint_depth": noisy * rng.uniform(0.5, 2.0),
        "keypoint_depth_weight": known.astype(np.float64),
    }
