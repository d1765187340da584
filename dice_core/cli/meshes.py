"""`dice mesh`: a take as files of meshes, as expression curves, and as tables of contact."""

from __future__ import annotations

import argparse
import sys

from dice_core.cli.progress import progress_bar
from dice_core.errors import InputError
from dice_core.interchange import write_contact, write_curves, write_meshes
from dice_core.take import MESH_TITLES, open_take

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    contact = options.contact or []
    if options.output is None and options.curves is None and not contact:
        raise InputError("Say what to write: -o FOLDER for meshes, --curves FILE.csv, or --contact FILE.csv.")
    take = open_take(options.take)
    if not take.complete:
        print(f"dice: {take.path} was stopped early: what it has is exported.", file=sys.stderr)
    # First what may be refused: a folder of meshes takes longest.
    if options.curves is not None:
        with progress_bar("curves") as progress:
            rows = write_curves(take, options.curves, frames=options.frames, progress=progress)
        print(f"{options.curves}: 52 expressions and 9 angles in {rows} frames")
    for path in contact:
        with progress_bar("contact") as progress:
            rows = write_contact(take, path, frames=options.frames, progress=progress)
        print(f"{path}: {rows} {'touches' if path.suffix.lower() == '.json' else 'rows'}")
    if options.output is not None:
        with progress_bar("meshes") as progress:
            written = write_meshes(
                take,
                options.output,
                format=options.format,
                axes=options.axes,
                unit=options.unit,
                frames=options.frames,
                progress=progress,
            )
        counts = ", ".join(f"{MESH_TITLES[name]} in {count}" for name, count in written.items())
        print(f"{options.output}: {counts} frames")
    return 0
