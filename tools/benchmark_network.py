"""How fast the DICE network runs here, against its plain transcription, by part, with the errors.

    python tools/benchmark_network.py [--batch 4] [--threads 2] [--rounds 5] [--clock wall|cpu]
                                      [--bfloat16 auto|always|never] [--json]

Both networks have the same deterministic weights in the published shapes, so no licensed file is needed. The plain one
is `dice_core.network.dice`: unfused, with written-out attention. They take turns, and the medians and the best times of
the rounds are given, for on a machine that does other work too the best is nearer to what the network itself needs.
On a busy machine `--clock cpu --threads 1` counts the processor's time instead, which other work hardly changes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dice_core.network.dice import DiceNetwork, Outputs, build_network, reference_positions
from dice_core.network.fused import FusedNetwork
from dice_core.network.precision import has_fast_bfloat16
from tests.network import parity_weights

_IMAGE_SEED = 20

Parts = dict[str, Callable[[], object]]


def _network() -> DiceNetwork:
    keys = parity_weights.state_dict_keys()
    return build_network(
        {name: torch.from_numpy(np.array(parity_weights.make(name, shape))) for name, shape, _ in keys}
    )


def _plain_parts(network: DiceNetwork, images: torch.Tensor, positions: torch.Tensor) -> Parts:
    cells = network.backbone(images).flatten(2).transpose(1, 2)
    tokens = torch.cat([positions.expand(len(images), -1, -1), network.conv_learn_tokens(cells)], dim=2)
    coordinates = network.trans_encoder(tokens)
    interaction = network.deform_encoder(network.feat_downsampler(tokens))
    presence = torch.zeros(len(images), 1)
    return {
        "all": lambda: network(images, positions),
        "backbone": lambda: network.backbone(images),
        "tokens": lambda: network.conv_learn_tokens(cells),
        "mesh": lambda: network.trans_encoder(tokens),
        "interaction": lambda: network.deform_encoder(network.feat_downsampler(tokens)),
        "heads": lambda: network.outputs(coordinates, interaction, presence, True),
    }


def _fused_parts(network: FusedNetwork, images: torch.Tensor) -> Parts:
    converted = images.to(dtype=network.dtype, memory_format=torch.channels_last)
    cells = network.backbone(converted).flatten(2).transpose(1, 2)
    to_mesh, to_interaction = network.project(cells)
    coordinates = network.mesh_branch(to_mesh, 0).float()
    interaction = torch.zeros(*coordinates.shape[:2], 4)
    presence = torch.zeros(len(images), 1)
    return {
        "all": lambda: network(images),
        "backbone": lambda: network.backbone(converted),
        "tokens": lambda: network.project(cells),
        "mesh": lambda: network.mesh_branch(to_mesh, 0),
        "interaction": lambda: network.interaction_branch(to_interaction, network.first_vertex),
        "heads": lambda: network.heads.outputs(coordinates, interaction, presence, True),
    }


def _errors(found: Outputs, expected: Outputs) -> dict[str, float]:
    """Largest and mean error over all outputs, as shares of each output's standard deviation."""
    largest, mean = 0.0, []
    for name, values in expected.as_dict().items():
        error = (found.as_dict()[name] - values).abs() / values.std().clamp_min(1e-3)
        if name != "deform":  # a presence near one half may fall on the other side of the gate
            largest = max(largest, float(error.max()))
            mean.append(float(error.mean()))
    return {"largest": largest, "mean": sum(mean) / len(mean)}


def run(batch: int, threads: int, rounds: int, bfloat16: str, clock: str) -> dict[str, object]:
    """Measure; times in seconds a batch."""
    now = time.process_time if clock == "cpu" else time.perf_counter
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    network = _network()
    parts = [torch.from_numpy(parity_weights.make_input(name)[0]) for name in parity_weights.REFERENCE_SHAPES]
    positions = reference_positions(*parts)
    generator = torch.Generator().manual_seed(_IMAGE_SEED)
    images = torch.from_numpy(parity_weights.make_image()).repeat(-(-batch // 2), 1, 1, 1)[:batch]
    images = images + 0.3 * torch.randn(images.shape, generator=generator)
    candidates: dict[str, Parts] = {"plain float32": _plain_parts(network, images, positions)}
    fused = {"fused float32": FusedNetwork(network, positions)}
    if bfloat16 == "always" or (bfloat16 == "auto" and has_fast_bfloat16()):
        fused["fused bfloat16"] = FusedNetwork(network, positions, torch.bfloat16)
    candidates.update({name: _fused_parts(candidate, images) for name, candidate in fused.items()})
    expected = network(images, positions)
    errors = {name: _errors(candidate(images), expected) for name, candidate in fused.items()}
    times: dict[str, dict[str, list[float]]] = {name: {} for name in candidates}
    for _ in range(rounds):
        for part in candidates["plain float32"]:
            for name, steps in candidates.items():
                start = now()
                steps[part]()
                times[name].setdefault(part, []).append(now() - start)
    result: dict[str, object] = {"batch": batch, "threads": threads, "rounds": rounds, "clock": clock, "errors": errors}
    result["fast_bfloat16"] = has_fast_bfloat16()
    if hasattr(os, "getloadavg"):
        result["load"] = round(os.getloadavg()[0], 2)
    result["median"] = {name: {part: median(values) for part, values in all_.items()} for name, all_ in times.items()}
    result["best"] = {name: {part: min(values) for part, values in all_.items()} for name, all_ in times.items()}
    return result


def _report(result: dict[str, object]) -> str:
    lines = [
        f"batch {result['batch']}, {result['threads']} threads, {result['rounds']} rounds, {result['clock']} time, "
        f"load {result.get('load', '?')}, bfloat16 in hardware: {'yes' if result['fast_bfloat16'] else 'no'}"
    ]
    for kind in ("median", "best"):
        times: dict[str, dict[str, float]] = result[kind]  # type: ignore[assignment]
        parts = list(times["plain float32"])
        lines.append(f"\n{kind + ', seconds':18}" + "".join(f"{part:>13}" for part in parts) + "   images/s    gain")
        for name, values in times.items():
            row = "".join(f"{values[part]:13.3f}" for part in parts)
            rate, gain = result["batch"] / values["all"], times["plain float32"]["all"] / values["all"]  # type: ignore[operator]
            lines.append(f"{name:18}{row}{rate:11.2f}{gain:8.2f}")
    lines.append("")
    for name, error in result["errors"].items():  # type: ignore[attr-defined]
        lines.append(
            f"{name}: error against plain, of each output's scale: {error['largest']:.1e}, mean {error['mean']:.1e}"
        )
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bfloat16", choices=("auto", "always", "never"), default="auto")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = run(options.batch, options.threads, options.rounds, options.bfloat16, options.clock)
    print(json.dumps(result, indent=1) if options.json else _report(result))


if __name__ == "__main__":
    main()
