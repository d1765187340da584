"""A recipe as bodies in camera space at any moment: the head's pose, its expression, and the hands.

A clip is one touch (or near miss): the hand comes, stays and moves on the skin, and leaves; the head turns a little
and the face moves. All figures were set by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from accuracy.recipe import Recipe
from dice_core.bodies import load_hand, load_head
from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.geometry.camera import Camera
from dice_core.geometry.rotations import axis_angle, rotation_matrices
from dice_core.network.training.synthetic.expressions import gaze_at
from dice_core.network.training.synthetic.gestures import FREE, GESTURES
from dice_core.network.training.synthetic.hand_batch import HandBatch, HandModel
from dice_core.network.training.synthetic.placement import Place, place_hand
from dice_core.network.training.synthetic.touchable import Skin, View

__all__ = ["HandMoment", "Moment", "Performance"]

HEAD_HEIGHT = 0.24
"""Metres, of the mean head with a little hair."""

COMES, LEAVES = 0.3, 0.75
"""Shares of a clip at which the hand has come, and leaves."""

AWAY, AWAY_TURN = 0.16, 0.5
"""Metres and radians from where it touches to where a hand comes from."""

RUB = 0.012
"""Metres that a hand moves to and fro on the skin."""

TURN, NOD = 7.0, 4.0
"""Degrees by which the head turns and nods in a clip."""

STILL_VELOCITY = (0.25, 0.9)
"""Metres a second of a hand in a blurred still."""


@dataclass(frozen=True)
class HandMoment:
    """A hand in camera space. rotation, translation : (3,); angles : (22,)."""

    rotation: np.ndarray
    translation: np.ndarray
    angles: np.ndarray


@dataclass(frozen=True)
class Moment:
    """rotation, translation : (3,) of the head, axis-angle and metres; expression : (52,); hands : by side."""

    rotation: np.ndarray
    translation: np.ndarray
    expression: np.ndarray
    hands: dict[str, HandMoment]


class Performance:
    """The bodies of a recipe over time."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.camera = Camera.from_fov(recipe.width, recipe.height, recipe.fov)
        rng = np.random.default_rng([recipe.look, 1])
        self._phase = rng.uniform(0, 2 * np.pi, 8)
        head = load_head()
        self._expression = np.array(recipe.expression)
        self._translation = _head_place(recipe, self.camera)
        self._mouth_busy = recipe.gap is not None
        middle = self._head(0.5)
        skin = Skin(head, head.deform(head.rest(np.array(recipe.head_shape)), middle.expression))
        turn = rotation_matrices(middle.rotation)
        view = View.of(self.camera, turn, middle.translation, skin, head)
        gesture = FREE if recipe.gap is None else GESTURES[recipe.gesture]
        self._models = {
            side: HandModel(load_hand(side), np.array(recipe.hand_shape), recipe.hand_scale) for side in recipe.sides
        }
        self._places: dict[str, Place] = {}
        for side, model in self._models.items():
            others = [_skin_of(self._models[name], place) for name, place in self._places.items()]
            other = np.concatenate(others) if others else None
            self._places[side] = place_hand(head, skin, view, model, gesture, recipe.gap, rng, other)
        self._skin = skin
        self._ways = {side: self._way(side, rng) for side in recipe.sides}

    def at(self, time: float) -> Moment:
        """time : 0 to 1 over a clip; a still is at 0.5, and moves on from there where it is blurred."""
        moment = self._head(time)
        turn = rotation_matrices(moment.rotation)
        hands = {}
        for side, place in self._places.items():
            rotation, translation = self._hand(side, place, time)
            hands[side] = HandMoment(axis_angle(turn @ rotation), turn @ translation + moment.translation, place.angles)
        return Moment(moment.rotation, moment.translation, moment.expression, hands)

    def _head(self, time: float) -> Moment:
        recipe, phase = self.recipe, self._phase
        yaw, pitch, expression = recipe.yaw, recipe.pitch, self._expression
        if recipe.kind == "clip":
            swing = np.sin(2 * np.pi * time * 0.8 + phase[:2])
            yaw, pitch = yaw + TURN * swing[0], pitch + NOD * swing[1]
            expression = self._moving_face(time)
        turn = rotation_matrices(np.array([0, 0, np.radians(recipe.roll)]))
        turn = turn @ rotation_matrices(np.array([0, np.radians(yaw), 0]))
        turn = turn @ rotation_matrices(np.array([np.radians(pitch), 0, 0]))
        return Moment(axis_angle(turn), self._translation, expression, {})

    def _moving_face(self, time: float) -> np.ndarray:
        """The expression swells and fades, the eyes wander, and blink once; the jaw talks where no hand is near."""
        phase = self._phase
        expression = self._expression * (0.55 + 0.45 * np.sin(2 * np.pi * time + phase[2]))
        expression = expression + gaze_at(0.4 * np.sin(5 * time + phase[3]), 0.25 * np.sin(4 * time + phase[4]))
        blink = max(0.0, 1 - abs(time - 0.25 - 0.5 * phase[5] / (2 * np.pi)) / 0.1)
        for name in ("eyeBlinkLeft", "eyeBlinkRight"):
            expression[EXPRESSION_NAMES.index(name)] += blink
        if not self._mouth_busy:
            expression[EXPRESSION_NAMES.index("jawOpen")] += 0.25 * (1 + np.sin(14 * time + phase[6]))
        return np.clip(expression, 0, 1)

    def _way(self, side: str, rng: np.random.Generator) -> np.ndarray:
        """(2, 3) unit directions, head axes: where the hand comes from, and along the skin."""
        place = self._places[side]
        down = np.array([0.3 if side == "left" else -0.3, 0.8, -0.3])
        out = place.normal + 0.5 * down + rng.normal(0, 0.15, 3)
        along = np.cross(place.normal, rng.normal(size=3))
        return np.stack([out / np.linalg.norm(out), along / np.linalg.norm(along)])

    def _hand(self, side: str, place: Place, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Rotation (3, 3) and translation (3,), head axes."""
        out, along = self._ways[side]
        recipe = self.recipe
        if recipe.kind == "still":
            speed = STILL_VELOCITY[0] + (STILL_VELOCITY[1] - STILL_VELOCITY[0]) * self._phase[7] / (2 * np.pi)
            slide = along * speed * (time - 0.5) / recipe.fps * recipe.frames
            return place.rotation, place.translation + slide
        far = _ease(1 - time / COMES) if time < COMES else _ease((time - LEAVES) / (1 - LEAVES))
        slide = along * RUB * np.sin(2 * np.pi * 2.5 * (time - 0.5)) * (far == 0)
        away = out * AWAY * far + slide
        rotation = rotation_matrices(along * AWAY_TURN * far) @ place.rotation
        translation = place.translation + away
        if recipe.gap is not None and far < 0.2:
            translation = self._lifted(side, rotation, translation, place)
        return rotation, translation

    def _lifted(self, side: str, rotation: np.ndarray, translation: np.ndarray, place: Place) -> np.ndarray:
        """Moved off the skin where it would enter it more deeply than a touch, or come nearer than the gap."""
        gap = self.recipe.gap or 0.0
        points = _skin_of(self._models[side], replace(place, rotation=rotation, translation=translation))
        for _ in range(4):
            excess = float(self._skin.depth(points).max()) - (0.004 if gap == 0 else -gap)
            if excess <= 0:
                break
            translation, points = translation + place.normal * excess, points + place.normal * excess
        return translation


def _skin_of(model: HandModel, place: Place) -> np.ndarray:
    """(n, 3) samples of a hand's skin, head axes."""
    return model.skin(HandBatch(place.rotation[None], place.translation[None], place.angles[None]))[0]


def _ease(value: float) -> float:
    """0 to 1, smooth at both ends."""
    value = float(np.clip(value, 0, 1))
    return value * value * (3 - 2 * value)


def _head_place(recipe: Recipe, camera: Camera) -> np.ndarray:
    """(3,) metres: where the head stands so that it has its share of the picture."""
    longer = max(recipe.width, recipe.height)
    distance = HEAD_HEIGHT * camera.fx / (recipe.head_share * longer)
    half = np.array([recipe.width, recipe.height]) / 2 / camera.fx * distance
    room = np.maximum(half - [0.12, 0.17], 0.0)
    return np.array([*(0.6 * room * np.array(recipe.off_centre)), distance])
