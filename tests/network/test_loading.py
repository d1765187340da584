"""Loading for several captures in one process: files are hashed and the network is loaded once."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")
pytest.importorskip("safetensors")

from dice_core.errors import InputError, MissingModelError  # noqa: E402
from dice_core.network import loading  # noqa: E402
from dice_core.network.files import models  # noqa: E402
from dice_core.network.files.models import MODEL_FILES, add_models, models_status  # noqa: E402
from dice_core.network.loading import LoadedNetwork  # noqa: E402
from dice_core.network.model import inference  # noqa: E402
from tests.network.synthetic import write_licensed_files  # noqa: E402
from tests.network.tiny import plausible_state, save_official  # noqa: E402

SECONDS_AGO = 3600
"""Age of the files: those that have just been written are not trusted to keep their modification time."""


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose files were added an hour ago."""
    licensed, folder = tmp_path_factory.mktemp("licensed"), tmp_path_factory.mktemp("data")
    write_licensed_files(licensed)
    save_official(licensed / "model.bin", plausible_state())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DICE_DATA", str(folder))
        add_models([licensed])
    for file in (folder / "models").iterdir():
        _made_older(file)
    return folder


@pytest.fixture
def data(added: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same files in a folder for one test, which may replace them but not write into them: they are links."""
    shutil.copytree(added, tmp_path, dirs_exist_ok=True, copy_function=os.link)
    monkeypatch.setenv("DICE_DATA", str(tmp_path))
    return tmp_path / "models"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often files are hashed, checkpoints and body models loaded, and half precision tried."""
    counted: Counter[str] = Counter()

    def count(module: object, name: str) -> None:
        original = getattr(module, name)

        def counting(*arguments: object, **named: object) -> object:
            counted[name] += 1
            return original(*arguments, **named)

        monkeypatch.setattr(module, name, counting)

    count(models, "_hash_file")
    for name in ("load_network", "load_layers", "Runner"):
        count(loading, name)
    monkeypatch.setattr(inference, "half_types", lambda _: (torch.bfloat16,))
    count(inference, "half_types")
    return counted


def _made_older(file: Path) -> None:
    then = file.stat().st_mtime - SECONDS_AGO
    os.utime(file, (then, then))


def test_a_second_capture_loads_nothing(data: Path, calls: Counter[str]) -> None:
    first = LoadedNetwork.load("cpu", "auto", gate=True)
    expected = {"_hash_file": len(MODEL_FILES), "load_network": 1, "load_layers": 1, "Runner": 1, "half_types": 1}
    assert calls == expected
    assert LoadedNetwork.load("cpu", "auto", gate=True) is first
    assert calls == expected
    assert first.identities == {state.name: state.sha256 for state in models_status()}
    assert calls == expected


def test_other_options_load_anew_and_hash_nothing(data: Path, calls: Counter[str]) -> None:
    options = [("auto", True), ("full", True), ("full", False), ("half", True)]
    loaded = [LoadedNetwork.load("cpu", precision, gate=gate) for precision, gate in options]
    assert calls["load_network"] == calls["load_layers"] == len(options)
    assert calls["_hash_file"] == len(MODEL_FILES)
    assert [one.runner.gate for one in loaded] == [gate for _, gate in options]
    assert [one.runner.dtype for one in loaded[1:]] == [torch.float32, torch.float32, torch.bfloat16]


def test_release_forgets_the_network_and_keeps_the_checksums(data: Path, calls: Counter[str]) -> None:
    first = LoadedNetwork.load("cpu", "full")
    LoadedNetwork.release()
    assert LoadedNetwork.load("cpu", "full") is not first
    assert calls["load_network"] == 2
    assert calls["_hash_file"] == len(MODEL_FILES)


def test_changed_files_are_hashed_again(data: Path, calls: Counter[str]) -> None:
    LoadedNetwork.load("cpu", "full")
    kept = data / "neck_idx.npy"
    changed = kept.read_bytes()[:-1] + b"\x7f"
    kept.unlink()
    kept.write_bytes(changed)
    with pytest.raises(MissingModelError, match="neck_idx"):
        LoadedNetwork.load("cpu", "full")
    assert calls["_hash_file"] == len(MODEL_FILES) + 1
    assert calls["load_network"] == 1


def test_checksums_of_files_that_have_just_been_written_are_not_remembered(data: Path) -> None:
    """Within a step of the file system's clock a file can change without a new time."""
    kept = data / "neck_idx.npy"
    kept.unlink()
    now = time.time_ns()
    for content in (b"one", b"two"):
        kept.write_bytes(content)
        os.utime(kept, ns=(now, now))
        (status,) = (state for state in models_status() if state.name == kept.name)
        assert status.sha256 == hashlib.sha256(content).hexdigest()


def test_failures_are_not_remembered(data: Path, calls: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "half_types", lambda _: ())
    with pytest.raises(InputError, match="half precision"):
        LoadedNetwork.load("cpu", "half")
    monkeypatch.setattr(inference, "half_types", lambda _: (torch.bfloat16,))
    assert LoadedNetwork.load("cpu", "half").runner.dtype == torch.bfloat16
