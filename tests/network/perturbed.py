"""A network result with a known error: the sample's truth with its hand moved into the head, or away from it.

The published network is least certain about the hand's depth (Non.Col 66.6, Touchness 79.9). Here that depth has a
known error, everything else is exact, and the dice engine's post-processing of it is measured against the truth. No
torch and no licensed file is needed: bodies are those of the sample.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from dice_core.engines.base import SIDES
from dice_core.engines.dice.frames import DiceFrames, HandFrames, HeadFrames
from dice_core.engines.dice.postprocess import Postprocessor
from dice_core.geometry.mesh import Mesh, skin, triangles, vertex_normals
from dice_core.geometry.rotations import rotation_matrices
from dice_core.metrics import measure
from dice_core.sample import sample_truth
from dice_core.take import Source, Take, TakeWriter, open_take

__all__ = ["SampleBodies", "depth_errors", "network_frames", "postprocessed_take", "refined"]

_WOBBLE_FRAMES = 12.0  # period of an error that comes and goes
_SIDE = "right"
_UNSEEN = "unseen"


class SampleBodies:
    """The sample's head and hand, with the interface of the dice engine's bodies."""

    mirrored_head = False

    def __init__(self, meshes: dict[str, Mesh]) -> None:
        self._meshes = meshes

    def head_mesh(self) -> Mesh:
        """The head."""
        return self._meshes["head"]

    def hand_mesh(self, side: str) -> Mesh:
        """The hand of a side."""
        return self._meshes[f"hand_{side}"]

    def head_local(self, expression: np.ndarray, _jaw: np.ndarray) -> np.ndarray:
        """Head at rest with expressions."""
        mesh = self._meshes["head"]
        moved = np.tensordot(expression, mesh.shape_key_deltas.astype(np.float64), 1)
        return (mesh.rest_vertices + moved).astype(np.float32)

    def head_vertices(self, local: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
        """Head in camera space."""
        pivot = self._meshes["head"].joints[0]
        turned = (local - pivot) @ np.swapaxes(rotation_matrices(rotation), -1, -2)
        return (turned + pivot + translation[:, None]).astype(np.float32)

    def hand_vertices(self, side: str, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
        """Hand in camera space."""
        mesh = self._meshes[f"hand_{side}"]
        return np.stack([skin(mesh, mesh.rest_vertices, *pose) for pose in zip(rotation, translation, strict=True)])

    @staticmethod
    def expression_keys(expression: np.ndarray) -> np.ndarray:
        """Weights of the head's shape keys."""
        return expression.astype(np.float32)


def _blind(frames: DiceFrames) -> DiceFrames:
    """The same without contact and dents, as where the network does not see the touch."""
    head = frames.head
    names = [f"{part}_{side}" for part in ("contact", "deformation") for side in SIDES]
    unseen = {name: getattr(head, name) * 0 for name in names}
    left, right = (replace(frames.hand(side), contact=frames.hand(side).contact * 0) for side in SIDES)
    return replace(frames, head=replace(head, **unseen), left=left, right=right)


def depth_errors(count: int) -> dict[str, np.ndarray]:
    """How far the hand is moved into the head in each frame, metres (negative: away), by the case's name."""
    wobble = np.sin(np.arange(count) * 2 * np.pi / _WOBBLE_FRAMES)
    constant = {f"{depth:+d} mm": np.full(count, depth / 1000) for depth in (0, 5, 10, 15, -4, -8, -12)}
    return constant | {"+-10 mm": 0.010 * wobble, f"+10 mm, {_UNSEEN}": constant["+10 mm"]}


def network_frames(truth: Take, into: np.ndarray) -> DiceFrames:
    """Frames as the dice engine collects them, with the truth's values and the hand moved.

    into : (T,) metres along the inward normal of the skin that is touched.
    """
    turn = truth.array("head.rotation")[:, 0].astype(np.float64)
    back = rotation_matrices(turn)  # row vectors times R are vectors turned back
    deformation = np.einsum("tvi,tij->tvj", truth.array("head.deformation").astype(np.float64), back)
    contact = truth.array("head.contact")
    own = {side: side == _SIDE for side in SIDES}
    head = HeadFrames(
        found=truth.array("tracked_head"),
        confidence=truth.array("confidence_head"),
        landmarks=truth.array("landmarks_head"),
        rotation=turn,
        translation=truth.array("head.translation").astype(np.float64),
        expression=truth.array("head.expression").astype(np.float64),
        jaw=np.zeros((len(turn), 3)),
        **{f"deformation_{side}": deformation * own[side] for side in SIDES},
        **{f"contact_{side}": contact * own[side] for side in SIDES},
    )
    name = f"hand_{_SIDE}"
    left, right = (
        HandFrames(
            found=truth.array(f"tracked_{name}") * own[side],
            confidence=truth.array(f"confidence_{name}"),
            landmarks=truth.array(f"landmarks_{name}"),
            rotation=truth.array(f"{name}.rotation").astype(np.float64),
            translation=truth.array(f"{name}.translation") + _inward(truth, back) * into[:, None],
            contact=truth.array(f"{name}.contact"),
        )
        for side in SIDES
    )
    return DiceFrames(truth.frames, head, left, right)


def _inward(truth: Take, back: np.ndarray) -> np.ndarray:
    """Unit vectors into the head where it is touched, (T, 3); frames without touch have that of the nearest touch."""
    contact, corners = truth.array("head.contact"), triangles(truth.meshes["head"])
    touching = np.flatnonzero(contact.max(1) >= 0.5)
    local = np.zeros((len(contact), 3))
    for frame in touching:
        normals = vertex_normals(truth.array("head.vertices")[frame], corners)
        local[frame] = -(contact[frame] @ normals) @ back[frame]
    nearest = touching[np.abs(np.arange(len(contact))[:, None] - touching).argmin(1)]
    local = local[nearest]
    turned = np.einsum("tj,tij->ti", local, back)
    return turned / np.linalg.norm(turned, axis=1, keepdims=True)


def postprocessed_take(path: Path, truth: Take, frames: DiceFrames, *, solve_contact: bool) -> Take:
    """The take that the dice engine's post-processing makes of frames."""
    meshes = dict(truth.meshes)
    postprocessor = Postprocessor(SampleBodies(meshes), truth.fps, solve_contact=solve_contact)  # type: ignore[arg-type]
    chunk = postprocessor.chunk(frames, 0, len(frames))
    names = {declared.name for declared in fields(Source)}
    known = {key: value for key, value in truth.info["source"].items() if key in names}
    writer = TakeWriter(path, Source(**known), {"name": "dice", "settings": {}, "models": {}})
    writer.set_camera(truth.camera)
    arrays = {"frame": chunk.frame}
    for name, found in chunk.meshes.items():
        values = found
        writer.add_mesh(meshes[name])
        if values.rotation is not None:  # the dice engine's head has one joint, the sample's has more
            missing = len(meshes[name].joints) - values.rotation.shape[1]
            values = replace(values, rotation=np.pad(values.rotation, ((0, 0), (0, missing), (0, 0))))
        arrays |= values.take_arrays(name)
    writer.write_chunk(arrays)
    writer.finish(complete=True)
    return open_take(path)


def refined(folder: Path, case: str, rows: slice = slice(None)) -> dict[str, dict[str, Any]]:
    """Metrics of one case of `depth_errors` against the truth, by kind of contact ("network", "solver").

    rows : of the sample, which stand for the whole clip.
    """
    truth = open_take(sample_truth())
    frames = network_frames(truth, depth_errors(len(truth.frames))[case])
    if case.endswith(_UNSEEN):
        frames = _blind(frames)
    frames = frames.rows(rows)
    results = {}
    for kind in ("network", "solver"):
        take = postprocessed_take(folder / f"{kind}.dicetake", truth, frames, solve_contact=kind == "solver")
        results[kind] = measure(take, truth)
    return results
