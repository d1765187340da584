"""How fast the DICE network runs here in each precision, against its plain transcription, by part, with the errors.

    python tools/benchmark_network.py [--batch 1 4] [--threads 2] [--rounds 5] [--clock wall|cpu]
                                      [--half bfloat16 float16] [--time-all] [--json]

All networks have the same deterministic weights in the published shapes, so no licensed file is needed. The plain one
is `dice_core.network.model.dice`: unfused, with written-out attention, in float32. The networks run in turns, and the
report gives the median and the best of the rounds: on a machine with other work, the best is closer to what the network
itself needs. On a busy machine, `--clock cpu --threads 1` measures processor time, which other work hardly changes.

The errors are those of every output against the plain network, as shares of the output's standard deviation. They are
measured in half precision too where this processor has to emulate it; its speed there means nothing, so it is timed
only with --time-all. How large the errors of a trained checkpoint are is tried on a picture when a capture starts.
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
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dice_core.network.model.dice import DiceNetwork, Outputs, build_network, reference_positions
from dice_core.network.model.fused import FusedNetwork
from dice_core.network.model.precision import half_types
from tests.network import parity_weights

_IMAGE_SEED = 20
_PLAIN, _FULL = "plain float32", "fused float32"

Parts = dict[str, Callable[[], object]]


def _network() -> DiceNetwork:
    keys = parity_weights.state_dict_keys()
    return build_network(
        {name: torch.from_numpy(np.array(parity_weights.make(name, shape))) for name, shape, _ in keys}
    )


def _images(batch: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(_IMAGE_SEED)
    images = torch.from_numpy(parity_weights.make_image()).repeat(-(-batch // 2), 1, 1, 1)[:batch]
    return images + 0.3 * torch.randn(images.shape, generator=generator)


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
    cells = network.backbone(converted).float().flatten(2).transpose(1, 2)
    to_mesh, to_interaction = network.project(cells)
    coordinates = network.mesh_branch(to_mesh, 0)
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


def _errors(found: Outputs, expected: Outputs) -> dict[str, dict[str, float]]:
    """Largest and mean error of each output, as shares of its standard deviation."""
    errors = {}
    for name, values in expected.as_dict().items():
        error = (found.as_dict()[name] - values).abs() / values.std().clamp_min(1e-3)
        errors[name] = {"largest": float(error.max()), "mean": float(error.mean())}
    return errors


def _times(
    candidates: dict[str, Parts], rounds: int, now: Callable[[], float]
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Median and best seconds of each part of each candidate."""
    times: dict[str, dict[str, list[float]]] = {name: {} for name in candidates}
    for _ in range(rounds):
        for part in candidates[_PLAIN]:
            for name, steps in candidates.items():
                start = now()
                steps[part]()
                times[name].setdefault(part, []).append(now() - start)
    return (
        {name: {part: median(values) for part, values in all_.items()} for name, all_ in times.items()},
        {name: {part: min(values) for part, values in all_.items()} for name, all_ in times.items()},
    )


def run(
    batches: list[int], threads: int, rounds: int, half: list[str], clock: str, *, time_all: bool
) -> dict[str, Any]:
    """Measure; times in seconds a batch."""
    now = time.process_time if clock == "cpu" else time.perf_counter
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    network = _network()
    parts = [torch.from_numpy(parity_weights.make_input(name)[0]) for name in parity_weights.REFERENCE_SHAPES]
    positions = reference_positions(*parts)
    dtypes = {_FULL: torch.float32, **{f"fused {name}": getattr(torch, name) for name in half}}
    fused = {name: FusedNetwork(network, positions, dtype) for name, dtype in dtypes.items()}
    fast = {name: dtypes[name] in (torch.float32, *half_types(torch.device("cpu"))) for name in fused}
    images = _images(2)
    expected = network(images, positions, gate=False)
    result: dict[str, Any] = {"threads": threads, "rounds": rounds, "clock": clock, "fast": fast}
    if hasattr(os, "getloadavg"):
        result["load"] = round(os.getloadavg()[0], 2)
    result["errors"] = {name: _errors(candidate(images, gate=False), expected) for name, candidate in fused.items()}
    result["batches"] = {}
    for batch in batches:
        images = _images(batch)
        candidates: dict[str, Parts] = {_PLAIN: _plain_parts(network, images, positions)}
        for name, candidate in fused.items():
            if fast[name] or time_all:
                candidates[name] = _fused_parts(candidate, images)
        middle, best = _times(candidates, rounds, now)
        result["batches"][batch] = {"median": middle, "best": best}
    return result


def _report(result: dict[str, Any]) -> str:
    lines = [
        f"{result['threads']} threads, {result['rounds']} rounds, {result['clock']} time, "
        f"load {result.get('load', '?')}"
    ]
    for batch, kinds in result["batches"].items():
        for kind, times in kinds.items():
            title = f"batch {batch}, {kind}, s"
            lines.append(f"\n{title:24}" + "".join(f"{part:>12}" for part in times[_PLAIN]) + "   frames/s    gain")
            for name, values in times.items():
                row = "".join(f"{seconds:12.3f}" for seconds in values.values())
                gain = times[_PLAIN]["all"] / values["all"]
                remark = "" if result["fast"].get(name, True) else "  emulated here: not representative"
                lines.append(f"{name:24}{row}{batch / values['all']:11.2f}{gain:8.2f}{remark}")
    lines.append(f"\n{'error, share of scale':24}" + "".join(f"{name:>24}" for name in result["errors"]))
    lines.append(f"{'':24}" + f"{'largest':>14}{'mean':>10}" * len(result["errors"]))
    for output in result["errors"][_FULL]:
        shares = [errors[output] for errors in result["errors"].values()]
        lines.append(f"{output:24}" + "".join(f"{share['largest']:14.1e}{share['mean']:10.1e}" for share in shares))
    for name, is_fast in result["fast"].items():
        if not is_fast:
            lines.append(f"\n{name}: this processor emulates it, so its speed here is not representative.")
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--half", nargs="*", choices=("bfloat16", "float16"), default=["bfloat16"])
    parser.add_argument("--time-all", action="store_true", help="also time precisions that the processor emulates")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = run(options.batch, options.threads, options.rounds, options.half, options.clock, time_all=options.time_all)
    print(json.dumps(result, indent=1) if options.json else _report(result))


if __name__ == "__main__":
    main()
