"""Good inputs of each class, and bad ones made of them."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np

from dice_core.errors import DiceError
from dice_core.geometry.mesh import Mesh
from dice_core.sample import sample_clip, sample_truth
from dice_core.take import Source, TakeWriter, TouchEvent, open_take
from dice_core.take.format import load_arrays
from dice_core.take.mesh_frames import MeshFrames
from fuzzing.mutators import mutate_array, mutate_bytes, mutate_json, mutate_pickle

__all__ = ["CLASSES", "Maker"]

Maker = Callable[[Random, Path], Path]
"""Makes one bad input in an empty folder and says where it is."""

_FRAMES = 3
_LINKS = hasattr(os, "mkfifo")


def takes(folder: Path) -> Maker:
    """Takes of three frames of the sample's own bodies, which all commands work with."""
    good = folder / "good.dicetake"
    sample = open_take(sample_truth())
    arrays = next(iter(sample.chunks()))
    picture = folder / "a.png"
    cv2.imwrite(str(picture), np.full((240, 320, 3), 120, np.uint8))
    source = Source(str(picture), "sequence", 512, 512, 24.0, 0, 2 * _FRAMES, "0" * 64)
    writer = TakeWriter(good, source, {"name": "open", "settings": {"hands": "auto"}, "models": {}})
    writer.set_camera(sample.camera)
    for mesh in sample.meshes.values():
        writer.add_mesh(mesh)
    for first in (0, _FRAMES):
        chunk = {key: value[20 : 20 + _FRAMES] for key, value in arrays.items()}
        writer.write_chunk(chunk | {"frame": np.arange(first, first + _FRAMES, dtype=np.int32)})
    writer.set_events([TouchEvent("head", "cheek.R", "hand_right", 1, 4, 3.0)])
    writer.finish(complete=True)
    bodies = {name: _small(mesh) for name, mesh in sample.meshes.items()}
    small = folder / "small.dicetake"
    writer = TakeWriter(small, source, {"name": "open", "settings": {}, "models": {}})
    writer.set_camera(sample.camera)
    for mesh in bodies.values():
        writer.add_mesh(mesh)
    rows: dict[str, np.ndarray] = {"frame": np.arange(_FRAMES, dtype=np.int32)}
    for name, mesh in bodies.items():
        frames = MeshFrames.absent(mesh, _FRAMES)
        frames.tracked[:] = 1
        frames.vertices[:] = mesh.rest_vertices + np.array([0, 0, 0.5])
        frames.landmarks[:] = 100 + np.arange(frames.landmarks.shape[1])[:, None]
        rows |= frames.take_arrays(name)
    writer.write_chunk(rows)
    writer.finish(complete=True)

    def make(random: Random, place: Path) -> Path:
        take = place / "a.dicetake"
        shutil.copytree(small if random.random() < 0.9 else good, take)
        for _ in range(random.choice((1, 1, 1, 2))):
            _spoil_take(random, take)
        return take

    return make


def _small(mesh: Mesh) -> Mesh:
    """A box in place of a body, with the body's rig, regions and shape keys."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
    faces = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]], np.int32)
    arrays: dict[str, Any] = vars(mesh) | {
        "rest_vertices": corners * (0.1 if mesh.name == "head" else 0.04),
        "face_corners": faces.ravel(),
        "face_sizes": np.full(6, 4, np.int32),
        "uv": np.zeros((24, 2), np.float32),
        "region": np.arange(8).astype(np.uint8) % len(mesh.region_names),
        "skin_joints": mesh.skin_joints[:8],
        "skin_weights": mesh.skin_weights[:8],
    }
    if mesh.shape_key_names:
        arrays["shape_key_deltas"] = mesh.shape_key_deltas[:, :8]
    return Mesh(**arrays)


def _spoil_take(random: Random, take: Path) -> None:
    files = [file for file in take.rglob("*") if file.is_file()]
    if not files:
        return
    file = random.choice(sorted(files))
    kind = random.random()
    if kind < 0.4:
        file = take / "take.json"
        if file.is_file():
            text = file.read_bytes().decode("latin-1")
            try:
                file.write_bytes(mutate_json(random, json.loads(text)).encode("utf-8", "surrogatepass"))
            except (ValueError, RecursionError):  # spoilt already
                file.write_bytes(mutate_bytes(random, text.encode("latin-1")))
    elif kind < 0.75 and file.suffix == ".npz":
        try:
            arrays = load_arrays(file)
        except DiceError:  # spoilt already
            return
        name = random.choice(sorted(arrays))
        arrays[name] = mutate_array(random, arrays[name])
        if random.random() < 0.1:
            del arrays[name]
        if random.random() < 0.3:
            _write_raw(random, file, arrays)
        else:
            np.savez_compressed(file, **arrays)
    elif kind < 0.95 or not _LINKS:
        file.write_bytes(mutate_bytes(random, file.read_bytes()))
    else:
        file.unlink()
        if random.random() < 0.5:
            os.symlink(random.choice(("/etc/passwd", "/dev/zero", str(take))), file)
        elif random.random() < 0.5:
            os.mkfifo(file)


def _write_raw(random: Random, file: Path, arrays: dict[str, np.ndarray]) -> None:
    """An .npz whose headers are spoilt before they are packed, so that checksums hold."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            stream = io.BytesIO()
            np.save(stream, array)
            data = stream.getvalue()
            if random.random() < 0.3:
                data = mutate_bytes(random, data[:128]) + data[128:]
            archive.writestr(f"{name}.npy", data)


def images(folder: Path) -> Maker:
    """Pictures of every format, plain and otherwise."""
    random = np.random.default_rng(1)
    photo = cv2.GaussianBlur(random.integers(0, 255, (72, 96, 3), np.uint8), (5, 5), 3)
    kinds: list[tuple[str, np.ndarray, list[int]]] = [
        (".png", photo, []),
        (".png", photo.astype(np.uint16) * 257, []),
        (".jpg", photo, []),
        (".jpg", photo, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
        (".webp", photo, [cv2.IMWRITE_WEBP_QUALITY, 50]),
        (".webp", photo, [cv2.IMWRITE_WEBP_QUALITY, 101]),
        (".tiff", photo, []),
        (".tiff", photo.astype(np.float32) / 255, []),
        (".bmp", photo, []),
    ]
    return _spoilt([(suffix, cv2.imencode(suffix, image, options)[1].tobytes()) for suffix, image, options in kinds])


def videos(folder: Path) -> Maker:
    """The bundled clip, and a small one of another kind."""
    path = folder / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (96, 72))
    for value in range(6):
        writer.write(np.full((72, 96, 3), 40 * value, np.uint8))
    writer.release()
    return _spoilt([(".mp4", sample_clip().read_bytes()), (".avi", path.read_bytes())])


def _spoilt(good: list[tuple[str, bytes]]) -> Maker:
    def make(random: Random, place: Path) -> Path:
        suffix, data = random.choice(good)
        (place / f"a{suffix}").write_bytes(mutate_bytes(random, data))
        return place / f"a{suffix}"

    return make


def events(folder: Path) -> Maker:
    """Lines of a worker."""
    good = [
        {"event": "started", "input": "a.mp4", "take": "a.dicetake", "frames": 60, "fps": 30.0, "resumed": 0},
        {"event": "frame", "done": 3, "total": 60, "fps": 12.3, "eta": 4.6},
        {"event": "warning", "message": "Frame 6 is dark."},
        {"event": "error", "message": "No."},
        {"event": "done", "take": "a", "frames": 60, "tracked": {"head": 1.0}, "touches": 2, "cancelled": False},
    ]

    def make(random: Random, place: Path) -> Path:
        lines = [mutate_json(random, random.choice(good)) for _ in range(20)]
        (place / "events.jsonl").write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
        return place / "events.jsonl"

    return make


def models(folder: Path) -> Maker:
    """Small files of the forms that model files have: pickles of four kinds, archives, safetensors, arrays."""
    count, joints = 6, 2
    body: dict[str, Any] = {
        "v_template": np.zeros((count, 3)),
        "shapedirs": np.zeros((count, 3, 4)),
        "posedirs": np.zeros((count, 3, 9 * (joints - 1))),
        "J_regressor": np.zeros((joints, count)),
        "weights": [[0.5, 0.5]] * count,
        "kintree_table": np.array([[-1, 0], [0, 1]]),
        "f": np.zeros((4, 3), np.uint32),
        "hands_components": np.zeros((3, 3)),
        "hands_mean": np.zeros(3),
        "names": OrderedDict(a={1, 2}, b=frozenset("xy")),
    }
    pickles = [pickle.dumps(body, protocol) for protocol in (0, 2, 4)]
    tensor = (
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nq\0((X\7\0\0\0storageq\1ctorch\nFloatStorage\nX\1\0\0\x000X\3\0\0\0cpu"
        b"K\x0ctQK\0K\4K\3\x86K\3K\1\x86\x89ccollections\nOrderedDict\n)RtR."
    )
    array = io.BytesIO()
    np.save(array, np.arange(9))
    landmarks = io.BytesIO()
    np.save(landmarks, np.array({"full_lmk_faces_idx": np.zeros(68), "full_lmk_bary_coords": np.ones((68, 3))}, object))
    header = json.dumps({"conv_learn_tokens.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    safetensors = struct.pack("<Q", len(header)) + header + bytes(4)
    others = [array.getvalue(), landmarks.getvalue(), safetensors]

    def make(random: Random, place: Path) -> Path:
        path = place / "model"
        kind = random.random()
        if kind < 0.5:
            path.write_bytes(_spoilt_pickle(random, random.choice(pickles)))
        elif kind < 0.8:
            with zipfile.ZipFile(path, "w", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
                archive.writestr("archive/data.pkl", _spoilt_pickle(random, tensor))
                archive.writestr("archive/data/0", bytes(48))
            if random.random() < 0.2:
                path.write_bytes(mutate_bytes(random, path.read_bytes()))
        else:
            path.write_bytes(mutate_bytes(random, random.choice(others)))
        return path

    return make


def _spoilt_pickle(random: Random, data: bytes) -> bytes:
    return mutate_pickle(random, data) if random.random() < 0.7 else mutate_bytes(random, data)


CLASSES: dict[str, Callable[[Path], Maker]] = {
    "takes": takes,
    "images": images,
    "videos": videos,
    "events": events,
    "models": models,
}
