"""The bodies of every frame of a recipe, with the skin pressed in: what is rendered, and what the truth take holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from accuracy.performance import Moment, Performance
from dice_core.bodies import load_hand, load_head
from dice_core.contact.soft_tissue import SoftTissue
from dice_core.contact.touch_events import TouchEventRecorder
from dice_core.geometry.mesh import Mesh, triangles
from dice_core.take import TouchEvent

__all__ = ["Animation", "animate"]


@dataclass(frozen=True)
class Animation:
    """T frames of a head and its hands.

    moments : T; meshes : by name, of the person; arrays : by the take's keys, (T, ...);
    surfaces : by mesh name, (T, V, 3) metres in camera space as rendered; drift : by mesh name, (T, V, 3) or (T, 1, 3)
    metres that they move in one frame; events : touches.
    """

    performance: Performance
    moments: list[Moment]
    meshes: dict[str, Mesh]
    arrays: dict[str, np.ndarray]
    surfaces: dict[str, np.ndarray]
    drift: dict[str, np.ndarray]
    events: list[TouchEvent]


def animate(performance: Performance) -> Animation:
    """Pose the bodies of all frames and let the hands press into the skin."""
    recipe = performance.recipe
    head = load_head()
    times = [0.5] if recipe.kind == "still" else [k / max(recipe.frames - 1, 1) for k in range(recipe.frames)]
    moments = [performance.at(time) for time in times]
    head_shape, hand_shape = np.array(recipe.head_shape), np.array(recipe.hand_shape)
    meshes = {"head": head.person_mesh(head_shape)}
    meshes |= {f"hand_{side}": load_hand(side).person_mesh(hand_shape, recipe.hand_scale) for side in recipe.sides}
    tissue = SoftTissue.for_head(head, meshes["head"].rest_vertices)
    touches = TouchEventRecorder(meshes["head"], stills=recipe.kind == "still")
    rows = [_row(performance, k, moment, meshes, tissue, touches) for k, moment in enumerate(moments)]
    arrays = {key: _stacked([row[key] for row in rows]) for key in rows[0]}
    surfaces = {name: arrays[f"{name}.vertices"] + arrays[f"{name}.deformation"] for name in meshes}
    events = [TouchEvent(**touch) for touch in touches.as_dicts()]  # type: ignore[arg-type]
    return Animation(performance, moments, meshes, arrays, surfaces, _drift(performance, surfaces), events)


def _row(
    performance: Performance,
    frame: int,
    moment: Moment,
    meshes: dict[str, Mesh],
    tissue: SoftTissue,
    touches: TouchEventRecorder,
) -> dict[str, Any]:
    """One frame's arrays by the take's keys."""
    recipe, head = performance.recipe, load_head()
    vertices = head.pose(np.array(recipe.head_shape), moment.expression, moment.rotation, moment.translation)
    deformation, contact = np.zeros_like(vertices), np.zeros(len(vertices), np.float32)
    row: dict[str, Any] = {}
    for side, at in moment.hands.items():
        name, hand = f"hand_{side}", load_hand(side)
        shape = np.array(recipe.hand_shape)
        posed = hand.pose(shape, recipe.hand_scale, at.rotation, at.angles, at.translation)
        response = tissue.solve(vertices + deformation, posed, triangles(meshes[name]))
        touches.add(frame, name, response.head_contact, response.deformation)
        deformation = deformation + response.deformation
        contact = np.maximum(contact, response.head_contact)
        moved = at.translation + response.hand_shift
        points = hand.keypoints(shape, recipe.hand_scale, at.rotation, at.angles, moved)
        row |= {
            f"tracked_{name}": np.uint8(_in_picture(performance, posed + response.hand_shift)),
            f"{name}.vertices": posed + response.hand_shift,
            f"{name}.deformation": np.zeros_like(posed),
            f"{name}.contact": response.hand_contact,
            f"{name}.rotation": hand.rotation_vectors(at.rotation, at.angles),
            f"{name}.translation": moved,
            f"landmarks_{name}": performance.camera.project(points),
            f"confidence_{name}": np.float32(1),
        }
    surface = vertices + deformation
    return row | {
        "tracked_head": np.uint8(1),
        "head.vertices": vertices,
        "head.deformation": deformation,
        "head.contact": contact,
        "head.rotation": np.concatenate([moment.rotation[None], np.zeros((len(meshes["head"].joints) - 1, 3))]),
        "head.translation": moment.translation,
        "head.expression": moment.expression,
        "landmarks_head": performance.camera.project(head.landmarks(surface)),
        "confidence_head": np.float32(1),
    }


def _in_picture(performance: Performance, vertices: np.ndarray) -> bool:
    """Whether any vertex is seen at all."""
    camera = performance.camera
    pixels = camera.project(vertices[vertices[:, 2] > 0.05])
    return bool(((pixels > -0.5) & (pixels < [camera.width - 0.5, camera.height - 0.5])).all(axis=1).any())


def _stacked(rows: list[Any]) -> np.ndarray:
    stacked = np.array(rows)
    return stacked if stacked.dtype == np.uint8 else stacked.astype(np.float32)


def _drift(performance: Performance, surfaces: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if performance.recipe.kind == "clip":
        return {name: np.gradient(values, axis=0) for name, values in surfaces.items()}
    earlier, later = performance.at(0.25), performance.at(0.75)
    drift = {"head": np.zeros((1, 1, 3))}
    for side in performance.recipe.sides:
        moved = later.hands[side].translation - earlier.hands[side].translation
        drift[f"hand_{side}"] = 2 * moved[None, None]
    return drift
