"""Takes of small bodies, written for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh
from dice_core.take import Source, TakeWriter
from dice_core.take.mesh_frames import MeshFrames
from tests.core.synthetic_bodies import sphere_mesh

SOURCE = Source("clip.mp4", "video", 320, 240, 25.0, 10, 12, "ab" * 32)


ENGINE = {"name": "open", "settings": {"hands": "auto", "fov": None}, "models": {"a.onnx": "00"}}


CAMERA = Camera(400.0, 401.0, 159.5, 119.5, 320, 240)


HEAD = sphere_mesh("head", 6, 8, 0.1)


def rigged_hand(name: str = "hand_right") -> Mesh:
    mesh = sphere_mesh(name, 5, 6, 0.03)
    count = len(mesh.rest_vertices)
    return replace(
        mesh,
        joints=np.array([[0, 0, 0], [0, 0.01, 0]], np.float32),
        parents=np.array([-1, 0], np.int32),
        joint_names=("wrist", "thumb"),
        skin_joints=np.tile(np.array([0, 1], np.int32), (count, 1)),
        skin_weights=np.full((count, 2), 0.5, np.float32),
        shape_key_names=("wide",),
        shape_key_deltas=np.full((1, count, 3), 0.001, np.float16),
    )


def values(mesh: Mesh, count: int, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    arrays = {}
    for key, zero in MeshFrames.absent(mesh, count).take_arrays(mesh.name).items():
        arrays[key] = random.uniform(0, 1, zero.shape).astype(np.float32)
    arrays[f"tracked_{mesh.name}"] = np.ones(count, np.uint8)
    return arrays


def frames(first: int, count: int) -> dict[str, np.ndarray]:
    return {"frame": np.arange(first, first + count, dtype=np.int32)}


def started(path: Path, **changes: Any) -> TakeWriter:
    writer = TakeWriter(path, replace(SOURCE, **changes), ENGINE)
    writer.set_camera(CAMERA)
    return writer


def content(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}
