"""Does weak supervision help? The paper's ablation on synthetic scenes, with a network that two cores can train.

    python tools/weak_supervision.py OUT [--first 2500] [--steps 800] [--minutes 5] [--known 8] [--weak 32]
                                      [--held-out 4] [--batch 16] [--device cpu] [--variant NAME]

Some people come with all truth, from a studio: one camera before them, one background, one light. More come with key
points in the picture, depth there and priors of poses, as pictures from anywhere do. A network learns from the studio
until it no longer gets better elsewhere. Four go on from it: on the studio alone; on both, half a batch of each; on
both without the depth loss; on both without the adversarial loss. Each is measured on pictures from anywhere, of people
nobody trained on. A call works for so many minutes and the next one goes on; the table is printed once all are done.
With --variant it trains one of them only, so that several can run beside each other once the first network is there.

The network is narrow and its coarse meshes have few vertices, which are its tokens; the losses of collision and touch,
which are the same for both halves and take a fifth of a step, are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import dice_core.cli  # noqa: F401 - first, because it says how many threads numpy may use

# isort: split
from dice_core.metrics.predictions import PredictionScore
from dice_core.network.training.bodies import BODY_FILES
from dice_core.network.training.body_folder import write_open_bodies
from dice_core.network.training.configuration import read_configuration
from dice_core.network.training.run import ENGINE_FOLDER, NETWORK_FILE, train

KNOWN_SEED, WEAK_SEED, HELD_OUT_SEED, PRIOR_SEED = 301, 302, 303, 304
COLUMNS = ("pve_mm", "posed_pve_mm", "mpjpe_mm", "pa_mpjpe_mm", "contact_head_f", "contact_hand_f")


@dataclass(frozen=True)
class Variant:
    """weak : whether the second half takes part; depth, adversarial : weights of the losses."""

    weak: bool
    depth: float = 100.0
    adversarial: float = 5.0


FIRST = "first"
"""Name of the network that the others go on from."""

VARIANTS = {
    "first half alone": Variant(weak=False, depth=0.0, adversarial=0.0),
    "both halves": Variant(weak=True),
    "without depth": Variant(weak=True, depth=0.0),
    "without adversarial": Variant(weak=True, adversarial=0.0),
}

COARSE_HAND, COARSE_HEAD = 64, (600, 120)
"""Vertices of the coarse meshes, chosen for the time that a step takes."""

TEMPLATE = """output = "{name}"
device = "{device}"
bodies = "bodies"
start_from = "{start_from}"
[schedule]
steps = {steps}
batch = {batch}
log_every = 10
check_every = 100
evaluate_every = {evaluate_every}
[optimisation]
learning_rate = {rate}
warm_up = 30
drop_at = 0.7
average = 0.99
[regularisation]
masked = 0.1
dropout = 0.0
[augmentation]
scale = [0.9, 1.1]
turn = 10.0
[widths]
stem = 8
branches = [8, 16, 32, 64]
bottleneck = 4
mesh = [64]
interaction = [32]
[losses]
collision = 0.0
touch = 0.0
depth = {depth}
adversarial = {adversarial}
adversarial_start = {start}
[[data]]
kind = "synthetic"
seed = {known_seed}
people = {known}
surroundings = "studio"
repeat = {repeat}
cache = "scenes"
{weak_set}[[priors]]
kind = "synthetic"
seed = {prior_seed}
[[evaluation]]
kind = "synthetic"
seed = {held_out_seed}
people = {held_out}
cache = "scenes"
"""
WEAK_SET = """[[data]]
kind = "synthetic"
seed = {weak_seed}
people = {weak}
cache = "scenes"
known = ["keypoints", "depth"]
"""


def configuration_text(name: str, options: argparse.Namespace) -> str:
    """The configuration of a variant, or of `FIRST`. options : of the command line."""
    is_first = name == FIRST
    variant = VARIANTS["first half alone" if is_first else name]
    steps = options.first if is_first else options.steps
    weak_set = WEAK_SET.format(weak_seed=WEAK_SEED, weak=options.weak) if variant.weak else ""
    return TEMPLATE.format(
        name=name.replace(" ", "_"),
        start_from="" if is_first else f"{FIRST}/{ENGINE_FOLDER}/{NETWORK_FILE}",
        rate=1e-3 if is_first else 5e-4,
        steps=steps,
        batch=options.batch,
        device=options.device,
        depth=variant.depth,
        adversarial=variant.adversarial,
        start=steps // 4,
        evaluate_every=max(1, steps // 5),
        known_seed=KNOWN_SEED,
        known=options.known,
        repeat=max(1, options.weak // options.known),
        weak_set=weak_set,
        prior_seed=PRIOR_SEED,
        held_out_seed=HELD_OUT_SEED,
        held_out=options.held_out,
    )


def main() -> int:
    """Run the command."""
    options = _parser().parse_args()
    bodies = options.out / "bodies"
    if not all((bodies / name).is_file() for name in BODY_FILES):
        write_open_bodies(bodies, COARSE_HAND, COARSE_HEAD)
    until = time.monotonic() + 60 * options.minutes
    table: dict[str, dict[str, float]] = {}
    for name in [options.variant] if options.variant else (FIRST, *VARIANTS):
        done = options.out / f"{name.replace(' ', '_')}.json"
        if not done.is_file():
            path = done.with_suffix(".toml")
            path.write_text(configuration_text(name, options), encoding="utf-8")
            result = train(
                read_configuration(path), PredictionScore, resume=True, should_stop=lambda: time.monotonic() > until
            )
            print(f"{name}: {result.step} of {options.steps} steps, {result.seconds:.2f} s each", flush=True)
            if result.step < options.steps:
                return 0
            done.write_text(json.dumps(result.metrics, indent=1), encoding="utf-8")
        table["where they begin" if name == FIRST else name] = json.loads(done.read_text(encoding="utf-8"))
    print(f"{'':24}" + "".join(f"{column:>16}" for column in COLUMNS))
    for name, metrics in table.items():
        print(f"{name:24}" + "".join(f"{metrics.get(column, float('nan')):16.2f}" for column in COLUMNS))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--first", type=int, default=2500, help="steps in the studio alone, at the beginning")
    parser.add_argument("--steps", type=int, default=800, help="steps of each that goes on from there")
    parser.add_argument("--minutes", type=float, default=5.0, help="after which a call stops; the next one goes on")
    parser.add_argument("--known", type=int, default=8, help="people with all truth, 32 scenes each")
    parser.add_argument("--weak", type=int, default=32, help="people with key points and depth alone")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--variant", choices=(FIRST, *VARIANTS), help="train this one only")
    parser.add_argument("--held-out", type=int, default=4, help="people that nobody trains on")
    return parser


if __name__ == "__main__":
    sys.exit(main())
