"""The licensed files of the body models, read into plain arrays without chumpy, scipy or torch."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from dice_core.errors import InputError
from dice_core.network.files.archives import read_archive
from dice_core.network.files.array_records import ArrayRecord
from dice_core.network.files.arrays import MOST_ELEMENTS, as_array
from dice_core.network.files.pickles import RestrictedUnpickler, load
from dice_core.network.files.torch_tensors import TORCH_NAMES, SparseRecord, TensorRecord, tensor_array
from dice_core.npy_header import LONGEST_HEADER, parse_header

__all__ = [
    "BodyFile",
    "HandFile",
    "LandmarkEmbedding",
    "read_downsamplers",
    "read_flame",
    "read_indices",
    "read_landmark_embedding",
    "read_mano",
    "read_reference",
]


_LARGEST_FILE = 256_000_000
"""Bytes of a body model's file or of an array's; the largest, FLAME's, has 53 million."""


@dataclass(frozen=True)
class BodyFile:
    """A linear blend-skinned body model in the file's own axes; lengths in metres.

    template : (V, 3); shape_basis : (V, 3, S); pose_basis : (V, 3, 9 (J - 1)); joint_regressor : (J, V);
    weights : (V, J); parents : (J,) int, -1 for the root; triangles : (F, 3) int.
    """

    template: np.ndarray
    shape_basis: np.ndarray
    pose_basis: np.ndarray
    joint_regressor: np.ndarray
    weights: np.ndarray
    parents: np.ndarray
    triangles: np.ndarray


@dataclass(frozen=True)
class HandFile(BodyFile):
    """MANO: a body of 16 joints with principal components of its pose.

    components : (45, 45), one component a row; mean_pose : (45,) axis-angle.
    """

    components: np.ndarray
    mean_pose: np.ndarray


@dataclass(frozen=True)
class LandmarkEmbedding:
    """Landmarks on FLAME's surface: triangle (68,) and barycentric weights (68, 3)."""

    triangle: np.ndarray
    barycentric: np.ndarray


def _content(path: Path) -> bytes:
    if path.stat().st_size > _LARGEST_FILE:
        raise InputError(f"{path.name} is larger than any body model: it is another file.")
    return path.read_bytes()


def _read_pickle(path: Path) -> dict[str, Any]:
    content = load(_content(path))
    if not isinstance(content, dict):
        raise InputError(f"{path.name} is not a body model: its pickle is not a dictionary.")
    return {key.decode("latin-1") if isinstance(key, bytes) else str(key): value for key, value in content.items()}


def _entry(content: dict[str, Any], key: str, name: str) -> np.ndarray:
    if key not in content:
        raise InputError(f"{name} lacks its {key}: it is damaged or another model.")
    return as_array(content[key])


def _body(content: dict[str, Any], name: str) -> BodyFile:
    def real(key: str) -> np.ndarray:
        return _entry(content, key, name).astype(np.float64)

    tree = _entry(content, "kintree_table", name)
    if tree.ndim != 2 or not tree.size or not np.isfinite(tree).all():
        raise InputError(f"{name} is damaged: its kintree_table is no table of joints.")
    parents = tree[0].astype(np.int64)
    parents[0] = -1
    body = BodyFile(
        template=real("v_template"),
        shape_basis=real("shapedirs"),
        pose_basis=real("posedirs"),
        joint_regressor=real("J_regressor"),
        weights=real("weights"),
        parents=parents,
        triangles=_entry(content, "f", name).astype(np.int32),
    )
    count, joints = len(body.template), len(parents)
    fits = (
        body.template.shape == (count, 3)
        and body.shape_basis.shape[:2] == (count, 3)
        and body.pose_basis.shape == (count, 3, 9 * (joints - 1))
        and body.joint_regressor.shape == (joints, count)
        and body.weights.shape == (count, joints)
        and body.triangles.ndim == 2
        and body.triangles.size > 0
        and 0 <= body.triangles.min() <= body.triangles.max() < count
        and bool(np.all(parents[1:] < np.arange(1, joints)) and np.all(parents[1:] >= 0))
    )
    if not fits:
        raise InputError(f"{name} is damaged: the sizes of its arrays do not fit each other.")
    return body


def read_mano(path: Path) -> HandFile:
    """MANO_RIGHT.pkl. Raises InputError where the file is damaged, unsafe, or something else."""
    content = _read_pickle(path)
    body = _body(content, path.name)
    components = _entry(content, "hands_components", path.name).astype(np.float64)
    mean = _entry(content, "hands_mean", path.name).astype(np.float64).ravel()
    pose = 3 * (len(body.parents) - 1)
    if components.shape != (pose, pose) or mean.shape != (pose,):
        raise InputError(f"{path.name} is damaged: its pose components do not fit its joints.")
    return HandFile(
        **{item.name: getattr(body, item.name) for item in fields(body)}, components=components, mean_pose=mean
    )


def read_flame(path: Path) -> BodyFile:
    """FLAME's generic_model.pkl. Raises InputError where the file is damaged, unsafe, or something else."""
    return _body(_read_pickle(path), path.name)


def _tensor_pickle(data: bytes | memoryview) -> RestrictedUnpickler:
    """Knows torch's names, so that tensors pickled beside arrays are skipped."""
    return RestrictedUnpickler(data, 0, TORCH_NAMES)


def _read_npy(path: Path) -> Any:
    """Numbers of an .npy file, or the object in one that holds a pickled object."""
    content = _content(path)
    try:
        header = parse_header(content[:LONGEST_HEADER])
    except ValueError as error:
        raise InputError(f"{path.name} is not an .npy file that can be read: {error}.") from None
    if header.dtype is None:
        array = load(content[header.offset :], _tensor_pickle)
        objects = array.objects if isinstance(array, ArrayRecord) else []
        if len(objects) != 1:
            raise InputError(f"{path.name} does not hold one object: it is damaged or another file.")
        return objects[0]
    if header.size != len(content) - header.offset or header.size // header.dtype.itemsize > MOST_ELEMENTS:
        raise InputError(f"{path.name} is damaged: its size and its shape differ.")
    flat = np.frombuffer(content, header.dtype, offset=header.offset)
    return flat.reshape(header.shape, order="F" if header.fortran else "C")


def read_landmark_embedding(path: Path) -> LandmarkEmbedding:
    """landmark_embedding.npy: the 68 landmarks of FLAME's whole face."""
    content = _read_npy(path)
    if not isinstance(content, dict):
        raise InputError(f"{path.name} does not hold landmarks: it is damaged or another file.")
    triangle = _entry(content, "full_lmk_faces_idx", path.name).astype(np.int64).reshape(-1)
    barycentric = _entry(content, "full_lmk_bary_coords", path.name).astype(np.float64).reshape(-1, 3)
    if len(triangle) != len(barycentric):
        raise InputError(f"{path.name} is damaged: its landmarks and their weights differ in number.")
    return LandmarkEmbedding(triangle, barycentric)


def read_downsamplers(path: Path) -> list[np.ndarray]:
    """head_mesh_transforms.pt or hand_mesh_transforms.pt: (V', V) float64 for each step from fine to coarse."""
    content = read_archive(path)
    steps = content.get("D") if isinstance(content, dict) else None
    if not isinstance(steps, list | tuple) or not all(isinstance(step, SparseRecord) for step in steps) or not steps:
        raise InputError(f"{path.name} does not hold a mesh hierarchy: it is damaged or another file.")
    return [tensor_array(step).astype(np.float64) for step in steps]


def read_reference(path: Path) -> np.ndarray:
    """head_ref_vs.pt or rh_ref_vs.pt: the template mesh that the tokens' positions come from, (V, 3) float64."""
    content = read_archive(path)
    array = as_array(tensor_array(content) if isinstance(content, TensorRecord) else content)
    if array.ndim != 2 or array.shape[1] != 3:
        raise InputError(f"{path.name} does not hold vertices: it is damaged or another file.")
    return array.astype(np.float64)


def read_indices(path: Path) -> np.ndarray:
    """neck_idx.npy: (n,) int64 vertices, from numbers or a mask."""
    array = _read_npy(path)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iub" or array.size == 0:
        raise InputError(f"{path.name} does not hold vertex numbers: it is damaged or another file.")
    return (np.flatnonzero(array) if array.dtype.kind == "b" else array.ravel()).astype(np.int64)
