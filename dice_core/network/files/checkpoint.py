"""Checkpoints of the DICE network: official pickles and state dicts read safely, and our own safetensors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from dice_core.errors import InputError
from dice_core.network.files.archives import read_archive
from dice_core.network.files.records import Record
from dice_core.network.files.torch_modules import find_module, module_tensors
from dice_core.network.files.torch_tensors import TensorRecord, tensor_array
from dice_core.network.model.dice import DiceNetwork, NetworkSettings, build_network
from dice_core.network.model.transformer import BlockSettings

__all__ = ["convert_checkpoint", "load_network", "read_checkpoint"]

_METADATA = "dice"  # a single entry: safetensors writes several in random order, and checksums have to be repeatable
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_PARALLEL_PREFIX = "module."

_SHARED, _SPARE = 2, 64_000_000
"""Tensors may share data or repeat it: together they take at most so many times the file, and so many bytes more."""


def _tensor(record: TensorRecord) -> torch.Tensor:
    """Tensor that shares the file's memory layout; strides of 0 stay so."""
    array = tensor_array(record)
    base = torch.from_numpy(np.array(array) if 0 not in array.strides else _collapsed(array))
    return (base.view(torch.bfloat16) if record.dtype == "bfloat16" else base).expand(record.shape)


def _collapsed(array: np.ndarray) -> np.ndarray:
    """One element along every axis that repeats itself."""
    index = tuple(slice(0, 1) if step == 0 else slice(None) for step in array.strides)
    return np.array(array[index])


def _module_settings(root: Record) -> NetworkSettings:
    """Settings that the pickled modules carry; published values where they carry none."""
    blocks = {}
    for encoder in ("trans_encoder", "deform_encoder"):
        parent = find_module(root, encoder)
        for number in parent.state.get("_modules", {}) if parent else ():
            block = find_module(root, f"{encoder}.{number}")
            config = block.state.get("config") if block else None
            if not isinstance(config, Record):
                continue
            default = BlockSettings()
            activation = config.state.get("hidden_act", default.activation)
            blocks[f"{encoder}.{number}"] = BlockSettings(
                heads=int(config.state.get("num_attention_heads", default.heads)),
                eps=float(config.state.get("layer_norm_eps", default.eps)),
                activation=_activation(activation),
            )
    norm = find_module(root, "backbone.bn1")
    eps = norm.state.get("eps") if norm else None
    return NetworkSettings(float(eps) if eps is not None else NetworkSettings().batch_norm_eps, blocks)


def _activation(value: object) -> str:
    """Name of an activation, given as text or as an object of its class."""
    if isinstance(value, Record):
        return type(value).__qualname__
    if not isinstance(value, str):
        raise InputError("The file holds a network of an unknown activation: it is damaged.")
    return value


def _plain_state(root: Mapping[object, object], name: str) -> dict[str, TensorRecord]:
    for wrapper in _WRAPPERS:
        inner = root.get(wrapper)
        if isinstance(inner, Mapping):
            root = inner
    state = {str(key): value for key, value in root.items() if isinstance(value, TensorRecord)}
    if not state:
        raise InputError(f"{name} holds no tensors: it is not a checkpoint.")
    if all(key.startswith(_PARALLEL_PREFIX) for key in state):
        state = {key[len(_PARALLEL_PREFIX) :]: value for key, value in state.items()}
    return state


def read_checkpoint(path: Path) -> tuple[dict[str, torch.Tensor], NetworkSettings]:
    """Tensors and settings of a checkpoint: an official whole module, a state dict, or safetensors.

    Nothing that the file names is imported or run. Returns the state dict by the official names, and the settings.
    Raises RefusedPickleError where the file tries to run something, InputError where it is not a checkpoint.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    if _is_safetensors(path):
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                return {name: file.get_tensor(name) for name in file.keys()}, _settings_from(metadata)  # noqa: SIM118
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path.name} is damaged, get it again: {error}.") from None
    root = read_archive(path)
    if isinstance(root, Record):
        inner = root.state.get("_modules", {})
        if set(inner) == {"module"} and isinstance(inner["module"], Record):  # DataParallel around the network
            root = inner["module"]
        records, settings = module_tensors(root), _module_settings(root)
    elif isinstance(root, Mapping):
        records, settings = _plain_state(root, path.name), NetworkSettings()
    else:
        raise InputError(f"{path.name} holds neither a network nor a state dict.")
    _check_size(path, sum(record.distinct * record.itemsize for record in records.values()))
    return {name: _tensor(record) for name, record in records.items()}, settings


def _check_size(path: Path, size: int) -> None:
    """Raises InputError where tensors would take far more bytes than their file has."""
    if size > _SHARED * path.stat().st_size + _SPARE:
        raise InputError(f"{path.name} holds tensors of far more numbers than it has data for: it is damaged.")


def _is_safetensors(path: Path) -> bool:
    with path.open("rb") as stream:
        start = stream.read(9)
    return len(start) == 9 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") < path.stat().st_size


def _settings_from(metadata: Mapping[str, str]) -> NetworkSettings:
    if _METADATA not in metadata:
        return NetworkSettings()
    stored = json.loads(metadata[_METADATA])
    blocks = {name: BlockSettings(**values) for name, values in stored["blocks"].items()}
    return NetworkSettings(float(stored["batch_norm_eps"]), blocks)


def convert_checkpoint(source: Path, target: Path) -> str:
    """Write a checkpoint as safetensors, settings included, after checking that it fits the network.

    Returns the sha256 of the file written, in hexadecimal. Raises as `read_checkpoint`, and ShapeError where the
    tensors are not those of a DICE network.
    """
    state, settings = read_checkpoint(source)
    _check_size(source, sum(tensor.numel() * tensor.element_size() for tensor in state.values()))
    build_network(state, settings)
    stored = {"batch_norm_eps": settings.batch_norm_eps, "blocks": {k: asdict(v) for k, v in settings.blocks.items()}}
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(target.name + ".part")
    contiguous = {name: tensor.contiguous() for name, tensor in state.items()}
    save_file(_unshared(contiguous), unfinished, metadata={_METADATA: json.dumps(stored)})
    with unfinished.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    unfinished.replace(target)
    return digest


def _unshared(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same tensors, none of which shares memory with another: safetensors refuses those."""
    seen: set[int] = set()
    result = {}
    for name, tensor in state.items():
        pointer = tensor.untyped_storage().data_ptr()
        result[name] = tensor.clone() if pointer in seen else tensor
        seen.add(pointer)
    return result


def load_network(path: Path) -> DiceNetwork:
    """Network of a checkpoint in float32, in evaluation mode. Raises as `convert_checkpoint`."""
    state, settings = read_checkpoint(path)
    floats = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    return build_network(floats, settings)
