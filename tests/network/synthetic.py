"""Files of the keys, types and shapes that the licensed ones have, with made-up numbers in them.

The hand is a paddle and the head an egg; what matters is that every reader, layer and check can run on them. They are
pickled the way the originals are: Python 2 strings, chumpy objects, scipy matrices, tensors beside arrays.
"""

from __future__ import annotations

import io
import pickle
import types
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.spatial import ConvexHull

__all__ = ["flame_content", "mano_content", "write_licensed_files"]

# Joints of MANO in its order, metres; fingers point along -x, the palm looks down.
_FINGER_ROOTS = {"index": 0.03, "middle": 0.01, "little": -0.032, "ring": -0.012}
_HEAD_JOINTS = np.array(
    [[0, -0.12, -0.02], [0, -0.06, -0.02], [0, -0.02, 0.0], [0.03, 0.03, 0.07], [-0.03, 0.03, 0.07]]
)


class _Chumpy:
    """An object of a class that only the pickle names."""

    def __init__(self, **state: object) -> None:
        self.__dict__.update(state)


_Ch = type("Ch", (_Chumpy,), {"__module__": "chumpy.ch"})
_Select = type("Select", (_Chumpy,), {"__module__": "chumpy.reordering"})
_Csc = type("csc_matrix", (_Chumpy,), {"__module__": "scipy.sparse.csc"})
_PYTHON2_MODULES = {"builtins": "__builtin__", "copyreg": "copy_reg"}


class _Python2Pickler(pickle._Pickler):  # type: ignore[name-defined]
    """Writes bytes and text as Python 2's str, and names as Python 2 and old numpy had them, existing or not."""

    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)  # type: ignore[attr-defined]

    def _save_string(self, value: bytes | str) -> None:
        data = value.encode("latin-1") if isinstance(value, str) else value
        self.write(pickle.BINSTRING + len(data).to_bytes(4, "little") + data)
        self.memoize(value)

    def save_global(self, obj: Any, name: str | None = None) -> None:
        module = _PYTHON2_MODULES.get(obj.__module__, obj.__module__).replace("numpy._core", "numpy.core")
        self.write(pickle.GLOBAL + f"{module}\n{name or obj.__name__}\n".encode())
        self.memoize(obj)

    dispatch[bytes] = dispatch[str] = _save_string
    for _kind in (type, types.FunctionType, types.BuiltinFunctionType):
        dispatch[_kind] = save_global


def _python2_pickle(content: object) -> bytes:
    stream = io.BytesIO()
    _Python2Pickler(stream, 2).dump(content)
    return stream.getvalue()


def _ball(count: int) -> np.ndarray:
    """Points spread evenly over the unit sphere."""
    k = np.arange(count) + 0.5
    polar, turn = np.arccos(1 - 2 * k / count), np.pi * (1 + 5**0.5) * k
    return np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], axis=1)


def _triangles(points: np.ndarray, count: int, opening: np.ndarray) -> np.ndarray:
    """Outward triangles of a convex set without those nearest to `opening`, so that `count` are left."""
    hull = ConvexHull(points)
    faces = hull.simplices.copy()
    normals = np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])
    inward = np.einsum("fd,fd->f", normals, hull.equations[:, :3]) < 0
    faces[inward] = faces[inward][:, ::-1]
    near = np.linalg.norm(points[faces].mean(1) - opening, axis=1)
    return faces[np.sort(np.argsort(-near)[:count])].astype(np.uint32)


def _regressor(template: np.ndarray, joints: np.ndarray) -> np.ndarray:
    rows = np.zeros((len(joints), len(template)))
    for joint, place in enumerate(joints):
        nearest = np.argsort(np.linalg.norm(template - place, axis=1))[:12]
        rows[joint, nearest] = 1 / len(nearest)
    return rows


def _weights(template: np.ndarray, joints: np.ndarray, reach: float) -> np.ndarray:
    distance = np.linalg.norm(template[:, None] - joints, axis=2)
    raw = np.exp(-((distance / reach) ** 2)) + 1e-9
    raw[raw < 0.02 * raw.max(1, keepdims=True)] = 0
    return raw / raw.sum(1, keepdims=True)


def mano_content(seed: int = 7) -> dict[str, np.ndarray]:
    """Plain arrays under MANO's keys."""
    rng = np.random.default_rng(seed)
    template = _ball(778) * [0.1, 0.012, 0.045] + [-0.08, 0, 0]
    joints = [[0.0, 0, 0]]
    for z in _FINGER_ROOTS.values():
        joints += [[-0.09 - 0.03 * k, 0, z] for k in range(3)]
    joints += [[-0.03 - 0.025 * k, 0, 0.03 + 0.012 * k] for k in range(3)]
    places = np.array(joints)
    parents = np.array([4294967295, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14], np.int64)
    return {
        "v_template": template,
        "shapedirs": rng.normal(0, 0.001, (778, 3, 10)),
        "posedirs": rng.normal(0, 0.0005, (778, 3, 135)),
        "J_regressor": _regressor(template, places),
        "weights": _weights(template, places, 0.02),
        "kintree_table": np.stack([parents, np.arange(16)]),
        "f": _triangles(template, 1538, np.array([0.02, 0, 0])),
        "hands_components": np.linalg.qr(rng.normal(size=(45, 45)))[0],
        "hands_mean": np.tile([0.02, -0.03, 0.25], 15),  # bent towards the palm
        "hands_coeffs": rng.normal(size=(20, 45)),
    }


def flame_content(seed: int = 8) -> dict[str, np.ndarray]:
    """Plain arrays under FLAME's keys."""
    rng = np.random.default_rng(seed)
    template = _ball(5023) * [0.075, 0.13, 0.1]
    smooth = np.stack([np.sin(template * k * 20 + rng.uniform(0, 6, 3)) for k in range(1, 6)], axis=-1)
    basis = np.einsum("vdk,ks->vds", smooth, rng.normal(0, 0.0008, (5, 400)))
    parents = np.array([4294967295, 0, 1, 1, 1], np.int64)
    return {
        "v_template": template,
        "shapedirs": basis,
        "posedirs": rng.normal(0, 0.0003, (5023, 3, 36)),
        "J_regressor": _regressor(template, _HEAD_JOINTS),
        "weights": _weights(template, _HEAD_JOINTS, 0.05),
        "kintree_table": np.stack([parents, np.arange(5)]),
        "f": _triangles(template, 9976, np.array([0, -0.13, 0])),
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }


def _licensed_pickle(content: Mapping[str, Any]) -> bytes:
    """The arrays wrapped as the originals wrap them."""
    wrapped = dict(content)
    wrapped["v_template"] = _Ch(x=content["v_template"])
    wrapped["weights"] = _Ch(x=content["weights"])
    shape = np.asarray(content["shapedirs"])
    wide = np.concatenate([shape, np.zeros_like(shape[..., :1])], axis=-1)
    picked = np.arange(wide.size).reshape(wide.shape)[..., :-1].ravel()
    wrapped["shapedirs"] = _Select(a=_Ch(x=wide), idxs=picked, preferred_shape=shape.shape)
    dense = np.asarray(content["J_regressor"])
    rows, columns = np.nonzero(dense.T)[::-1]
    starts = np.concatenate([[0], np.cumsum(np.count_nonzero(dense, axis=0))]).astype(np.int32)
    wrapped["J_regressor"] = _Csc(
        _shape=dense.shape,
        maxprint=50,
        data=dense[rows, columns],
        indices=rows.astype(np.int32),
        indptr=starts,
    )
    return _python2_pickle(wrapped)


def _selection(coarse: int, fine: int) -> torch.Tensor:
    columns = torch.linspace(0, fine - 1, coarse).round().long()
    indices = torch.stack([torch.arange(coarse), columns])
    return torch.sparse_coo_tensor(
        indices, torch.ones(coarse, dtype=torch.float64), (coarse, fine), check_invariants=True
    )


def _hierarchy(counts: tuple[int, ...]) -> dict[str, list[torch.Tensor]]:
    steps = [_selection(coarse, fine) for fine, coarse in pairwise(counts)]
    return {
        "A": [_selection(count, count) for count in counts],
        "U": [step.transpose(0, 1).coalesce() for step in steps],
        "D": steps,
        "F": [torch.zeros((4, 3), dtype=torch.int64) for _ in counts],
    }


def write_licensed_files(folder: Path) -> dict[str, Path]:
    """Write every body file that the dice engine needs; returns their paths by the official names."""
    mano, flame = mano_content(), flame_content()
    rng = np.random.default_rng(9)
    front = np.flatnonzero(flame["v_template"][flame["f"]].mean(1)[:, 2] > 0.04)
    landmarks = {
        "full_lmk_faces_idx": rng.choice(front, (1, 68)),
        "full_lmk_bary_coords": rng.dirichlet([2, 2, 2], (1, 68)),
        "static_lmk_faces_idx": rng.choice(front, 51),
        "static_lmk_bary_coords": rng.dirichlet([2, 2, 2], 51),
        "dynamic_lmk_faces_idx": torch.zeros((79, 17), dtype=torch.int64),
        "dynamic_lmk_bary_coords": torch.zeros((79, 17, 3)),
    }
    names = ("MANO_RIGHT.pkl", "generic_model.pkl", "landmark_embedding.npy", "neck_idx.npy")
    names += ("head_mesh_transforms.pt", "hand_mesh_transforms.pt", "head_ref_vs.pt", "rh_ref_vs.pt")
    paths = {name: folder / name for name in names}
    paths["MANO_RIGHT.pkl"].write_bytes(_licensed_pickle(mano))
    paths["generic_model.pkl"].write_bytes(_licensed_pickle(flame))
    np.save(paths["landmark_embedding.npy"], np.array(landmarks, dtype=object), allow_pickle=True)
    np.save(paths["neck_idx.npy"], np.flatnonzero(flame["v_template"][:, 1] < -0.1))
    torch.save(_hierarchy((5023, 1675, 559)), paths["head_mesh_transforms.pt"])
    torch.save(_hierarchy((778, 195)), paths["hand_mesh_transforms.pt"])
    torch.save(flame["v_template"], paths["head_ref_vs.pt"])
    torch.save(mano["v_template"], paths["rh_ref_vs.pt"])
    return paths
