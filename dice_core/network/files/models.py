"""The licensed files of the dice engine: which are installed, where to obtain the others, and how to add them.

Files are recognised by their content, not by their names. Listing needs no torch; adding a checkpoint does.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dice_core.errors import DiceError, InputError, MissingModelError
from dice_core.network.files.checking import convert, identify_all
from dice_core.storage import create_fresh
from dice_core.user_data import ModelStatus, model_folder

__all__ = [
    "MODEL_FILES",
    "ModelFile",
    "add_models",
    "format_status",
    "models_status",
    "require_models",
]

_RECORD = "models.json"
_RELEASE = "https://github.com/Qingxuan-Wu/DICE (the folder that its README links)"
_DECAF = "https://vcai.mpi-inf.mpg.de/projects/Decaf (assets of the dataset)"
_RESEARCH = "non-commercial research only"
_TIME_STEP = 2.0
"""Seconds: the coarsest step of a file system's modification times (FAT's). A file changed within it of now could
change again without a new time, so its checksum is not remembered."""


@dataclass(frozen=True)
class ModelFile:
    """A file that the user has to obtain.

    name : as its owner calls it; stored : as it is kept in the data folder; purpose, source, licence : for the user.
    """

    name: str
    stored: str
    purpose: str
    source: str
    licence: str


MODEL_FILES: tuple[ModelFile, ...] = (
    ModelFile(
        "model.bin",
        "dice-network.safetensors",
        "weights of the DICE network",
        _RELEASE,
        f"{_RESEARCH} (trained on the Decaf dataset)",
    ),
    ModelFile(
        "MANO_RIGHT.pkl", "MANO_RIGHT.pkl", "hand model MANO", "https://mano.is.tue.mpg.de", f"MANO: {_RESEARCH}"
    ),
    ModelFile(
        "generic_model.pkl",
        "generic_model.pkl",
        "head model FLAME 2020",
        "https://flame.is.tue.mpg.de",
        f"FLAME 2020: {_RESEARCH}",
    ),
    ModelFile(
        "landmark_embedding.npy", "landmark_embedding.npy", "landmarks on FLAME", _DECAF, f"Decaf, FLAME: {_RESEARCH}"
    ),
    ModelFile("head_mesh_transforms.pt", "head_mesh_transforms.pt", "coarse head meshes", _RELEASE, _RESEARCH),
    ModelFile("hand_mesh_transforms.pt", "hand_mesh_transforms.pt", "coarse hand mesh", _RELEASE, _RESEARCH),
    ModelFile("head_ref_vs.pt", "head_ref_vs.pt", "head template of the tokens", _RELEASE, _RESEARCH),
    ModelFile("rh_ref_vs.pt", "rh_ref_vs.pt", "hand template of the tokens", _RELEASE, _RESEARCH),
    ModelFile("neck_idx.npy", "neck_idx.npy", "neck, which never deforms", _DECAF, f"Decaf: {_RESEARCH}"),
)
_BY_NAME = {file.name: file for file in MODEL_FILES}


def _digest(path: Path) -> str:
    """sha256 of a file in hexadecimal, computed once a process as long as the file's size and time stay the same."""
    stat = path.stat()
    if abs(time.time() - stat.st_mtime) <= _TIME_STEP:
        return _hash_file(path)
    return _remembered_hash(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)  # several times the number of model files
def _remembered_hash(path: Path, _size: int, _mtime_ns: int) -> str:
    return _hash_file(path)


def _hash_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_records() -> dict[str, dict[str, Any]]:
    path = model_folder() / _RECORD
    if not path.is_file():
        return {}
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        records = None
    if not isinstance(records, dict):
        raise MissingModelError(f"{path} is damaged: delete it and add the model files again.")
    return records


def _write_records(records: Mapping[str, Any]) -> None:
    path = model_folder() / _RECORD
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)


def _status(file: ModelFile, state: str, digest: str = "", detail: str = "") -> ModelStatus:
    path = str(model_folder() / file.stored)
    return ModelStatus(file.name, state, path, digest, file.purpose, file.source, file.licence, detail)


def models_status() -> list[ModelStatus]:
    """State of every file; each that is there is compared with the sha256 recorded when it was added.

    A file is read for that once a process, and again when its size or modification time has changed.
    """
    records = _read_records()
    states = []
    for file in MODEL_FILES:
        path = model_folder() / file.stored
        recorded = records.get(file.name, {}).get("sha256")
        if not path.is_file():
            states.append(_status(file, "missing"))
            continue
        digest = _digest(path)
        if recorded is None:
            states.append(_status(file, "damaged", digest, "it was put there by hand: add it with `dice models add`"))
        elif digest != recorded:
            states.append(_status(file, "damaged", digest, "it has changed since it was added: add it again"))
        else:
            states.append(_status(file, "present", digest))
    return states


def require_models() -> dict[str, ModelStatus]:
    """State of every file by its name, all present.

    Raises MissingModelError with a paragraph on what is missing and where to obtain it.
    """
    states = models_status()
    wrong = [state for state in states if state.state != "present"]
    if wrong:
        listed = "; ".join(f"{state.name} ({state.purpose}), {state.state}, from {state.source}" for state in wrong)
        raise MissingModelError(
            "The dice engine needs files that you must obtain under their owners' licences, which allow "
            f"{_RESEARCH}: {listed}. Then run `dice models add PATH...`, or use the open engine, which needs none."
        )
    return {state.name: state for state in states}


def format_status(states: Iterable[ModelStatus]) -> str:
    """The listing as text for a person, one block a file."""
    lines = [line for state in states for line in state.lines()]
    lines.append("")
    lines.append(
        f"Kept in {model_folder()}. What others released is for {_RESEARCH}; a network that you trained on the open "
        "bodies is yours. The open engine needs none of these files."
    )
    return "\n".join(lines)


def _expanded(paths: Sequence[str | Path]) -> tuple[list[Path], bool]:
    found: list[Path] = []
    from_folder = False
    for path in map(Path, paths):
        if path.is_dir():
            from_folder = True
            kinds = (".bin", ".pkl", ".npy", ".pt", ".pth", ".safetensors")
            found += sorted(item for item in path.rglob("*") if item.suffix in kinds and item.is_file())
        else:
            found.append(path)
    return found, from_folder


def add_models(paths: Sequence[str | Path]) -> list[ModelStatus]:
    """Add files to the user's data folder: identify each, convert a checkpoint to safetensors, record its sha256.

    paths : files, or folders that are searched for files that can be identified.
    Returns the state of every file afterwards. Raises InputError where a file named by itself is none of them.
    """
    found, from_folder = _expanded(paths)
    wanted: dict[str, Path] = {}
    named = set(map(Path, paths))
    for path, name in identify_all(found):
        if isinstance(name, InputError):
            if from_folder and path not in named:
                continue
            raise name
        if name not in wanted or path.name == name:  # of several alike, the one under the owner's name
            wanted[name] = path
    if not wanted:
        raise InputError(
            "Nothing there can be installed: neither a file of the dice engine nor ICT-FaceKit's folder FaceXModel."
        )
    model_folder().mkdir(parents=True, exist_ok=True)
    records = _read_records()
    for name, path in wanted.items():
        target = model_folder() / _BY_NAME[name].stored
        digest = convert(path, target) if name == "model.bin" else _copy(path, target)
        records[name] = {"sha256": digest, "source": path.name, "source_sha256": _digest(path)}
        _write_records(records)
    return models_status()


def _copy(source: Path, target: Path) -> str:
    try:
        if not (target.exists() and source.samefile(target)):
            unfinished = target.with_name(target.name + ".part")
            with source.open("rb") as stream, create_fresh(unfinished) as file:
                shutil.copyfileobj(stream, file)
            unfinished.replace(target)
    except OSError as error:
        raise DiceError(f"{source.name} could not be copied to {target.parent}: {error.strerror}.") from None
    return _digest(target)
