"""Can the network of the dice engine learn a few scenes by heart? Trains it on eight, and measures it on the same.

    python tools/overfit_scenes.py OUT [--steps 600] [--rate 0.001] [--network reduced|published] [--device cpu]

Prints the errors of the network's free meshes and of the posed body models: a recipe whose losses contradict each
other, or a network that does not reach its own outputs, would not come near zero.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import dice_core.cli  # noqa: F401 - first, because it says how many threads numpy may use

# isort: split
from dice_core.metrics.predictions import PredictionScore
from dice_core.network.training.configuration import PRESETS, read_configuration
from dice_core.network.training.run import train

COUNT = 8
SCENES = f"""kind = "synthetic"
seed = 306
people = 1
only = {COUNT}
cache = "scenes"
"""
"""All of which touch."""
CONFIGURATION = """output = "{name}"
network = "{network}"
device = "{device}"
[schedule]
steps = {steps}
batch = {count}
check_every = 100
[optimisation]
learning_rate = {rate}
warm_up = 30
drop_at = 0.7
drop_to = 0.1
weight_decay = 0.0
average = 0.95
[regularisation]
masked = 0.0
dropout = 0.0
[augmentation]
scale = [1.0, 1.0]
shift = 0.0
turn = 0.0
colour = 0.0
blur = 0.0
occlusion = 0.0
[losses]
adversarial = 0.0
[[data]]
{scenes}[[evaluation]]
{scenes}"""
COLUMNS = ("pve_mm", "posed_pve_mm", "mpjpe_mm", "contact_head_f", "contact_hand_f")


def main() -> int:
    """Run the command."""
    options = _parser().parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    name = f"{options.network}-{options.steps}-{options.rate:g}"
    path = options.out / f"{name}.toml"
    path.write_text(CONFIGURATION.format(name=name, count=COUNT, scenes=SCENES, **vars(options)), encoding="utf-8")

    def progress(step: int, steps: int, figures: dict[str, float]) -> None:
        if step % 50 == 0:
            print(f"{step} of {steps}: loss {figures['loss']:.2f}", flush=True)

    result = train(read_configuration(path), PredictionScore, resume=True, progress=progress)
    print(f"{name}, {COUNT} scenes: {result.seconds:.2f} s a step")
    for column in COLUMNS:
        print(f"{column:16}{result.metrics.get(column, float('nan')):9.3f}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--network", choices=tuple(PRESETS), default="reduced")
    parser.add_argument("--device", default="cpu")
    return parser


if __name__ == "__main__":
    sys.exit(main())
