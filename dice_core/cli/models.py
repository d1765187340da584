"""`dice models`: which licensed files of the dice engine are there, and how to add them."""

from __future__ import annotations

import argparse
import json

from dice_core.errors import InputError

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from dice_core.network.files.models import add_models, format_status, models_status

    if options.action == "add":
        if not options.paths:
            raise InputError("Say which files to add: dice models add PATH...")
        states = add_models(options.paths)
    else:
        states = models_status()
    if options.json:
        print(json.dumps({"models": [state.to_json() for state in states]}, indent=1))
    else:
        print(format_status(states))
    return 0
