"""A take of our own bodies as the dice engine would give it: the same motion, on bodies in MANO's and FLAME's form.

The open head and hand in that form (`dice_core.network.training.open_bodies`) are posed by the engine's own code, so
meshes, rig, shape keys and arrays are what a capture with `--engine dice` leaves. What the form cannot hold is left
out: `EXPRESSIONS_LEFT_OUT`, and shapes of the hand beyond its coefficients.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from dice_core.bodies import load_hand, load_head
from dice_core.geometry.mesh import Mesh
from dice_core.geometry.rotations import axis_angle, rotation_matrices
from dice_core.network.body_models.flame import FlameHead
from dice_core.network.body_models.mano import ManoHand
from dice_core.network.body_models.posing import BodyLayers, TakeBodies
from dice_core.network.training.open_bodies import HAND_SHAPES, OpenBodies, expression_columns, open_bodies
from dice_core.take import Source, Take, TakeWriter, open_take

__all__ = ["copy_take", "dice_form"]

_HAND_AXES = np.array([-1.0, 1.0, -1.0])
"""From the open hand's rest axes to those of its form as MANO's."""


def dice_form(take: Take, folder: Path) -> Take:
    """Write a take of the open engine's bodies anew in the dice engine's form.

    Raises ValueError where the take's bodies are not the open ones.
    """
    bodies, fitted = open_bodies(), _bodies_of(take)
    meshes: dict[str, Mesh] = {}
    arrays = {"frame": take.frames}
    for name in take.meshes:
        tracked = take.array(f"tracked_{name}")
        for key in (f"tracked_{name}", f"landmarks_{name}", f"confidence_{name}"):
            arrays[key] = take.array(key)
        if name == "head":
            meshes[name], found = fitted.head_mesh(), _head(take, bodies, fitted)
        else:
            side = name.removeprefix("hand_")
            meshes[name], found = fitted.hand_mesh(side), _hand(take, name, bodies, fitted)
        for key, values in found.items():
            absent = (tracked == 0).reshape(-1, *[1] * (values.ndim - 1))
            arrays[f"{name}.{key}"] = np.where(absent, 0, values).astype(np.float32)
    return copy_take(take, folder, meshes, arrays)


def copy_take(take: Take, folder: Path, meshes: dict[str, Mesh], arrays: dict[str, np.ndarray]) -> Take:
    """A take of the same footage and touches with other meshes and arrays."""
    noted = take.info["source"]
    source = Source(**{key: noted[key] for key in Source.__dataclass_fields__ if key in noted})
    shutil.rmtree(folder, ignore_errors=True)
    writer = TakeWriter(folder, source, {"name": "dice", "settings": {}, "models": {}})
    writer.set_camera(take.camera)
    for mesh in meshes.values():
        writer.add_mesh(mesh)
    writer.write_chunk(arrays)
    writer.set_events(take.events)
    writer.finish(complete=True)
    return open_take(folder)


def _bodies_of(take: Take) -> TakeBodies:
    """The take's person in the form."""
    bodies, head = open_bodies(), load_head()
    shape = _coefficients(take.meshes["head"].rest_vertices - head.mesh.rest_vertices, head.shape_basis)
    betas = np.zeros(HAND_SHAPES + 1)
    for name, mesh in take.meshes.items():
        if name != "head":
            own = load_hand(name.removeprefix("hand_"))
            # The size multiplies template and shapes, so that shapes are those of the hand in its size.
            columns = np.concatenate([own.shape_basis[:HAND_SHAPES], own.scale_sigma * own.mesh.rest_vertices[None]])
            betas = _coefficients(mesh.rest_vertices - own.mesh.rest_vertices, columns)
    layers = BodyLayers(ManoHand(bodies.hand), FlameHead(bodies.head, bodies.landmarks), bodies.neck)
    face = np.zeros(100)
    face[: len(shape)] = shape
    return TakeBodies(layers, face, betas, mirrored_head=False)


def _coefficients(offset: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """(S,) of a basis (S, V, 3) that explain an offset (V, 3) best."""
    rows = basis.reshape(len(basis), -1).T.astype(np.float64)
    return np.linalg.lstsq(rows, offset.ravel().astype(np.float64), rcond=None)[0]


def _head(take: Take, bodies: OpenBodies, fitted: TakeBodies) -> dict[str, np.ndarray]:
    rotation, translation = take.array("head.rotation")[:, 0], take.array("head.translation")
    expression = take.array("head.expression")[:, expression_columns()]
    local = fitted.head_local(expression, np.zeros((len(expression), 3)))
    return {
        "vertices": fitted.head_vertices(local, rotation, translation),
        "deformation": np.stack([bodies.mapped_head(one) for one in take.array("head.deformation")]),
        "contact": np.stack([bodies.mapped_head(one[:, None])[:, 0] for one in take.array("head.contact")]),
        "rotation": rotation[:, None],
        "translation": translation,
        "expression": fitted.expression_keys(expression),
    }


def _hand(take: Take, name: str, bodies: OpenBodies, fitted: TakeBodies) -> dict[str, np.ndarray]:
    side, mesh = name.removeprefix("hand_"), take.meshes[name]
    order = [mesh.joint_names.index(joint) for joint in fitted.hand_mesh(side).joint_names]
    vectors = take.array(f"{name}.rotation")[:, order].astype(np.float64)
    rotation = vectors * _HAND_AXES
    rotation[:, 0] = axis_angle(rotation_matrices(vectors[:, 0]) * _HAND_AXES)
    translation = take.array(f"{name}.translation")
    vertices = fitted.hand_vertices(side, rotation, translation)
    return {
        "vertices": vertices,
        "deformation": np.zeros_like(vertices),
        "contact": take.array(f"{name}.contact")[:, bodies.hand_vertices],
        "rotation": rotation,
        "translation": translation,
    }
