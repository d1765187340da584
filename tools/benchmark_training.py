"""Steps a second and memory of training, and synthetic scenes a second.

    python tools/benchmark_training.py steps [--network reduced|published] [--batch 8] [--steps 3] [--device cpu]
                                             [--precision full|bfloat16|float16]
    python tools/benchmark_training.py scenes [--people 2] [--jobs 2]
    python tools/benchmark_training.py memory [--network ...] [--batch 8]

`steps` trains on the scenes of one person; `memory` adds up what weights, gradients, optimiser and average take.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import dice_core.cli  # noqa: F401 - first, because it says how many threads numpy may use

# isort: split
import cv2
import torch

from dice_core.network.training.architecture import tensor_shapes
from dice_core.network.training.configuration import PRECISIONS, PRESETS, read_configuration
from dice_core.network.training.run import timed_steps
from dice_core.network.training.synthetic.scenes import SCENES_OF_A_PERSON, scenes_of_person

CONFIGURATION = """network = "{network}"
precision = "{precision}"
[schedule]
steps = {steps}
batch = {batch}
[losses]
adversarial_start = 0
[[data]]
kind = "synthetic"
people = 1
[[priors]]
kind = "synthetic"
"""
SETTINGS = ("network", "precision", "steps", "batch")
COPIES = 5
"""Of the weights: themselves, gradients, two moments of the optimiser, the average."""


def main() -> int:
    """Run the command."""
    options = _parser().parse_args()
    {"steps": _steps, "scenes": _scenes, "memory": _memory}[options.command](options)
    return 0


def _steps(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.toml"
        path.write_text(CONFIGURATION.format(**{k: vars(options)[k] for k in SETTINGS}))
        seconds = timed_steps(read_configuration(path), options.steps, options.device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    where = f"{torch.get_num_threads()} threads"
    if options.device.startswith("cuda"):
        where, peak = torch.cuda.get_device_name(), torch.cuda.max_memory_allocated() / 1e9
    print(f"{options.network}, {options.precision}, batch {options.batch}, {where}: {seconds:.3f} s a step,", end=" ")
    print(f"{1 / seconds:.2f} steps a second, at most {peak:.1f} GB of its memory")


def _scenes(options: argparse.Namespace) -> None:
    with ProcessPoolExecutor(options.jobs, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        list(pool.map(_person, range(-options.jobs, 0)))  # each process prepares its bodies first
        started = time.perf_counter()
        list(pool.map(_person, range(options.people * options.jobs)))
        seconds = time.perf_counter() - started
    count = options.people * options.jobs * SCENES_OF_A_PERSON
    print(f"{count} scenes by {options.jobs} processes in {seconds:.1f} s: {count / seconds:.1f} a second")


def _person(number: int) -> int:
    torch.set_num_threads(1)
    return len(scenes_of_person(9, number + 1000))


def _memory(options: argparse.Namespace) -> None:
    shapes = tensor_shapes(PRESETS[options.network])
    count = sum(torch.Size(shape).numel() for shape in shapes.values())
    print(f"{options.network}: {count / 1e6:.1f} million numbers, {COPIES * 4 * count / 1e9:.2f} GB before activations")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("steps", "scenes", "memory"))
    parser.add_argument("--network", choices=tuple(PRESETS), default="reduced")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="full", choices=PRECISIONS)
    parser.add_argument("--people", type=int, default=2, help="for each process")
    parser.add_argument("--jobs", type=int, default=2)
    return parser


if __name__ == "__main__":
    sys.exit(main())
