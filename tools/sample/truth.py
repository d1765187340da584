"""The ground-truth take of the sample: what the clip was rendered from."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from dice_core.bodies import load_hand, load_head
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh, joint_transforms
from dice_core.geometry.rotations import rotation_matrices
from dice_core.take import Source, TakeWriter, TouchEvent, open_take
from sample.performance import HAND_SCALE, HAND_SHAPE
from sample.physics import Animation, person_meshes

__all__ = ["rewrite_truth", "write_truth"]

QUANTUM = 2.0**-16
"""Metres: vertices are rounded to multiples of it, 0.015 mm; the smallest power of two with which the take stays under
the size that the repository allows."""

ENGINE = {"name": "rendered", "settings": {}, "models": {}}

CHUNK_FRAMES = 24


def write_truth(path: Path, clip: Path, fps: float, camera: Camera, animation: Animation) -> None:
    """Write the take beside the clip, in place of one that is there."""
    touches = [TouchEvent(**touch) for touch in animation.touches]
    _write(path, clip, fps, camera, person_meshes(), animation.arrays, touches)


def rewrite_truth(path: Path, clip: Path) -> None:
    """Write the take again with the landmarks, regions and texture coordinates of today's bodies; what moves stays.

    For use after a new calibration of the bodies: the clip shows the take that is on disk.
    """
    take = open_take(path)
    keys = [key for key in next(iter(take.chunks())) if not key.startswith(("landmarks_", "confidence_", "frame"))]
    arrays = {key: take.array(key) for key in keys}
    old, new = take.meshes, {mesh.name: mesh for mesh in person_meshes()}
    meshes = [
        replace(old[name], region=new[name].region, region_names=new[name].region_names, uv=new[name].uv)
        for name in ("head", "hand_right")
    ]
    _write(path, clip, take.fps, take.camera, (meshes[0], meshes[1]), arrays, take.events)


def _write(
    path: Path,
    clip: Path,
    fps: float,
    camera: Camera,
    meshes: tuple[Mesh, Mesh],
    arrays: dict[str, np.ndarray],
    touches: list[TouchEvent],
) -> None:
    frames = len(arrays["tracked_head"])
    checksum = hashlib.sha256(clip.read_bytes()).hexdigest()
    source = Source(clip.name, "video", camera.width, camera.height, fps, 0, frames, checksum)
    arrays = {key: _rounded(key, value) for key, value in arrays.items()}
    arrays |= _landmarks(arrays, meshes[1], camera)
    shutil.rmtree(path, ignore_errors=True)
    writer = TakeWriter(path, source, ENGINE)
    writer.set_camera(camera)
    for mesh in meshes:
        writer.add_mesh(mesh)
    numbered = {"frame": np.arange(frames, dtype=np.int32)} | arrays
    for start in range(0, frames, CHUNK_FRAMES):
        writer.write_chunk({key: value[start : start + CHUNK_FRAMES] for key, value in numbered.items()})
    writer.set_events(touches)
    writer.finish(complete=True)


def _rounded(key: str, value: np.ndarray) -> np.ndarray:
    if key.endswith((".vertices", ".deformation")):
        return (np.round(value / QUANTUM) * QUANTUM).astype(np.float32)
    return value


def _landmarks(arrays: dict[str, np.ndarray], hand_mesh: Mesh, camera: Camera) -> dict[str, np.ndarray]:
    """Where the bodies' landmarks appear in the picture: on the deformed head, and the hand's key points."""
    surface = arrays["head.vertices"] + arrays["head.deformation"]
    present = arrays["tracked_hand_right"]
    hand = load_hand("right")
    rest = hand.keypoints_rest(HAND_SHAPE, HAND_SCALE)
    pixels = np.zeros((len(surface), len(rest), 2), np.float32)
    for k in np.flatnonzero(present):
        linear, offset = joint_transforms(
            hand_mesh.joints.astype(np.float64),
            hand_mesh.parents,
            rotation_matrices(arrays["hand_right.rotation"][k]),
            arrays["hand_right.translation"][k].astype(np.float64),
        )
        joint = hand.keypoint_joint
        pixels[k] = camera.project(np.einsum("kij,kj->ki", linear[joint], rest) + offset[joint])
    return {
        "landmarks_head": camera.project(load_head().landmarks(surface)).astype(np.float32),
        "confidence_head": np.ones(len(surface), np.float32),
        "landmarks_hand_right": pixels,
        "confidence_hand_right": present.astype(np.float32),
    }
