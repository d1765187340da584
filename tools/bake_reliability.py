"""Fit how far hands can be relied on: dice_core/fitting/assets/hand_reliability.npz.

    python tools/benchmark_accuracy.py make --seed 31 --stills 60 --clips 0 set31
    python tools/benchmark_accuracy.py make --seed 34 --stills 80 --clips 0 set34
    python tools/benchmark_accuracy.py make --seed 41 --stills 160 --clips 16 set41
    python tools/benchmark_accuracy.py make --seed 42 --stills 160 --clips 16 set42
    python tools/bake_reliability.py set31 set34 set41 set42 [--held-out SET...]

Captures the sets, fits the regression of dice_core/fitting/reliability.py to their hands, and writes it; then prints
how well what it says agrees with what is, on the held-out sets or else on the same ones. An hour of two cores.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import dice_core.cli  # noqa: E402, F401 - first, because it says how many threads numpy may use

# isort: split
import numpy as np  # noqa: E402
from accuracy.making import item_names  # noqa: E402
from reliability.judged import JudgedHands, item_hands, joined  # noqa: E402
from reliability.regression import calibration, fit, named_weights  # noqa: E402
from tqdm import tqdm  # noqa: E402

from dice_core.fitting.reliability import RELIABILITY_ASSET, Reliability  # noqa: E402


def main() -> None:
    """Command line entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET", help="folders of benchmark_accuracy.py")
    parser.add_argument("--held-out", nargs="+", type=Path, default=[], metavar="SET", help="to measure on")
    parser.add_argument("-o", "--output", type=Path, default=RELIABILITY_ASSET, metavar="FILE")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    options = parser.parse_args()
    hands = _hands(options.sets, options.jobs)
    arrays = fit(hands)
    np.savez_compressed(options.output, **arrays)
    print(options.output.name, hashlib.sha256(options.output.read_bytes()).hexdigest())
    for name, weight in named_weights(arrays):
        print(f"{weight:+.2f} {name}")
    regression = Reliability(arrays["mean"], arrays["deviation"], arrays["weight"], float(arrays["bias"]))
    measured = _hands(options.held_out, options.jobs) if options.held_out else hands
    print(*calibration(regression, measured), sep="\n")


def _hands(folders: list[Path], jobs: int) -> JudgedHands:
    parts: list[JudgedHands] = []
    with ProcessPoolExecutor(jobs) as pool:
        for folder in folders:
            names = item_names(folder)
            done = pool.map(partial(item_hands, folder=folder), names)
            parts.extend(tqdm(done, desc=folder.name, total=len(names)))
    return joined(parts)


if __name__ == "__main__":
    main()
