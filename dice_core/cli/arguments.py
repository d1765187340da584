"""What can be said on the command line."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from dice_core import __version__
from dice_core.cli import capturing, demo, exporting, models, reporting
from dice_core.engines.settings import add_options

__all__ = ["parser"]


def parser() -> argparse.ArgumentParser:
    """The parser of the `dice` command; each command's function is the option `run`."""
    top = argparse.ArgumentParser(
        prog="dice", description="Head, hands, contact and skin deformation from footage, for Blender."
    )
    top.add_argument("--version", action="version", version=f"dice {__version__}")
    commands = top.add_subparsers(metavar="command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--debug", action="store_true", help="show where in the program an error came from")
        return sub

    sub = command("capture", "Capture footage into a take.")
    sub.add_argument("input", help="an image, a folder or glob of images, or a video")
    sub.add_argument("-o", "--output", type=Path, help="the take (with --stills: a folder for the takes)")
    sub.add_argument("--frames", type=_frame_range, metavar="A:B", help="frames A to B - 1, counted from 0")
    sub.add_argument("--stills", action="store_true", help="each picture of a folder by itself, into a take of its own")
    sub.add_argument("--events", action="store_true", help="progress as JSON lines on standard output")
    add_options(sub)
    sub.set_defaults(run=capturing.run)

    sub = command("info", "Say what is in a take, or in each take of a folder.")
    sub.add_argument("take", type=Path)
    sub.add_argument("--json", action="store_true")
    sub.set_defaults(run=reporting.info)

    sub = command("metrics", "Measure a take's plausibility, and its errors against a ground truth.")
    sub.add_argument("take", type=Path)
    sub.add_argument("--truth", type=Path, metavar="TAKE", help="a take of the same footage that is known to be right")
    sub.add_argument("--json", action="store_true")
    sub.set_defaults(run=reporting.metrics)

    sub = command("preview", "Draw a take over its footage, beside other viewpoints.")
    sub.add_argument("take", type=Path)
    sub.add_argument("-o", "--output", type=Path, required=True, help="a .mp4 or .png file")
    sub.add_argument("--frame", type=int, help="the frame that a .png shows, counted as in the footage")
    sub.set_defaults(run=reporting.preview)

    sub = command("blend", "Bring a take into a Blender scene, and export it.")
    sub.add_argument("take", type=Path)
    sub.add_argument("-o", "--output", type=Path, required=True, help="the .blend file")
    sub.add_argument("--keys", choices=("per-frame", "compact", "rigged"), default="per-frame")
    sub.add_argument("--fbx", type=Path, metavar="OUT.fbx")
    sub.add_argument("--preset", choices=("generic", "unity", "unreal"), default="generic", help="who reads the FBX")
    sub.add_argument("--glb", type=Path, metavar="OUT.glb")
    sub.set_defaults(run=exporting.run)

    sub = command("models", "List the licensed files of the dice engine, or add some.")
    sub.add_argument("action", nargs="?", choices=("add",), help="take files into the user's data folder")
    sub.add_argument("paths", nargs="*", type=Path)
    sub.add_argument("--json", action="store_true")
    sub.set_defaults(run=models.run)

    sub = command("demo", "Go the whole way on the bundled clip: take, preview, .blend and FBX.")
    sub.add_argument("-o", "--output", type=Path, default=Path("demo"), help="folder for the results")
    sub.set_defaults(run=demo.run)
    return top


def _frame_range(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+):(\d+)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a frame range: write A:B for the frames A to B - 1")
    return int(match[1]), int(match[2])
