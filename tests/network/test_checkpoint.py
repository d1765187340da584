"""Checkpoints in every form that they come in load to the same tensors, and files that would run code do not load."""

from __future__ import annotations

import io
import json
import os
import pickle
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from safetensors.torch import save_file  # noqa: E402

from dice_core.errors import InputError, ShapeError  # noqa: E402
from dice_core.network.files.checkpoint import convert_checkpoint, load_network, read_checkpoint  # noqa: E402
from dice_core.network.files.pickle_state import RefusedPickleError  # noqa: E402
from dice_core.network.files.pickles import load  # noqa: E402
from tests.network.tiny import save_official, tiny_state  # noqa: E402


class _RunsOnLoad:
    """Pickles as a call of os.system that leaves a file behind."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.proof}",)


def _assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype, name
        assert torch.equal(found[name], tensor), name


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return tiny_state()


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
@pytest.mark.parametrize("stream_form", [False, True])
def test_whole_modules_load(tmp_path: Path, state: dict[str, torch.Tensor], stream_form: bool) -> None:
    path = tmp_path / "model.bin"
    save_official(path, state, stream_form, heads=2)
    found, settings = read_checkpoint(path)
    assert set(found) == set(state)
    _assert_same(found, {name: state[name] for name in found})
    assert settings.block("trans_encoder.1").heads == 2
    assert settings.block("deform_encoder.0").activation == "gelu"
    assert not any(name.startswith(("metro", "apex")) for name in sys.modules)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("stream_form", [False, True])
def test_state_dicts_load(tmp_path: Path, stream_form: bool, wrapped: bool) -> None:
    base = torch.arange(24, dtype=torch.float32)
    state = {
        "plain": base.reshape(4, 6),
        "transposed": base.reshape(4, 6).t(),
        "part": base[5:9],
        "repeated": torch.ones(1).expand(3, 5),
        "half": torch.arange(3).half(),
        "brain": torch.tensor([1.5, -3.0], dtype=torch.bfloat16),
        "count": torch.tensor(7),
        "empty": torch.zeros(0, 4),
    }
    path = tmp_path / "state.bin"
    saved = {"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}} if wrapped else state
    torch.save(saved, path, _use_new_zipfile_serialization=not stream_form)
    _assert_same(read_checkpoint(path)[0], state)


def test_conversion_keeps_tensors_and_settings(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    source, target = tmp_path / "model.bin", tmp_path / "data" / "network.safetensors"
    save_official(source, state, heads=2)
    digest = convert_checkpoint(source, target)
    found, settings = read_checkpoint(target)
    assert set(found) == set(state)
    _assert_same({name: found[name] for name in state}, state)
    assert settings == read_checkpoint(source)[1]
    assert convert_checkpoint(target, tmp_path / "again.safetensors") == digest
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert load_network(target).trans_encoder[0].settings.heads == 2


def test_conversion_refuses_other_networks(tmp_path: Path) -> None:
    torch.save({"layer.weight": torch.ones(2, 2)}, tmp_path / "other.bin")
    with pytest.raises(ShapeError, match="not a DICE network"):
        convert_checkpoint(tmp_path / "other.bin", tmp_path / "network.safetensors")
    assert not (tmp_path / "network.safetensors").exists()


@pytest.mark.parametrize("stream_form", [False, True])
def test_code_in_an_archive_is_refused_and_not_run(tmp_path: Path, stream_form: bool) -> None:
    proof, path = tmp_path / "proof", tmp_path / "model.bin"
    torch.save({"w": torch.ones(2), "x": _RunsOnLoad(proof)}, path, _use_new_zipfile_serialization=not stream_form)
    with pytest.raises(RefusedPickleError, match="system"):
        read_checkpoint(path)
    assert not proof.exists()
    # The trap works: the standard reader falls into it.
    torch.load(path, weights_only=False)
    assert proof.exists()


@pytest.mark.parametrize(
    "program",
    [
        b'cbuiltins\neval\n(S\'open("PROOF", "w")\'\ntR.',
        b"c__builtin__\ngetattr\n(c__builtin__\nlist\nS'append'\ntR.",
        b"cnumpy.testing\nrundocs\n(S'PROOF'\ntR.",
        b"(S'touch PROOF'\niposix\nsystem\n.",
        b"(cos\nsystem\nS'touch PROOF'\no.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x0btouch PROOF\x85R.",
        b"cfunctools\npartial\n(cos\nsystem\ntR.",
        b"ctorch.storage\n_load_from_bytes\n(cos\nsystem\ntR.",
        b"ctorch.hub\nload\n(S'PROOF'\ntR.",
    ],
)
def test_calls_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: bytes) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RefusedPickleError):
        load(program)
    assert list(tmp_path.iterdir()) == []


class _MovesItsTensor:
    """A tensor of two numbers whose pickle lets it reach far beyond them once it has been checked."""

    def __reduce__(self) -> tuple[object, ...]:
        storage = torch.storage.TypedStorage(wrap_storage=torch.ones(2).untyped_storage(), dtype=torch.float32)
        arguments = (storage, 0, (2,), (1,), False, OrderedDict())
        return torch._utils._rebuild_tensor_v2, arguments, {"strides": (1 << 40,)}


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_tensors_cannot_be_moved_after_their_check(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    torch.save({"w": _MovesItsTensor()}, path)
    with pytest.raises(RefusedPickleError, match="changes a tensor"):
        read_checkpoint(path)


def test_damaged_safetensors_are_named(tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    save_file({"w": torch.randn(64, 64)}, path, metadata={"dice": "{}"})
    whole = path.read_bytes()
    for broken in (whole[:-100], whole[:40], whole.replace(b"F32", b"F99"), whole):
        path.write_bytes(broken)
        with pytest.raises(InputError):
            read_checkpoint(path)


def test_nothing_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "metro").mkdir()
    (tmp_path / "metro" / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    record = load(b"\x80\x02cmetro\nNetwork\n)\x81}U\x01wK\x05sb.")
    assert record.class_name == "metro.Network"
    assert record.state == {"w": 5}
    assert "metro" not in sys.modules


def test_data_is_read() -> None:
    values = [
        np.arange(6.0).reshape(2, 3),
        np.arange(4, dtype=">i2"),
        np.float32(2.5),
        np.asfortranarray(np.eye(3)[:2]),
    ]
    for protocol in (0, 2, 4, 5):
        array, swapped, number, fortran = load(pickle.dumps(values, protocol))
        assert np.array_equal(array.array(), values[0])
        assert np.array_equal(swapped.array(), values[1])
        assert float(number) == 2.5
        assert np.array_equal(fortran.array(), values[3])


def test_damaged_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    torch.save({"w": torch.randn(64, 64)}, path)
    whole = path.read_bytes()
    for broken in (whole[: len(whole) // 2], b"", b"not a checkpoint", whole.replace(b"\x80\x02", b"\x80\x07", 1)):
        path.write_bytes(broken)
        with pytest.raises(InputError):
            read_checkpoint(path)
    path.write_bytes(whole)
    swapped = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(swapped, "w") as copy:
        for name in archive.namelist():
            data = archive.read(name)
            copy.writestr(name, data[:-4] if "/data/" in name else data)
    path.write_bytes(swapped.getvalue())
    with pytest.raises(InputError, match="damaged"):
        read_checkpoint(path)
    with pytest.raises(InputError, match="no file"):
        read_checkpoint(tmp_path / "absent.bin")


def test_official_pickles_load(shared: Path) -> None:
    for name in ("whole_module_small.bin", "state_dict_small.bin"):
        found, _ = read_checkpoint(shared / name)
        with np.load(shared / "whole_module_small_expected.npz") as archive:
            expected = {key: torch.from_numpy(archive[key]) for key in archive.files}
        assert set(found) == set(expected)
        _assert_same({key: found[key] for key in expected}, expected)


def test_official_network_loads_strictly(shared: Path) -> None:
    found, settings = read_checkpoint(shared / "whole_network_strided.bin")
    expected = json.loads((shared / "whole_network_strided_expected.json").read_text())
    assert set(found) == set(expected)
    for name, (value, shape, kind) in expected.items():
        assert list(found[name].shape) == shape
        assert str(found[name].dtype) == f"torch.{kind}"
        assert float(found[name].flatten()[0]) == value
    assert settings.block("trans_encoder.0").heads == 4
    assert load_network(shared / "whole_network_strided.bin").counts.total == 843
