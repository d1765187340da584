"""The listing of licensed files: known by content, damaged files named, nothing run or imported for it."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytest.importorskip("scipy")

from dice_core.errors import InputError, MissingModelError  # noqa: E402
from dice_core.network.files.identification import identify  # noqa: E402
from dice_core.network.files.models import (  # noqa: E402
    MODEL_FILES,
    add_models,
    format_status,
    models_status,
    require_models,
)
from dice_core.user_data import data_folder  # noqa: E402
from tests.network.synthetic import mano_content, write_licensed_files  # noqa: E402
from tests.network.tiny import save_official, tiny_state  # noqa: E402


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("licensed")
    save_official(folder / "model.bin", tiny_state())
    return {**write_licensed_files(folder), "model.bin": folder / "model.bin"}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DICE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def _states() -> dict[str, str]:
    return {state.name: state.state for state in models_status()}


def test_files_are_known_by_content(files: dict[str, Path], tmp_path: Path) -> None:
    for name, path in files.items():
        (tmp_path / "renamed.dat").write_bytes(path.read_bytes())
        assert identify(tmp_path / "renamed.dat") == name


def test_adding_a_folder_makes_all_present(files: dict[str, Path], data: Path, tmp_path: Path) -> None:
    assert set(_states().values()) == {"missing"}
    with pytest.raises(MissingModelError, match="non-commercial") as error:
        require_models()
    assert all(file.name in str(error.value) and file.source in str(error.value) for file in MODEL_FILES)
    states = add_models([files["model.bin"].parent])
    assert {state.state for state in states} == {"present"}
    assert require_models().keys() == files.keys()
    network = next(state for state in states if state.name == "model.bin")
    assert network.path.endswith(".safetensors")
    assert network.sha256 == hashlib.sha256(Path(network.path).read_bytes()).hexdigest()
    assert json.loads((data / "models" / "models.json").read_text())["model.bin"]["sha256"] == network.sha256
    assert json.dumps([state.to_json() for state in states])


def test_missing_and_damaged_are_told_apart(files: dict[str, Path], data: Path) -> None:
    add_models([files["neck_idx.npy"], files["MANO_RIGHT.pkl"]])
    kept = data / "models" / "neck_idx.npy"
    kept.write_bytes(kept.read_bytes()[:-1] + b"\x7f")
    (data / "models" / "rh_ref_vs.pt").write_bytes(files["rh_ref_vs.pt"].read_bytes())
    states = _states()
    assert states["MANO_RIGHT.pkl"] == "present"
    assert states["neck_idx.npy"] == states["rh_ref_vs.pt"] == "damaged"
    assert states["generic_model.pkl"] == "missing"
    text = format_status(models_status())
    assert "https://flame.is.tue.mpg.de" in text
    assert "non-commercial" in text
    assert "changed since it was added" in text


def test_other_files_are_refused(files: dict[str, Path], data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"nothing of interest")
    with pytest.raises(InputError):
        add_models([other])
    torch.save({"layer.weight": torch.ones(2)}, other)
    with pytest.raises(InputError, match="none of the files"):
        add_models([other])
    with pytest.raises(InputError, match="no file"):
        add_models([tmp_path / "absent.pkl"])
    with pytest.raises(InputError, match="Nothing there can be installed"):
        add_models([tmp_path])
    assert set(_states().values()) == {"missing"}


def test_left_hand_is_told_from_the_right(files: dict[str, Path], tmp_path: Path) -> None:
    content = mano_content()
    mirror = np.array([-1.0, 1, 1])
    content["v_template"] = content["v_template"] * mirror
    content["hands_mean"] = content["hands_mean"] * np.tile([1.0, -1, -1], 15)
    (tmp_path / "MANO_LEFT.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match="left hand"):
        identify(tmp_path / "MANO_LEFT.pkl")


def test_code_is_refused_and_not_run(data: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "proof"),)

    (tmp_path / "MANO_RIGHT.pkl").write_bytes(pickle.dumps({"v_template": Trap()}))
    np.save(tmp_path / "landmark_embedding.npy", np.array({"full_lmk_faces_idx": Trap()}, dtype=object))
    for name in ("MANO_RIGHT.pkl", "landmark_embedding.npy"):
        with pytest.raises(InputError, match="refused"):
            add_models([tmp_path / name])
    assert not (tmp_path / "proof").exists()


def test_listing_needs_no_torch(files: dict[str, Path], data: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from dice_core.network.files.identification import identify\n"
        "from dice_core.network.files.models import models_status\n"
        f"print(identify(Path({str(files['model.bin'])!r})), len(models_status()))\n"
        "assert 'torch' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.stdout.split() == ["model.bin", str(len(MODEL_FILES))], result.stderr


def test_data_folder_follows_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DICE_DATA", raising=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert data_folder().parts[-3:] == ("Library", "Application Support", "dice")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert data_folder() == Path.home() / ".local" / "share" / "dice"
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert data_folder() == Path("/somewhere/dice")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/profile/local")
    assert data_folder() == Path("/profile/local/dice")
