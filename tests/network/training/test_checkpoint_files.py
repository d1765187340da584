"""Checkpoints on a disk that fills up: one sentence, and nothing half written."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from dice_core.errors import InputError
from dice_core.network.training import checkpoints


@pytest.mark.parametrize(
    "error",
    [
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        OSError(28, "No space left on device"),
    ],
)
def test_a_full_disk_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def half_written(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str]) -> None:
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(checkpoints, "save_file", half_written)
    file = tmp_path / "step.safetensors"
    file.write_bytes(b"the one before")
    with pytest.raises(InputError, match=r"step\.safetensors cannot be written \(.*No space left.*\): make room"):
        checkpoints._save(file, {"weight": torch.zeros(2)}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["step.safetensors"]
    assert file.read_bytes() == b"the one before"
