"""Which of the dice engine's model files a file is, by its content."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from dice_core.errors import InputError
from dice_core.network.files import body_files
from dice_core.network.files.archives import read_archive
from dice_core.network.files.array_records import ArrayRecord
from dice_core.network.files.records import Record
from dice_core.network.files.torch_modules import module_tensors
from dice_core.network.files.torch_tensors import TensorRecord

__all__ = ["UNREADABLE", "identify", "is_right_hand"]

UNREADABLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
)
"""What working on a file may raise whose contents are of other kinds or shapes than those of the file it looks like."""

_LARGEST_HEADER = 16_000_000
"""Bytes of a safetensors file's list of tensors; that of the DICE network has less than half a million."""

_HAND_VERTICES, _HEAD_VERTICES = 778, 5023
_SHAPE_COLUMNS = 350  # of FLAME's shape basis, as far as the network uses it


def identify(path: Path) -> str:
    """Name of the model file that a file is, by its content.

    Raises InputError where it is none of them, is damaged, or is unsafe to read.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    try:
        return _identify(path)
    except UNREADABLE as error:
        raise InputError(f"{path.name} is damaged, or none of the files that the dice engine needs.") from error


def _identify(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(9)
    if start.startswith(b"\x93NUMPY"):
        return _identify_npy(path)
    if start[8:9] == b"{":
        names = _safetensors_names(path)
        if "conv_learn_tokens.weight" in names:
            return "model.bin"
        raise InputError(f"{path.name} holds tensors, but not those of the DICE network.")
    if start.startswith(b"PK") or _is_torch_stream(path):
        return _identify_archive(path)
    return _identify_pickle(path)


def _is_torch_stream(path: Path) -> bool:
    with path.open("rb") as stream:
        # The pickled magic number that files of torch before 1.6 begin with.
        return stream.read(15)[2:] == b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"


def _safetensors_names(path: Path) -> set[str]:
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > min(path.stat().st_size, _LARGEST_HEADER):
            raise InputError(f"{path.name} is damaged, get it again.")
        try:
            header = json.loads(stream.read(length))
        except (ValueError, RecursionError):
            raise InputError(f"{path.name} is damaged, get it again.") from None
    return set(header) if isinstance(header, dict) else set()


def _identify_npy(path: Path) -> str:
    errors = []
    candidates: tuple[tuple[str, Callable[[Path], object]], ...] = (
        ("neck_idx.npy", body_files.read_indices),
        ("landmark_embedding.npy", body_files.read_landmark_embedding),
    )
    for name, reader in candidates:
        try:
            reader(path)
        except InputError as error:
            errors.append(error)
        else:
            return name
    raise errors[-1]


def _identify_archive(path: Path) -> str:
    root = read_archive(path)
    if isinstance(root, ArrayRecord | TensorRecord):
        count = len(body_files.read_reference(path))
        if count in (_HAND_VERTICES, _HEAD_VERTICES):
            return "rh_ref_vs.pt" if count == _HAND_VERTICES else "head_ref_vs.pt"
    elif isinstance(root, Record):
        if any(name.endswith("conv_learn_tokens.weight") for name in module_tensors(root)):
            return "model.bin"
    elif isinstance(root, Mapping):
        if "D" in root:
            count = body_files.read_downsamplers(path)[0].shape[1]
            if count in (_HAND_VERTICES, _HEAD_VERTICES):
                return "hand_mesh_transforms.pt" if count == _HAND_VERTICES else "head_mesh_transforms.pt"
        tables = [root, *(value for value in root.values() if isinstance(value, Mapping))]
        if any(str(name).endswith("conv_learn_tokens.weight") for table in tables for name in table):
            return "model.bin"
    raise InputError(f"{path.name} was written by torch, but is none of the files that the dice engine needs.")


def _identify_pickle(path: Path) -> str:
    try:
        hand = body_files.read_mano(path)
    except InputError as error:
        if "hands_components" not in str(error):
            raise
    else:
        if len(hand.template) != _HAND_VERTICES:
            raise InputError(f"{path.name} is not MANO: it has {len(hand.template)} vertices.")
        if not is_right_hand(hand):
            raise InputError(f"{path.name} is MANO's left hand: the network needs the right one.")
        return "MANO_RIGHT.pkl"
    head = body_files.read_flame(path)
    if len(head.template) != _HEAD_VERTICES or head.shape_basis.shape[2] < _SHAPE_COLUMNS:
        raise InputError(f"{path.name} is a body model, but neither MANO nor FLAME 2020.")
    return "generic_model.pkl"


def is_right_hand(hand: body_files.HandFile) -> bool:
    """Whether MANO's hand is a right one: its mean pose bends the fingers towards the palm."""
    joints = hand.joint_regressor @ hand.template
    index, middle, little = joints[1], joints[4], joints[7]
    along, across = middle - joints[0], index - little
    palm = np.cross(across, along)  # of a right hand
    bend = hand.mean_pose.reshape(-1, 3)[[0, 3, 6, 9]].mean(0)
    return float(np.cross(bend, along) @ palm) > 0
