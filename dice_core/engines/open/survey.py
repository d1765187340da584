"""Who is in the footage: camera, head shape and hand size, surveyed on frames spread over the clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dice_core.bodies import Hand, Head, load_hand
from dice_core.bodies.head_model import PACKAGED, HeadModel, packaged_head
from dice_core.fitting.depth_prior import HandDepthPrior
from dice_core.fitting.expression_prior import ExpressionPrior, FacePrediction
from dice_core.fitting.hand_fit import HandFitter
from dice_core.fitting.hand_observation import HandObservation
from dice_core.fitting.hand_shape import fit_hand_shape
from dice_core.fitting.head_fit import HeadFitter
from dice_core.fitting.head_shape import fit_head_shape
from dice_core.fitting.head_view import HeadView
from dice_core.fitting.neutral_face import MEAN_REST, measured_from
from dice_core.fitting.shape_prior import HeadShapePrior
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh, triangles
from dice_core.landmarks import FrameLandmarks

__all__ = ["DEFAULT_FOV", "Person", "survey"]

DEFAULT_FOV = 40.0
"""Degrees along the longer side: between a phone's video and a portrait lens; set by hand."""

_HAND_SCALE = 1.0  # the mean adult hand beside the mean adult head
_HAND_SCALE_SIGMA = 0.1  # of its logarithm, among people and with the doubt about the camera
_SIZE_SIGMA = 0.03  # of the logarithm of a hand's size in one frame


@dataclass(frozen=True)
class Person:
    """One person before one camera.

    head_shape : (S,) coefficients; hand_shape : (S,) coefficients; hand_scale : relative to the mean hand; head_model :
    the parametric head, by default the packaged one; rest : (52,) what the resting face seems to have of every
    expression, from which expressions are measured.
    """

    camera: Camera
    head_shape: np.ndarray
    hand_shape: np.ndarray
    hand_scale: float
    head_model: HeadModel = field(default_factory=packaged_head)
    rest: np.ndarray = field(default_factory=MEAN_REST.copy)

    @property
    def head(self) -> Head:
        """The parametric head that is fitted and touched."""
        return self.head_model.proxy

    def hand(self, side: str) -> Hand:
        """The parametric hand of a side."""
        return load_hand(side)

    def head_mesh(self) -> Mesh:
        """The person's head as the take stores it."""
        return self.head_model.shown.person_mesh(self.head_shape)

    def hand_mesh(self, side: str) -> Mesh:
        """The person's hand as the take stores it."""
        return self.hand(side).person_mesh(self.hand_shape, self.hand_scale)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """As a capture keeps it to go on after a kill."""
        camera = self.camera
        return {
            "camera": np.array([camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height]),
            "head_shape": self.head_shape,
            "hand_shape": self.hand_shape,
            "hand_scale": np.array(self.hand_scale),
            "rest": self.rest,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any], head_model: HeadModel | None = None) -> Person:
        """Inverse of `to_arrays`; head_model : as there, which leaves it out; None for the packaged head."""
        fx, fy, cx, cy, width, height = (float(value) for value in arrays["camera"])
        camera = Camera(fx, fy, cx, cy, int(width), int(height))
        shape, hand, scale = arrays["head_shape"], arrays["hand_shape"], float(arrays["hand_scale"])
        return cls(camera, shape, hand, scale, head_model or packaged_head(), arrays["rest"])


def survey(
    camera: Camera,
    seen: Sequence[FrameLandmarks],
    sides: Sequence[str],
    on_head: Callable[[np.ndarray], None] = lambda shape: None,
    head_model: HeadModel | None = None,
    rest: np.ndarray = MEAN_REST,
) -> Person:
    """The person's constants from the landmarks of some frames.

    sides : of the hands that are the person's; on_head : called with the head's shape (S,) before hands are looked at;
    head_model : whose shape is found, None for the packaged head; rest : (52,) of the person, as `Person` has it.
    """
    faces: list[np.ndarray] = []
    told: list[FacePrediction | None] = []
    hands: list[tuple[Hand, HandObservation]] = []
    together: list[tuple[np.ndarray, FacePrediction | None, str, HandObservation]] = []
    for found in seen:
        if found.face is not None:
            faces.append(found.face.points.astype(np.float64))
            prediction = ExpressionPrior.load().predict(found.face)
            told.append(None if prediction is None else measured_from(prediction, rest))
        for hand in found.hands:
            if hand.side not in sides:
                continue
            observation = HandObservation.of(hand.points, hand.world)
            hands.append((load_hand(hand.side), observation))
            if found.face is not None:
                together.append((faces[-1], told[-1], hand.side, observation))
    model = head_model or packaged_head()
    # The network tells of the packaged head's shape alone.
    detected = [found.face for found in seen if found.face is not None]
    expected = HeadShapePrior.load().predict(detected) if model.name == PACKAGED else None
    shape = fit_head_shape(model.proxy, camera, faces, told, expected)
    on_head(shape)
    hand_shape = fit_hand_shape(hands, camera, len(load_hand("right").shape_basis), _HAND_SCALE)
    scale = _hand_scale(Person(camera, shape, hand_shape, _HAND_SCALE, model), together)
    return Person(camera, shape, hand_shape, scale, model, rest)


def _hand_scale(
    person: Person, frames: Sequence[tuple[np.ndarray, FacePrediction | None, str, HandObservation]]
) -> float:
    """Size of the hand relative to the mean one, beside the head.

    frames : landmarks of the face, what its inner layers tell, side of the hand and what is seen of it, where both are
    seen. A hand that covers a face shows by where it is how large it must be.
    """
    head = person.head
    fitter = HeadFitter(head, person.camera, person.head_shape)
    skin = triangles(head.mesh)
    total, weight = 0.0, 1 / _HAND_SCALE_SIGMA**2
    for face, told, side, observation in frames:
        pose = fitter.fit(face, prediction=told)
        vertices = head.pose(person.head_shape, pose.expression, pose.rotation, pose.translation)
        view = HeadView.of(pose, vertices, skin, person.camera)
        predicted = HandDepthPrior.load().predict(observation.pixels, observation.depth, side, person.camera, view)
        hand = HandFitter(person.hand(side), person.camera, person.hand_shape, person.hand_scale)
        by_size = float(hand.centre(hand.fit(observation))[2])
        trust = 1 / ((predicted.mean_sigma / predicted.mean) ** 2 + _SIZE_SIGMA**2)
        total += trust * np.log(predicted.mean / by_size)
        weight += trust
    return person.hand_scale * float(np.exp(total / weight))
