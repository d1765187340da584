"""The heads that captures can use: the packaged one, and a user's own that has been installed.

A user's head is fitted and touched by a proxy: the packaged head's topology in its shape, with its identity and its
expressions, so that everything that is known of our vertices (landmarks, softness, what moves together) holds for it
and costs no more. Takes show the head's own surface, which follows the proxy's dents and contact.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from dice_core.bodies.head import Head, complete_mesh, load_head
from dice_core.bodies.names import EXPRESSION_NAMES, LANDMARK_COUNT
from dice_core.errors import MissingModelError
from dice_core.geometry.mesh import Mesh
from dice_core.user_data import HEAD_FILES, installed_heads, model_folder

__all__ = [
    "FORMAT",
    "PACKAGED",
    "VERSION",
    "HeadModel",
    "head_file",
    "load_head_model",
    "model_of_mesh",
    "packaged_head",
    "read_head_model",
]

FORMAT, VERSION = "dice-head", 1

PACKAGED = "open"
"""Name of the packaged head, which needs no file. The others are those of `HEAD_FILES`."""

LARGEST_FILE = 200_000_000
"""Bytes: the ICT head has 24 million. Set by hand."""


@dataclass(frozen=True)
class HeadModel:
    """A head that captures can use.

    name : `PACKAGED` or one of `HEAD_FILES`; sha256 : of its file, "" for the packaged head, which is part of the
    program; shown : what takes hold; proxy : what is fitted and touched, the packaged head's topology.
    shown_corners, shown_weights : (V, 3) for each vertex that is shown the vertices of the proxy that it follows, and
    how far; proxy_corners, proxy_weights : (P, 3) the reverse. None where the head is its own proxy.
    """

    name: str
    sha256: str
    shown: Head
    proxy: Head
    shown_corners: np.ndarray | None = None
    shown_weights: np.ndarray | None = None
    proxy_corners: np.ndarray | None = None
    proxy_weights: np.ndarray | None = None

    def on_shown(self, values: np.ndarray) -> np.ndarray:
        """Values at the proxy's vertices, (P, ...), at those that are shown, (V, ...)."""
        return _carried(values, self.shown_corners, self.shown_weights)

    def on_proxy(self, values: np.ndarray) -> np.ndarray:
        """The reverse of `on_shown`."""
        return _carried(values, self.proxy_corners, self.proxy_weights)


def _carried(values: np.ndarray, corners: np.ndarray | None, weights: np.ndarray | None) -> np.ndarray:
    if corners is None or weights is None:
        return values
    return np.einsum("nk,nk...->n...", weights, values[corners]).astype(values.dtype)


def head_file(name: str) -> Path:
    """Where the file of one of `HEAD_FILES` is or would be. Raises InputError as `data_folder`."""
    return model_folder() / HEAD_FILES[name]


def packaged_head() -> HeadModel:
    """The packaged head, which is its own proxy."""
    head = load_head()
    return HeadModel(PACKAGED, "", head, head)


def load_head_model(name: str) -> HeadModel:
    """A head by the name of the setting, read once a process as long as its file stays the same.

    Raises MissingModelError where it is not installed, or its file is damaged.
    """
    if name == PACKAGED:
        return packaged_head()
    path = head_file(name)
    try:
        stat = path.stat()
    except OSError:
        raise MissingModelError(
            f"The head model {name!r} is not installed: get ICT-FaceKit from https://github.com/ICT-VGL/ICT-FaceKit "
            "and give its folder to `dice models add FOLDER`, or use the built-in head (--head open)."
        ) from None
    return _loaded(name, path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=2)
def _loaded(name: str, path: Path, _size: int, _mtime_ns: int) -> HeadModel:
    return read_head_model(name, path)


def model_of_mesh(mesh: Mesh) -> HeadModel | None:
    """The head model that a take's head is of, by its polygons; None where it is none that is known here."""
    for name in (PACKAGED, *installed_heads()):
        model = load_head_model(name)
        if np.array_equal(mesh.face_corners, model.shown.mesh.face_corners):
            return model
    return None


def read_head_model(name: str, path: Path) -> HeadModel:
    """Read an installed head from its file. Raises MissingModelError where it is damaged."""
    try:
        data = path.read_bytes()
        if len(data) > LARGEST_FILE:
            raise ValueError("it is too large")
        if not zipfile.is_zipfile(io.BytesIO(data)):
            raise ValueError("it is no archive of arrays")
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        if str(arrays["format"]) != FORMAT or int(arrays["version"]) != VERSION:
            raise ValueError("it is of another version")
        return _assembled(name, hashlib.sha256(data).hexdigest(), arrays)
    except (OSError, ValueError, KeyError, IndexError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        reason = f"it lacks {error.args[0]}" if isinstance(error, KeyError) else error
        raise MissingModelError(
            f"{path} cannot be used ({reason}): add the head model's folder again with `dice models add FOLDER`."
        ) from error


def _assembled(name: str, sha256: str, arrays: Mapping[str, np.ndarray]) -> HeadModel:
    def part(prefix: str) -> dict[str, np.ndarray]:
        found = {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
        for key, value in found.items():
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise ValueError(f"{prefix}{key} holds values that are no numbers")
        return found

    packaged, proxy, shown, parts = load_head(), part("proxy."), part("shown."), part("parts.")
    count, own = len(packaged.mesh.rest_vertices), len(shown["rest_vertices"])
    for values, shape in (
        (proxy["rest_vertices"], (count, 3)),
        (proxy["shape_basis"], (len(shown["shape_basis"]), count, 3)),
        (proxy["expressions"], (len(EXPRESSION_NAMES), count, 3)),
        (shown["expressions"], (len(EXPRESSION_NAMES), own, 3)),
        (shown["shape_basis"], (len(shown["shape_basis"]), own, 3)),
        (shown["corners"], (own, 3)),
        (shown["weights"], (own, 3)),
        (proxy["corners"], (count, 3)),
        (proxy["weights"], (count, 3)),
        (arrays["expression_gain"], (len(EXPRESSION_NAMES),)),
    ):
        if values.shape != shape:
            raise ValueError(f"one of its arrays is {values.shape}, not {shape}")
    for indices, limit in (
        (shown["face_corners"], own),
        (shown["corners"], count),
        (proxy["corners"], own),
        (shown["landmark_triangles"], own),
        (shown["skin_joints"], len(packaged.mesh.joints)),
        (shown["region"], len(packaged.mesh.region_names)),
    ):
        if indices.min(initial=0) < 0 or indices.max(initial=0) >= limit:
            raise ValueError("it names vertices that it does not have")
    return HeadModel(
        name,
        sha256,
        _shown_head(packaged, proxy, shown, parts),
        _proxy_head(packaged, proxy, arrays["expression_gain"]),
        shown["corners"],
        shown["weights"],
        proxy["corners"],
        proxy["weights"],
    )


def _proxy_head(packaged: Head, proxy: Mapping[str, np.ndarray], gain: np.ndarray) -> Head:
    mesh = replace(
        packaged.mesh,
        rest_vertices=proxy["rest_vertices"],
        joints=proxy["joints"],
        shape_key_deltas=proxy["expressions"],
        attached=None,
    )
    return replace(
        packaged,
        mesh=mesh,
        shape_basis=proxy["shape_basis"].astype(np.float32),
        joint_shape_basis=proxy["joint_shape_basis"],
        expressions=proxy["expressions"].astype(np.float32),
        expression_gain=gain,
        parts={},
        layout="",
    )


def _shown_head(
    packaged: Head,
    proxy: Mapping[str, np.ndarray],
    shown: Mapping[str, np.ndarray],
    parts: dict[str, np.ndarray],
) -> Head:
    mesh = Mesh(
        name="head",
        rest_vertices=shown["rest_vertices"],
        face_corners=shown["face_corners"],
        face_sizes=shown["face_sizes"].astype(np.int32),
        uv=shown["uv"],
        region=shown["region"],
        region_names=packaged.mesh.region_names,
        joints=proxy["joints"],
        parents=packaged.mesh.parents,
        joint_names=packaged.mesh.joint_names,
        skin_joints=shown["skin_joints"].astype(np.int32),
        skin_weights=shown["skin_weights"],
        shape_key_names=packaged.mesh.shape_key_names,
        shape_key_deltas=shown["expressions"],
    )
    corners, weights = shown["landmark_triangles"], shown["landmark_barycentric"]
    return replace(
        packaged,
        mesh=complete_mesh(mesh, parts, parts["rest_vertices"], ""),
        shape_basis=shown["shape_basis"].astype(np.float32),
        joint_shape_basis=proxy["joint_shape_basis"],
        expressions=shown["expressions"].astype(np.float32),
        landmark_triangles=corners[:LANDMARK_COUNT],
        landmark_barycentric=weights[:LANDMARK_COUNT],
        iris_triangles=corners[LANDMARK_COUNT:],
        iris_barycentric=weights[LANDMARK_COUNT:],
        rigid_vertices=mesh.region_vertices("eyeball.L", "eyeball.R"),
        socket_vertices=np.zeros(len(mesh.rest_vertices), bool),
        parts=parts,
        layout="",
    )
