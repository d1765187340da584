"""Build the extension's zips, one a platform: `python build_addon.py [--offline] [--platform NAME]... [-o FOLDER]`.

Fetches the wheels that wheels/lock.toml pins (with pip, from whatever index pip is set up for) and checks their hashes,
builds the wheel of dice_core, and has Blender validate each zip where a Blender or its `bpy` package is there.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BuildError", "Pin", "build", "can_build_offline", "fetch", "main", "manifest_for", "read_lock"]

ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "wheels" / "lock.toml"
PLATFORMS = ("linux-x64", "windows-x64", "macos-arm64", "macos-x64")
# Bytes: the wheels of OpenCV and PyAV take up to 100 MB, and nothing else may grow to their size unseen.
LARGEST_ZIP = 120_000_000
# The time stamp in every zip, so that the same sources give the same zip.
_EPOCH = (2020, 1, 1, 0, 0, 0)
_NOT_SHIPPED = ("__pycache__", ".mypy_cache", ".ruff_cache")
# The sample's truth is for `dice demo` and tests; in Blender nothing asks for its 4 MB.
_NOT_IN_BLENDER = ("sample_truth.dicetake",)
_STORED = {".whl", ".png"}  # compressed already


class BuildError(Exception):
    """The build cannot go on; the message is one sentence that says why and what to do."""


@dataclass(frozen=True)
class Pin:
    """A wheel that the lock file pins."""

    platform: str
    requirement: str
    file: str
    sha256: str

    @property
    def tag(self) -> str:
        """pip's name of the platform."""
        return self.file.removesuffix(".whl").rpartition("-")[2]


def read_lock(path: Path = LOCK) -> list[Pin]:
    """The pinned wheels. Raises BuildError where the lock file cannot be used."""
    try:
        return [Pin(**wheel) for wheel in tomllib.loads(path.read_text(encoding="utf-8"))["wheel"]]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise BuildError(f"{path} cannot be read ({error}): restore it from the repository.") from error


def fetch(pin: Pin, folder: Path, offline: bool) -> Path:
    """The pinned wheel in `folder`, downloaded where it is not there yet; its hash is checked either way.

    Raises BuildError for a wrong hash, a wheel that is missing offline, an index that cannot be reached.
    """
    path = folder / pin.file
    if not path.exists():
        if offline:
            raise BuildError(f"{path} is missing: run build_addon.py once without --offline to download it.")
        _download(pin, folder)
    if _sha256(path) != pin.sha256:
        raise BuildError(
            f"{path} does not match its hash in the lock file: delete it and build again; where that does not help, "
            "the index offers another file than the one that was pinned."
        )
    return path


def build(platforms: Sequence[str], wheels: Path, output: Path, offline: bool = False) -> list[Path]:
    """Build the zips of `platforms` into `output`. Returns their paths.

    Raises BuildError.
    """
    pins = read_lock()
    fetched = {
        name: [fetch(pin, wheels, offline) for pin in pins if pin.platform in {name, "any"}] for name in platforms
    }
    output.mkdir(parents=True, exist_ok=True)
    zips = []
    with tempfile.TemporaryDirectory(prefix="build-addon-") as folder:
        core = _core_wheel(Path(folder), offline)
        for platform, bundled in fetched.items():
            zips.append(_write_zip(platform, [core, *bundled], output))
    return zips


def manifest_for(platform: str, wheels: Sequence[str], template: str) -> str:
    """The manifest of one platform's zip: the repository's, with the platform and the wheels' file names."""
    listed = "\n".join(f'  "./wheels/{name}",' for name in wheels)
    head, table, rest = template.partition("\n[")
    head = "\n".join(line for line in head.splitlines() if not line.startswith("#"))
    rest = re.sub(r"\n\[build\].*", "\n", rest, flags=re.DOTALL)
    return f'{head.strip()}\nplatforms = ["{platform}"]\nwheels = [\n{listed}\n]\n{table}{rest}'


def validate(path: Path) -> str:
    """What validated the zip: "bpy" or "blender", or "" where neither is there.

    Raises BuildError where the zip is invalid.
    """
    command = _validator()
    if command is None:
        return ""
    run = subprocess.run([*command, "validate", str(path)], capture_output=True, text=True, check=False)
    if run.returncode:
        lines = [line for line in (run.stdout + run.stderr).splitlines() if line.strip()]
        raise BuildError(f"Blender does not accept {path}: {lines[-1] if lines else 'no reason given'}")
    return Path(command[0]).stem if command[0] != sys.executable else "bpy"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: 0 where every zip was built, 1 with one sentence where not."""
    parser = argparse.ArgumentParser(description="Build the extension's zips, one a platform.")
    parser.add_argument("--offline", action="store_true", help="use the wheels in wheels/, download nothing")
    parser.add_argument("--platform", action="append", choices=PLATFORMS, help="only this platform; may be repeated")
    parser.add_argument("--wheels", type=Path, default=LOCK.parent, help="folder of the downloaded wheels")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "dist", help="folder for the zips")
    options = parser.parse_args(arguments)
    try:
        zips = build(options.platform or PLATFORMS, options.wheels, options.output, options.offline)
        for path in zips:
            judge = validate(path)
            verdict = f"validated by {judge}" if judge else "not validated: no Blender and no bpy here"
            sys.stdout.write(f"{path}  {path.stat().st_size / 1e6:.1f} MB  {verdict}\n")
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _download(pin: Pin, folder: Path) -> None:
    """Have pip fetch one wheel, by its hash."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="build-addon-") as temporary:
        requirements = Path(temporary) / "requirements.txt"
        requirements.write_text(f"{pin.requirement} --hash=sha256:{pin.sha256}\n", encoding="utf-8")
        target = ["--platform", pin.tag, "--python-version", "3.11", "--implementation", "cp", "--abi", "abi3"]
        options = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--dest", temporary]
        run = _pip(["download", *options, *target, "-r", str(requirements)])
        fetched = Path(temporary) / pin.file
        if run.returncode or not fetched.exists():
            raise BuildError(_why_not(pin, run.stdout + run.stderr))
        shutil.move(fetched, folder / pin.file)


def _why_not(pin: Pin, output: str) -> str:
    """Why pip did not fetch a wheel, as one sentence."""
    if "DO NOT MATCH THE HASHES" in output:
        return f"The index offers another {pin.requirement} for {pin.platform} than the lock file pins: not built."
    unreachable = ("Retrying (", "ConnectionError", "NewConnectionError", "Could not fetch URL", "Max retries exceeded")
    if any(sign in output for sign in unreachable):
        return f"The package index cannot be reached for {pin.file}: check the network, or put the file into wheels/."
    if "No module named pip" in output:
        return f"{sys.executable} has no pip: run build_addon.py with a Python that has it."
    return f"The package index has no {pin.file}: check pip's index settings, or put the file into wheels/."


def _core_wheel(folder: Path, offline: bool) -> Path:
    """Build the wheel of dice_core alone: the extension itself holds dice_blender."""
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, source / name)
    left_out = shutil.ignore_patterns(*_NOT_SHIPPED, *_NOT_IN_BLENDER)
    shutil.copytree(ROOT / "dice_core", source / "dice_core", ignore=left_out)
    backend = [] if not offline and not can_build_offline() else ["--no-build-isolation"]
    index = ["--no-index"] if offline else []
    run = _pip(["wheel", "--no-deps", *backend, *index, "--wheel-dir", str(folder), str(source)])
    built = list(folder.glob("dice_core-*.whl"))
    if run.returncode or len(built) != 1:
        if offline and not can_build_offline():
            raise BuildError("Building offline needs setuptools 77 or newer: install it, or build without --offline.")
        lines = [line for line in run.stderr.splitlines() if line.strip()]
        raise BuildError(f"The wheel of dice_core could not be built: {lines[-1] if lines else 'pip gave no reason'}")
    return built[0]


def can_build_offline() -> bool:
    """Whether this Python can build wheels by itself: setuptools reads the licence in pyproject.toml from 77 on."""
    if importlib.util.find_spec("setuptools") is None:
        return False
    version = importlib.import_module("setuptools").__version__
    return int(version.split(".")[0]) >= 77


def _write_zip(platform: str, wheels: Sequence[Path], output: Path) -> Path:
    template = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    manifest = manifest_for(platform, [wheel.name for wheel in wheels], template)
    about = tomllib.loads(manifest)
    if f"dice_core-{about['version']}-" not in wheels[0].name:
        raise BuildError(f"blender_manifest.toml says version {about['version']}, but the wheel is {wheels[0].name}.")
    path = output / f"{about['id']}-{about['version']}-{platform.replace('-', '_')}.zip"
    temporary = path.with_suffix(".tmp")
    package = ROOT / "dice_blender"
    sources = [file for file in sorted(package.rglob("*")) if file.is_file() and not set(file.parts) & {*_NOT_SHIPPED}]
    with zipfile.ZipFile(temporary, "w") as archive:
        _add(archive, "blender_manifest.toml", manifest.encode())
        _add(archive, "LICENSE", (ROOT / "LICENSE").read_bytes())
        _add(archive, "wheels/LICENSES.md", (LOCK.parent / "LICENSES.md").read_bytes())
        for file in sources:
            _add(archive, file.relative_to(package).as_posix(), file.read_bytes())
        for wheel in wheels:
            _add(archive, f"wheels/{wheel.name}", wheel.read_bytes())
    if temporary.stat().st_size >= LARGEST_ZIP:
        size = temporary.stat().st_size / 1e6
        temporary.unlink()
        raise BuildError(
            f"{path.name} would have {size:.0f} MB, more than the {LARGEST_ZIP / 1e6:.0f} MB that a zip may have."
        )
    temporary.replace(path)
    return path


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o644 << 16
    entry.compress_type = zipfile.ZIP_STORED if Path(name).suffix in _STORED else zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def _validator() -> list[str] | None:
    """Blender's own extension command: from the bpy package of this Python, or from a Blender on PATH."""
    bpy = importlib.util.find_spec("bpy")
    if bpy is not None and bpy.origin is not None:
        found = sorted(Path(bpy.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
        if found:
            return [sys.executable, str(found[-1])]
    blender = shutil.which("blender")
    return [blender, "--command", "extension"] if blender else None


def _pip(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
