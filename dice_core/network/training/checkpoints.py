"""What a run needs to go on exactly, on disk: safetensors, written under another name and renamed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from dice_core.errors import InputError
from dice_core.network.model.transformer import BlockSettings
from dice_core.storage import replace_file

__all__ = ["State", "finished_steps", "read_state", "write_network", "write_state"]

_METADATA = "training"
_NETWORK_METADATA = "dice"  # as `files.checkpoint` reads it
_NAME = re.compile(r"step-(\d{8})\.safetensors")


@dataclass
class State:
    """modules : whose tensors are kept, by name; optimisers : by name; scaler : of float16; average : tensors of the
    moving average; step : finished steps; description : of the run, which must be the same where it goes on."""

    modules: Mapping[str, nn.Module]
    optimisers: Mapping[str, torch.optim.Optimizer]
    scaler: torch.amp.GradScaler
    average: dict[str, torch.Tensor]
    step: int
    description: dict[str, Any]


def _path(folder: Path, step: int) -> Path:
    return folder / f"step-{step:08d}.safetensors"


def finished_steps(folder: Path) -> list[int]:
    """Steps after which there is a checkpoint, in order."""
    found = [_NAME.fullmatch(path.name) for path in folder.glob("*.safetensors")] if folder.is_dir() else []
    return sorted(int(match[1]) for match in found if match)


def write_state(folder: Path, state: State, keep: int) -> None:
    """Write a checkpoint, and delete the oldest ones beyond `keep`."""
    tensors = {f"average/{name}": value for name, value in state.average.items()}
    for name, module in state.modules.items():
        tensors |= {f"{name}/{key}": value for key, value in module.state_dict().items()}
    for name, optimiser in state.optimisers.items():
        for number, values in optimiser.state_dict()["state"].items():
            tensors |= {f"{name}/{number}/{key}": torch.as_tensor(value) for key, value in values.items()}
    described = {"step": state.step, "description": state.description, "scaler": state.scaler.state_dict()}
    folder.mkdir(parents=True, exist_ok=True)
    _save(_path(folder, state.step), tensors, {_METADATA: json.dumps(described, sort_keys=True)})
    for step in finished_steps(folder)[:-keep]:
        _path(folder, step).unlink(missing_ok=True)


def _save(path: Path, tensors: Mapping[str, torch.Tensor], metadata: dict[str, str]) -> None:
    """Write a file at once or not at all. Raises InputError where that is impossible, as on a full disk."""
    unfinished = path.with_name(path.name + ".part")
    try:
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, unfinished, metadata)
        replace_file(unfinished, path)
    except (OSError, SafetensorError) as error:
        unfinished.unlink(missing_ok=True)
        why = str(error).rpartition("I/O error: ")[2]
        raise InputError(
            f"{path} cannot be written ({why}): make room for it, and go on with `dice train --resume`."
        ) from error


def read_state(folder: Path, step: int, state: State) -> None:
    """Put a checkpoint's tensors into the modules, optimisers and average of `state`, and its step.

    Raises InputError where the checkpoint is damaged or of another run.
    """
    path = _path(folder, step)
    try:
        with safe_open(path, framework="pt") as file:
            told = json.loads((file.metadata() or {})[_METADATA])
            stored = {name: told[name] for name in ("step", "description", "scaler")}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        raise InputError(
            f"{path.name} is damaged: delete it, and the run goes on from the checkpoint before."
        ) from None
    own = json.loads(json.dumps(state.description))  # as it is stored, with lists for tuples
    if stored["description"] != own:
        changed = [key for key, value in stored["description"].items() if own.get(key) != value]
        raise InputError(
            f"The run was started with other settings ({', '.join(changed) or 'new ones'}): "
            "put them back, or choose another output folder."
        )
    for name, module in state.modules.items():
        module.load_state_dict(_below(tensors, name))
    for name, optimiser in state.optimisers.items():
        _restore(optimiser, _below(tensors, name))
    for key, value in _below(tensors, "average").items():
        state.average[key].copy_(value)
    if stored["scaler"]:
        state.scaler.load_state_dict(stored["scaler"])
    state.step = int(stored["step"])


def _below(tensors: Mapping[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    return {key[len(name) + 1 :]: value for key, value in tensors.items() if key.startswith(f"{name}/")}


def _restore(optimiser: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    content = optimiser.state_dict()
    content["state"] = {}
    for name, value in tensors.items():
        number, key = name.split("/", 1)
        content["state"].setdefault(int(number), {})[key] = value
    optimiser.load_state_dict(content)


def write_network(path: Path, tensors: Mapping[str, torch.Tensor], blocks: Mapping[str, BlockSettings]) -> None:
    """Write a network's tensors as the dice engine reads them, with the settings that shapes do not tell."""
    stored = {"batch_norm_eps": 1e-5, "blocks": {name: vars(settings) for name, settings in blocks.items()}}
    path.parent.mkdir(parents=True, exist_ok=True)
    _save(path, tensors, {_NETWORK_METADATA: json.dumps(stored)})
