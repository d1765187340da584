"""Small training runs: a few steps of a very narrow network on a few scenes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from dice_core.network.training.samples import Sample

__all__ = ["NARROW", "command", "environment", "write_configuration", "write_scenes"]

NARROW = """
[widths]
stem = 4
branches = [4, 4, 4, 4]
bottleneck = 2
head_widths = [2, 2, 2, 2]
features = 16
mesh = [8, 8, 8]
interaction = [8]
downsampled = 8
regressor = 8
presence = [8, 4]
"""


def write_configuration(folder: Path, scenes: Path, output: str = "run", **changes: str) -> Path:
    """A configuration of six steps on the scenes of a cache; changes : lines of the tables schedule, losses and top."""
    schedule = {"steps": "6", "batch": "2", "check_every": "2", "log_every": "1"}
    schedule |= {name: value for name, value in changes.items() if name in (*schedule, "evaluate_every")}
    top = {name: value for name, value in changes.items() if name in ("precision", "workers", "bodies", "start_from")}
    losses = changes.get("losses", "adversarial_start = 1")
    lines = [f'output = "{output}"', 'device = "cpu"', *(f"{name} = {value}" for name, value in top.items())]
    lines += ["[schedule]", *(f"{name} = {value}" for name, value in schedule.items())]
    lines += ["[losses]", losses, "[regularisation]", changes.get("regularisation", "")]
    lines += ["[optimisation]", changes.get("optimisation", "")]
    lines += ["[augmentation]", changes.get("augmentation", ""), NARROW]
    lines += ["[[data]]", 'kind = "synthetic"', "seed = 5", "people = 1", "only = 4", f'cache = "{scenes}"']
    lines += ["[[priors]]", 'kind = "synthetic"', "seed = 9"]
    if "evaluate_every" in changes:
        lines += ["[[evaluation]]", 'kind = "synthetic"', "seed = 5", "people = 1", "only = 2", f'cache = "{scenes}"']
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{output}.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_scenes(folder: Path, scenes: list[Sample]) -> None:
    """The cache of a set that is read instead of made."""
    from dice_core.network.training.synthetic import dataset

    folder.mkdir(parents=True, exist_ok=True)
    dataset._write(folder / f"scenes-{dataset._VERSION}-5-000000.npy", scenes)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """One thread for each process, so that sums have one order."""
    root = str(Path(__file__).resolve().parents[3])
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return os.environ | threads | {"PYTHONPATH": root} | dict(extra or {})


def command(*arguments: str | Path, extra: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """`dice train` in a process of its own."""
    words = [sys.executable, "-m", "dice_core", "train", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(words, env=environment(extra), text=True, **pipes)  # type: ignore[call-overload]
