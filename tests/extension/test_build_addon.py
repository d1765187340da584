"""Building the zips: what is in them, and one clear sentence for everything that can go wrong."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import build_addon
from build_addon import BuildError, Pin, fetch, manifest_for, read_lock

ROOT = build_addon.ROOT
PIN = Pin("any", "no-such-package==1.0", "no_such_package-1.0-py3-none-any.whl", "0" * 64)


def one_sentence(text: str) -> bool:
    """Whether a text is one line that ends as a sentence does, with no traceback."""
    return "\n" not in text.strip() and text.strip().endswith(".") and "Traceback" not in text


def test_the_lock_serves_every_platform() -> None:
    pins = read_lock()
    for name in ("opencv_python_headless-", "av-"):
        platforms = [pin.platform for pin in pins if pin.file.startswith(name)]
        assert sorted(platforms) == sorted(build_addon.PLATFORMS)
    assert all(len(pin.sha256) == 64 for pin in pins)
    assert all("abi3" in pin.file or "py3-none" in pin.file for pin in pins), "for Python 3.11 and 3.13 alike"
    assert not any(name in pin.file for pin in pins for name in ("numpy", "torch"))
    assert all(len([pin for pin in pins if pin.platform == one]) == 2 for one in build_addon.PLATFORMS), (
        "Blender installs one wheel of a name"
    )


def test_the_lock_pins_what_the_package_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = {item for item in project["project"]["dependencies"] if "==" in item}
    assert asked == {pin.requirement for pin in read_lock() if pin.platform != "any"}


def test_manifest_is_what_blender_wants() -> None:
    template = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    manifest = tomllib.loads(manifest_for("macos-arm64", ["dice_core-1.whl", "cv2.whl"], template))
    original = tomllib.loads(template)
    assert manifest["platforms"] == ["macos-arm64"]
    assert manifest["wheels"] == ["./wheels/dice_core-1.whl", "./wheels/cv2.whl"]
    assert all(manifest[key] == original[key] for key in original if key != "build")
    assert "network" not in manifest["permissions"]
    assert len(manifest["tagline"]) <= 64
    assert not manifest["tagline"].endswith(".")
    assert all(len(reason) <= 64 for reason in manifest["permissions"].values())


def test_manifest_and_package_have_one_version() -> None:
    import dice_core

    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert manifest["version"] == dice_core.__version__


def test_changed_hash(tmp_path: Path) -> None:
    (tmp_path / PIN.file).write_bytes(b"something else")
    with pytest.raises(BuildError, match="does not match its hash") as caught:
        fetch(PIN, tmp_path, offline=False)
    assert one_sentence(str(caught.value))


def test_missing_wheel_offline(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"is missing: run build_addon\.py once without --offline") as caught:
        fetch(PIN, tmp_path, offline=True)
    assert one_sentence(str(caught.value))


def test_unreachable_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_TIMEOUT", "1")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BuildError, match="index cannot be reached") as caught:
        fetch(PIN, tmp_path, offline=False)
    assert one_sentence(str(caught.value))
    assert not list(tmp_path.iterdir())


def local_index(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pip look for packages in a folder and nowhere else."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def test_another_file_in_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = tmp_path / "index"
    index.mkdir()
    with zipfile.ZipFile(index / PIN.file, "w") as archive:
        archive.writestr("no_such_package-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: x\nVersion: 1.0\n")
    local_index(index, monkeypatch)
    with pytest.raises(BuildError, match="offers another") as caught:
        fetch(PIN, tmp_path / "wheels", offline=False)
    assert one_sentence(str(caught.value))


def test_a_wheel_that_the_index_does_not_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local_index(tmp_path, monkeypatch)
    with pytest.raises(BuildError, match="has no no_such_package") as caught:
        fetch(PIN, tmp_path / "wheels", offline=False)
    assert one_sentence(str(caught.value))


def test_command_line_says_it_in_one_sentence(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(ROOT / "build_addon.py"),
        "--offline",
        "--wheels",
        str(tmp_path),
        "-o",
        str(tmp_path),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert one_sentence(run.stderr)
    assert not list(tmp_path.glob("*.zip"))


def test_damaged_lock(tmp_path: Path) -> None:
    (tmp_path / "lock.toml").write_text("[[wheel]]\nplatform = 3\n")
    with pytest.raises(BuildError, match="restore it"):
        read_lock(tmp_path / "lock.toml")


@pytest.mark.skipif(not build_addon.can_build_offline(), reason="needs a setuptools that builds wheels by itself")
def test_zip_holds_the_extension_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a small file in place of OpenCV's wheel: what is in the real zip is tested by installing it."""
    monkeypatch.setattr(build_addon, "read_lock", list)
    first, again = tmp_path / "first", tmp_path / "again"
    (path,) = build_addon.build(["windows-x64"], tmp_path, first, offline=True)
    assert path.name.endswith("-windows_x64.zip")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        wheel = next(name for name in names if name.startswith("wheels/dice_core-"))
        archive.extract(wheel, tmp_path)
    expected = {
        "blender_manifest.toml",
        "LICENSE",
        "wheels/LICENSES.md",
        "__init__.py",
        "ui/panels.py",
        "scene/__init__.py",
    }
    assert expected <= set(names)
    assert "py.typed" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    with zipfile.ZipFile(tmp_path / wheel) as archive:
        packages = {name.split("/")[0] for name in archive.namelist()}
        inside = archive.namelist()
    assert {name for name in packages if not name.endswith(".dist-info")} == {"dice_core"}
    assert any(name.endswith(".onnx") for name in inside)
    assert "dice_core/py.typed" in inside
    assert not [name for name in inside if "truth" in name or "test" in name]
    for folder in {name.rpartition("/")[0] for name in inside if name.endswith((".onnx", ".npz", ".mp4"))}:
        assert {f"{folder}/LICENSES.md", f"{folder}/NOTICE.md"} & set(inside), f"{folder} says nothing of licences"
    (second,) = build_addon.build(["windows-x64"], tmp_path, again, offline=True)
    contents = [_contents(file) for file in (path, second)]
    assert contents[0] == contents[1], "the same sources give the same zip"


def _contents(path: Path) -> dict[str, int]:
    """Checksum of every file but the wheel that setuptools stamps with the time."""
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist() if not entry.filename.endswith(".whl")}
