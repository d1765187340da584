"""`dice models`: which files of others are there (the dice engine's, a head for the open one), and how to add them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from dice_core.cli.progress import share_bar
from dice_core.errors import InputError

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from dice_core.head_import.installing import format_head_status, head_statuses
    from dice_core.network.files.models import add_models, format_status, models_status

    if options.action == "add":
        if not options.paths:
            raise InputError("Say which files to add: dice models add PATH...")
        others = _add_heads(options.paths)
        states = add_models(others) if others else models_status()
    else:
        states = models_status()
    heads = head_statuses()
    if options.json:
        listing = {"models": [state.to_json() for state in states], "heads": [head.to_json() for head in heads]}
        print(json.dumps(listing, indent=1))
    else:
        print(format_head_status(heads))
        print(format_status(states))
    return 0


def _add_heads(paths: list[Path]) -> list[Path]:
    """Install the heads whose folders are among the paths; returns the other paths."""
    from dice_core.head_import.installing import add_head, find_head_folder

    others = []
    for path in paths:
        folder = find_head_folder(path)
        if folder is None:
            others.append(path)
            continue
        with share_bar(f"making {folder.name} into a head") as progress:
            add_head(folder, progress)
    return others
