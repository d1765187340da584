"""`dice train`: the DICE network, trained by the paper's recipe."""

from __future__ import annotations

import argparse
import logging
import sys

from tqdm import tqdm

from dice_core.cli.stopping import stop_requests
from dice_core.errors import MissingModelError
from dice_core.metrics.predictions import PredictionScore

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    try:
        from dice_core.network.training import run as training
        from dice_core.network.training.configuration import read_configuration
    except ImportError as error:
        if error.name not in ("torch", "safetensors"):
            raise
        raise MissingModelError(
            "Training needs torch and safetensors: install dice-core with its `dice` extra."
        ) from None
    configuration = read_configuration(options.config)
    if options.check:
        figures = training.check(configuration, options.device)
        print("\n".join(f"{name:24} {value:.5g}" for name, value in figures.items()))
        print("The configuration and its data can be used.")
        return 0
    with stop_requests(watch_input=False) as stop, _bar() as bar:

        def show(done: int, total: int, figures: dict[str, float]) -> None:
            bar.total = total
            bar.set_postfix_str(f"loss {figures['loss']:.4g}", refresh=False)
            bar.update(done - bar.n)

        result = training.train(
            configuration,
            PredictionScore,
            resume=options.resume,
            device=options.device,
            progress=show,
            should_stop=stop.is_set,
        )
    for name, value in result.metrics.items():
        print(f"{name:32} {value:.4g}")
    if result.step < configuration.schedule.steps:
        print(f"Stopped after {result.step} of {configuration.schedule.steps} steps: go on with --resume.")
    else:
        print(f"{result.step} steps are done. Install the network: dice models add {result.engine}")
    return 0


def _bar() -> tqdm:
    hidden = not sys.stderr.isatty() or logging.getLogger("dice_core").isEnabledFor(logging.INFO)
    return tqdm(unit="step", disable=hidden)
