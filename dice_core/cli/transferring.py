"""`dice transfer`: a take onto a character, through a Blender that reads it, the solver, and a Blender that keys it."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from dice_core.blender_process import run_blender
from dice_core.cli.outputs import check_endings
from dice_core.cli.progress import progress_bar
from dice_core.cli.stopping import stop_requests
from dice_core.errors import InputError
from dice_core.take import open_take
from dice_core.transfer.files import Motion, read_character, write_motion
from dice_core.transfer.report import without_lost
from dice_core.transfer.settings import TransferSettings
from dice_core.transfer.solve import solve

__all__ = ["run"]

_MODULE = "dice_blender.transfer_headless"


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    check_endings(options.output, options.fbx, options.glb)
    settings = TransferSettings(options.neck_share, options.dents, not options.no_contact, options.hands)
    take = open_take(options.take)
    if not options.onto.is_file():
        raise InputError(f"There is no file {options.onto}: give the character's .blend, .fbx or .glb.")
    warnings: list[str] = []

    def warn(message: str) -> None:
        warnings.append(message)
        print(f"dice: {message}", file=sys.stderr)

    with tempfile.TemporaryDirectory(prefix="dice-transfer-", ignore_cleanup_errors=True) as folder:
        character, motion_file = Path(folder) / "character.npz", Path(folder) / "motion.npz"
        common = [str(options.onto.absolute()), "--take", str(options.take.absolute()), *_named(options)]
        found = run_blender(_MODULE, ["read", *common, "-o", str(character)], warn)
        print(f"{options.onto.name}: {found['bones']} bones and {found['expressions']} expressions found")
        with stop_requests(watch_input=False) as stop, progress_bar() as bar:

            def progress(done: int, total: int) -> bool:
                bar(done, total)
                return not stop.is_set()

            motion = solve(take, read_character(character), settings, progress)
        for sentence in motion.report.get("warnings", []):
            warn(sentence)
        write_motion(motion_file, motion)
        arguments = ["apply", common[0], str(motion_file), *common[1:], "-o", str(options.output.absolute())]
        done = run_blender(_MODULE, [*arguments, *_outputs(options)], warn)
    for kind in ("blend", "fbx", "glb"):
        if done.get(kind):
            print(done[kind])
    if options.report is not None:
        _write_report(options.report, found, motion, without_lost(motion.report, done["lost"]), warnings)
    return 0


def _named(options: argparse.Namespace) -> list[str]:
    """Options of both of Blender's steps."""
    arguments = []
    for name in ("head", "hand_left", "hand_right", "armature"):
        value = getattr(options, name)
        if value is not None:
            # With a sign, since an object's name may begin with a hyphen.
            arguments.append(f"--{name.replace('_', '-')}={value}")
    if options.map is not None:
        arguments += ["--map", str(options.map.absolute())]
    arguments += ["--arms", options.arms]
    return arguments


def _outputs(options: argparse.Namespace) -> list[str]:
    arguments = ["--nla"] if options.nla else []
    for name in ("fbx", "glb"):
        path = getattr(options, name)
        if path is not None:
            arguments += [f"--{name}", str(path.absolute())]
    if options.preset is not None:
        arguments += ["--preset", options.preset]
    return arguments


def _write_report(
    path: Path, found: dict[str, Any], motion: Motion, figures: dict[str, Any], warnings: list[str]
) -> None:
    report = {
        "convention": found["convention"],
        "bones": dict(zip(motion.role_names, motion.bone_names, strict=True)),
        "expressions": list(motion.expression_names),
        "made_keys": list(motion.made_key_names),
        "dents": list(motion.dent_names),
        "touches": motion.touches,
        "figures": figures,
        "warnings": list(dict.fromkeys(warnings)),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): choose another place.") from error
