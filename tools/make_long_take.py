"""Takes of any length for measurements: `python tools/make_long_take.py FRAMES -o TAKE [--share N]`.

The sample's head and right hand, or the Nth part of them around cheek and palm, with their rigs and shape keys: the
head turns and speaks, the hand moves its fingers, comes and goes, and dents a cheek that slides below it. All of it
repeats after some minutes only, and no two frames are alike. A chunk is in memory at a time.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dice_core.geometry.mesh import Mesh, skin
from dice_core.geometry.rotations import rotation_matrices
from dice_core.sample import sample_truth
from dice_core.take import Source, TakeWriter, TouchEvent, open_take
from dice_core.take.mesh_frames import MeshFrames

FPS = 24.0
CHUNK = 48
"""Frames: as captures of this frame rate write them."""
PERIODS = 2 * np.pi / FPS / np.array([3.1, 4.7, 7.3, 11.9, 23.0, 61.0])
"""Radians a frame of the movements that everything is mixed from: from 3 seconds to a minute."""
TOUCHED = "cheek.R"
SPOKEN = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "browInnerUp", "eyeBlinkLeft", "eyeBlinkRight")


def main() -> None:
    """Write the take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=int)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--share", type=int, default=1, metavar="N", help="keep one polygon of so many")
    options = parser.parse_args()
    write_long_take(options.output, options.frames, options.share)


def write_long_take(folder: Path, frames: int, share: int = 1) -> None:
    """Write the take; share : one polygon of so many is kept."""
    sample = open_take(sample_truth())
    head = _patch(sample.meshes["head"], TOUCHED, share)
    hand = _patch(sample.meshes["hand_right"], "palm", share)
    source = Source("nowhere.mp4", "video", 512, 512, FPS, 0, frames, "0" * 64)
    writer = TakeWriter(folder, source, {"name": "open", "settings": {}, "models": {}})
    writer.set_camera(sample.camera)
    writer.add_mesh(head)
    writer.add_mesh(hand)
    events = []
    for first in range(0, frames, CHUNK):
        rows = np.arange(first, min(first + CHUNK, frames))
        moving_head, moving_hand = _head_frames(head, rows), _hand_frames(hand, rows)
        touching = rows[(moving_head.contact > 0).any(axis=1)]
        if len(touching) and first % (20 * CHUNK) == 0:
            events.append(TouchEvent("head", TOUCHED, "hand_right", int(touching[0]), int(touching[-1]), 3.0))
        arrays = {"frame": rows.astype(np.int32), **moving_head.take_arrays("head")}
        writer.write_chunk(arrays | moving_hand.take_arrays("hand_right"))
    writer.set_events(events)
    writer.finish(complete=True)


def _patch(mesh: Mesh, region: str, share: int) -> Mesh:
    """A body of the polygons nearest to the middle of a region, one of so many, with the vertices that these need."""
    if share == 1:
        return mesh
    starts = np.cumsum(mesh.face_sizes) - mesh.face_sizes
    middles = np.add.reduceat(mesh.rest_vertices[mesh.face_corners], starts) / mesh.face_sizes[:, None]
    middle = mesh.rest_vertices[mesh.region_vertices(region)].mean(axis=0)
    nearest = np.argsort(np.linalg.norm(middles - middle, axis=1), kind="stable")
    kept = np.sort(nearest[: max(1, len(starts) // share)])
    corners = np.concatenate([np.arange(starts[k], starts[k] + mesh.face_sizes[k]) for k in kept])
    used, face_corners = np.unique(mesh.face_corners[corners], return_inverse=True)
    return replace(
        mesh,
        rest_vertices=mesh.rest_vertices[used],
        face_corners=face_corners.astype(np.int32),
        face_sizes=mesh.face_sizes[kept],
        uv=mesh.uv[corners],
        region=mesh.region[used],
        skin_joints=mesh.skin_joints[used],
        skin_weights=mesh.skin_weights[used],
        shape_key_deltas=mesh.shape_key_deltas[:, used] if mesh.shape_key_names else mesh.shape_key_deltas,
    )


def _waves(rows: np.ndarray, count: int) -> np.ndarray:
    """(n, count) movements between -1 and 1 that have little to do with each other."""
    phases = np.arange(count)
    slow, quick = PERIODS[2 + phases % 4], PERIODS[phases % 2]
    return 0.7 * np.sin(rows[:, None] * slow + phases) + 0.3 * np.sin(rows[:, None] * quick + 2 * phases)


def _head_frames(mesh: Mesh, rows: np.ndarray) -> MeshFrames:
    posed = MeshFrames.absent(mesh, len(rows))
    assert posed.rotation is not None
    assert posed.translation is not None
    assert posed.expression is not None
    waves = _waves(rows, 6 + len(SPOKEN))
    posed.tracked[:] = 1
    posed.rotation[:, 0] = waves[:, :3] * [0.15, 0.4, 0.1]
    posed.translation[:] = [0.0, 0.0, 0.6] + 0.02 * waves[:, 3:6]
    for k, name in enumerate(SPOKEN):
        posed.expression[:, mesh.shape_key_names.index(name)] = np.maximum(waves[:, 6 + k], 0) * 0.8
    deltas = mesh.shape_key_deltas.astype(np.float32)
    cheek = mesh.region_vertices(TOUCHED)
    middle = mesh.rest_vertices[cheek].mean(axis=0)
    touch, slide = np.maximum(_waves(rows, 1)[:, 0], 0), _waves(rows + 1000, 2) * 0.008
    matrices = rotation_matrices(posed.rotation[:, 0]).astype(np.float32)
    for k in range(len(rows)):
        local = mesh.rest_vertices + np.einsum("s,svi->vi", posed.expression[k], deltas)
        spot = middle + np.append(slide[k], 0.0)
        near = np.exp(-((mesh.rest_vertices - spot) ** 2).sum(axis=1) / 0.015**2) * cheek
        posed.contact[k] = np.where(near * touch[k] > 0.05, near * min(1.0, 2 * touch[k]), 0.0)
        dent = (0.006 * touch[k] * near)[:, None] * np.array([0.6, 0.0, 0.8])
        pivot = mesh.joints[0]
        posed.vertices[k] = (local - pivot) @ matrices[k].T + pivot + posed.translation[k]
        posed.deformation[k] = np.where(posed.contact[k, :, None] > 0, dent, 0.0) @ matrices[k].T
    return posed


def _hand_frames(mesh: Mesh, rows: np.ndarray) -> MeshFrames:
    posed = MeshFrames.absent(mesh, len(rows))
    assert posed.rotation is not None
    assert posed.translation is not None
    joints = len(mesh.joints)
    waves = _waves(rows + 500, joints + 6)
    posed.tracked[:] = _waves(rows, 1)[:, 0] > -0.6
    posed.rotation[:, 0] = waves[:, :3] * 0.4
    posed.rotation[:, 1:, 0] = waves[:, 3 : 2 + joints] * 0.3
    posed.translation[:] = [-0.06, 0.03, 0.5] + 0.03 * waves[:, -3:]
    for k in np.flatnonzero(posed.tracked):
        posed.vertices[k] = skin(mesh, mesh.rest_vertices, posed.rotation[k], posed.translation[k])
    for array in (posed.rotation, posed.translation):
        array[posed.tracked == 0] = 0
    return posed


if __name__ == "__main__":
    main()
