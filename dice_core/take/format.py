"""What the files of a take look like: names, versions, and the way they reach the disk."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from dice_core.errors import DiceError, InputError
from dice_core.geometry.mesh import Attachment, Mesh
from dice_core.storage import create_fresh, replace_file
from dice_core.take.archive import Archive
from dice_core.take.layout import MESH_NAME_LISTS, read_mesh_arrays
from dice_core.touch_event import TouchEvent

__all__ = [
    "FORMAT",
    "MESH_NAMES",
    "MESH_TITLES",
    "TEMPORARY",
    "VERSION",
    "Source",
    "TouchEvent",
    "chunk_name",
    "event_from_json",
    "load_arrays",
    "load_mesh",
    "mesh_to_arrays",
    "unreadable",
    "write_arrays",
    "write_json",
]

FORMAT = "dice-take"
VERSION = 1
MESH_TITLES = {"head": "head", "hand_left": "left hand", "hand_right": "right hand"}
"""What a person reads for each mesh that a take may hold."""

MESH_NAMES = tuple(MESH_TITLES)

_ATTACHED = "attached_"
"""Prefix of an attachment's arrays in the file of its body. Versions that know of none leave them out."""

_COMPRESSION = 2
"""Of 9: vertices are no smaller at numpy's 6, and take three times as long."""


TEMPORARY = ".tmp"
"""Ending that a file has while it is written."""


@dataclass(frozen=True)
class Source:
    """The footage that a take was captured from; frame indices count from the footage's first frame.

    width, height : pixels of the upright picture as the footage has them, square or not (the camera's fx and fy say
    which); fps : frames a second, 0 for a single picture; orientation : how the stored picture is turned to stand
    upright, 1 to 8 as in EXIF, so that 6 is a quarter clockwise and 8 one anticlockwise.
    """

    path: str
    kind: str
    width: int
    height: int
    fps: float
    first_frame: int
    frame_count: int
    sha256: str
    orientation: int = 1


def event_from_json(values: dict[str, Any]) -> TouchEvent:
    """A touch as take.json lists it; keys that no touch has are left out."""
    return TouchEvent(**{part.name: values[part.name] for part in fields(TouchEvent)})


def chunk_name(first_frame: int) -> str:
    """File of the chunk that begins with a frame, relative to the take."""
    return f"chunks/{first_frame:06d}.npz"


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write JSON, a key a line, under a temporary name, then rename: a reader sees the old file or the new one."""
    # Indented throughout it would be encoded by Python itself, which takes three times as long, and of an hour's
    # footage each chunk is listed with the thousands before it.
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(entry)}" for key, entry in value.items())
    _replace(path, f"{{\n{lines}\n}}\n".encode())


def write_arrays(path: Path, arrays: dict[str, np.ndarray], compressed: bool = True) -> None:
    """Write an .npz under a temporary name, then rename."""
    temporary = path.with_name(path.name + TEMPORARY)
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            create_fresh(temporary) as file,
            zipfile.ZipFile(file, "w", method, compresslevel=_COMPRESSION) as archive,
        ):
            for key, value in arrays.items():
                with archive.open(f"{key}.npy", "w", force_zip64=True) as stream:
                    np.lib.format.write_array(stream, np.asanyarray(value), allow_pickle=False)
        replace_file(temporary, path)
    except OSError as error:
        raise _unwritable(path, error) from error


def load_arrays(path: Path, keys: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """Arrays of an .npz file, all of them or those that are named; never unpickles anything.

    What they claim to be is checked against the file's size and the limits of `Archive`, not against a take.
    Raises InputError where the file is missing or damaged, or has no such array.
    """
    try:
        with Archive(path) as archive:
            return {key: archive.read(key) for key in (archive.names if keys is None else keys)}
    except (OSError, ValueError, KeyError) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> InputError:
    """The sentence for a file of a take that is missing, damaged or not what it should be."""
    reason = getattr(error, "strerror", None) or error
    if isinstance(error, KeyError):
        reason = f"it lacks {error.args[0]}"
    return InputError(f"The take's file {path} cannot be read ({reason}): capture the footage again.")


def mesh_to_arrays(mesh: Mesh) -> dict[str, np.ndarray]:
    """The arrays of meshes/NAME.npz: those of `Mesh`, and under `attached_*` those of `Attachment`.

    Versions before attachments leave the latter out, and a file without them is a mesh that has none.
    """
    arrays: dict[str, np.ndarray] = {
        "rest_vertices": mesh.rest_vertices.astype(np.float32),
        "face_corners": mesh.face_corners.astype(np.int32),
        "face_sizes": mesh.face_sizes.astype(np.int32),
        "uv": mesh.uv.astype(np.float32),
        "region": mesh.region.astype(np.uint8),
        "region_names": np.array(mesh.region_names),
    }
    if len(mesh.joints):
        arrays |= {
            "joints": mesh.joints.astype(np.float32),
            "parents": mesh.parents.astype(np.int32),
            "joint_names": np.array(mesh.joint_names),
            "skin_joints": mesh.skin_joints.astype(np.int32),
            "skin_weights": mesh.skin_weights.astype(np.float32),
        }
    if mesh.shape_key_names:
        arrays["shape_key_names"] = np.array(mesh.shape_key_names)
        arrays["shape_key_deltas"] = mesh.shape_key_deltas.astype(np.float16)
    return arrays if mesh.attached is None else arrays | _attachment_to_arrays(mesh.attached)


def _attachment_to_arrays(part: Attachment) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {
        "rest_vertices": part.rest_vertices.astype(np.float32),
        "face_corners": part.face_corners.astype(np.int32),
        "face_sizes": part.face_sizes.astype(np.int32),
        "uv": part.uv.astype(np.float32),
        "region": part.region.astype(np.uint8),
        "region_names": np.array(part.region_names),
        "skin_joints": part.skin_joints.astype(np.int32),
        "skin_weights": part.skin_weights.astype(np.float32),
        "followed": part.followed.astype(np.int32),
        "followed_weights": part.followed_weights.astype(np.float32),
    }
    if part.layout:
        arrays["layout"] = np.array([part.layout])
    if len(part.shape_key_deltas):
        arrays["shape_key_deltas"] = part.shape_key_deltas.astype(np.float16)
    return {f"{_ATTACHED}{key}": value for key, value in arrays.items()}


def load_mesh(path: Path, name: str) -> Mesh:
    """The mesh in meshes/NAME.npz, checked: see `read_mesh_arrays`. Raises InputError where it is missing or wrong."""
    try:
        with Archive(path) as archive:
            arrays = read_mesh_arrays(archive)
    except (OSError, ValueError, KeyError) as error:
        raise unreadable(path, error) from error
    values: dict[str, Any] = {
        key: tuple(str(item) for item in value) if key in MESH_NAME_LISTS else value for key, value in arrays.items()
    }
    attached = {key: values.pop(key) for key in list(values) if key.startswith(_ATTACHED)}
    if attached:
        parts = {key.removeprefix(_ATTACHED): value for key, value in attached.items()}
        parts.setdefault("shape_key_deltas", np.zeros((0, len(parts["rest_vertices"]), 3), np.float16))
        parts["layout"] = "".join(parts.get("layout", ()))
        values["attached"] = Attachment(**parts)
    return Mesh(name=name, **values)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with create_fresh(temporary) as file:
            file.write(content)
        replace_file(temporary, path)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> DiceError:
    reason = error.strerror or str(error)
    return InputError(f"{path.parent} cannot be written to ({reason}): choose another output folder.")
