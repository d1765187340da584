"""What can be said on the command line."""

from __future__ import annotations

import argparse
import importlib
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dice_core import __version__
from dice_core.engines.settings import add_options
from dice_core.interchange import AXES, FORMATS, UNITS
from dice_core.transfer.settings import HANDS, TransferSettings

__all__ = ["parser"]

_TEXTURE_SIZES = (512, 1024, 2048, 4096)

_AddCommand = Callable[[str, str, str], argparse.ArgumentParser]
"""Makes the parser of a command from its name, its description, and the module and function that run it."""


def parser() -> argparse.ArgumentParser:
    """The parser of the `dice` command; each command's function is the option `run`."""
    top = argparse.ArgumentParser(
        prog="dice", description="Head, hands, contact and skin deformation from footage, for Blender."
    )
    top.add_argument("--version", action="version", version=f"dice {__version__}")
    commands = top.add_subparsers(metavar="command", required=True)

    def command(name: str, text: str, run: str) -> argparse.ArgumentParser:
        # A command without a text is for programs: it is not listed.
        sub = commands.add_parser(name, help=text, description=text) if text else commands.add_parser(name)
        sub.add_argument("--debug", action="store_true", help="show where in the program an error came from")
        sub.add_argument(
            "-v", "--verbose", action="count", default=0, help="log the stages of the work; -vv: every detail"
        )
        sub.set_defaults(run=partial(_run, run))
        return sub

    for add in (
        _add_capture,
        _add_info,
        _add_metrics,
        _add_preview,
        _add_blend,
        _add_mesh,
        _add_texture,
        _add_batch,
        _add_models,
        _add_train,
        _add_demo,
        _add_transfer,
        _add_transfer_solve,
    ):
        add(command)
    return top


def _run(place: str, options: argparse.Namespace) -> int:
    """Run the function at "module.function" of this package. Its module is loaded now, because the modules of all
    commands take longer to load than a photo takes to be looked at."""
    module, name = place.split(".")
    run: Callable[[argparse.Namespace], int] = getattr(importlib.import_module(f"dice_core.cli.{module}"), name)
    return run(options)


def _add_capture(command: _AddCommand) -> None:
    sub = command("capture", "Capture footage into a take.", "capturing.run")
    sub.add_argument("input", help="an image, a folder or glob of images, or a video")
    sub.add_argument("-o", "--output", type=Path, help="the take (with --stills: a folder for the takes)")
    sub.add_argument("--frames", type=_frame_range, metavar="A:B", help="frames A to B - 1, counted from 0")
    sub.add_argument("--fps", type=float, metavar="N", help="frames a second of an image sequence (default: 24)")
    sub.add_argument("--stills", action="store_true", help="each picture of a folder by itself, into a take of its own")
    sub.add_argument("--events", action="store_true", help="progress as JSON lines on standard output")
    sub.add_argument(
        "--span", type=_span, default=False, help=argparse.SUPPRESS
    )  # between `dice batch --scheduler` and its workers
    add_options(sub)


def _add_info(command: _AddCommand) -> None:
    sub = command("info", "Say what is in a take, or in each take of a folder.", "reporting.info")
    sub.add_argument("take", type=Path)
    sub.add_argument("--json", action="store_true")


def _add_metrics(command: _AddCommand) -> None:
    sub = command(
        "metrics", "Measure a take's plausibility, and its errors against a ground truth.", "reporting.metrics"
    )
    sub.add_argument("take", type=Path)
    sub.add_argument("--truth", type=Path, metavar="TAKE", help="a take of the same footage that is known to be right")
    sub.add_argument("--json", action="store_true")


def _add_preview(command: _AddCommand) -> None:
    sub = command("preview", "Draw a take over its footage, beside other viewpoints.", "reporting.preview")
    sub.add_argument("take", type=Path)
    sub.add_argument("-o", "--output", type=Path, required=True, help="a .mp4 or .png file")
    sub.add_argument("--frame", type=int, help="the frame that a .png shows, counted as in the footage")


def _add_blend(command: _AddCommand) -> None:
    # Only Blender's side knows the modes and presets: it refuses an unknown name with the list of the known ones.
    sub = command("blend", "Import a take into a Blender scene, and export it.", "exporting.run")
    sub.add_argument("take", type=Path)
    sub.add_argument("-o", "--output", type=Path, required=True, help="the .blend file")
    known = "an unknown name is answered with the list of the known ones"
    sub.add_argument("--keys", metavar="MODE", help=f"how the animation is keyed; {known}")
    sub.add_argument("--fbx", type=Path, metavar="OUT.fbx")
    sub.add_argument("--preset", metavar="NAME", help=f"the program that FBX and GLB are for; {known}")
    sub.add_argument("--glb", type=Path, metavar="OUT.glb")
    sub.add_argument("--frames", metavar="RANGE", help="what is exported: all `keys`, or what the `scene` plays")
    sub.add_argument("--at-origin", action="store_true", help="have the head stand on the origin in FBX and GLB")
    sub.add_argument("--camera", action="store_true", help="export the camera as well")


def _add_mesh(command: _AddCommand) -> None:
    sub = command("mesh", "Write a take as OBJ or PLY files, expression curves and tables of contact.", "meshes.run")
    sub.add_argument("take", type=Path)
    sub.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FOLDER",
        help="folder for a file of each mesh in each frame: its skin, without teeth and lashes",
    )
    sub.add_argument("--format", choices=tuple(FORMATS), default="obj", help="obj: with UVs; ply: with contact")
    sub.add_argument(
        "--axes", choices=tuple(AXES), default="y-up", help="z-up: Blender's; camera: x right, y down, z forward"
    )
    sub.add_argument("--unit", choices=tuple(UNITS), default="m", help="what a length of 1 means")
    sub.add_argument("--frames", type=_frame_range, metavar="A:B", help="frames A to B - 1, counted as in the footage")
    sub.add_argument(
        "--curves", type=Path, metavar="FILE.csv", help="the 52 ARKit expressions with head and eyes, as Live Link Face"
    )
    sub.add_argument(
        "--contact",
        type=Path,
        action="append",
        metavar="FILE",
        help="contact of each region in each frame (.csv), or the touches (.json); may be given for both",
    )


def _add_texture(command: _AddCommand) -> None:
    sub = command("texture", "Paint head and hands with their footage: a picture for each mesh's UVs.", "texturing.run")
    sub.add_argument("take", type=Path)
    sub.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="folder for a PNG of each mesh")
    sub.add_argument("--size", type=int, choices=_TEXTURE_SIZES, default=2048, help="pixels along each side")
    sub.add_argument("--footage", metavar="PATH", help="where the footage is, if it has moved since the capture")
    sub.add_argument("--events", action="store_true", help="progress as JSON lines on standard output")


def _add_batch(command: _AddCommand) -> None:
    sub = command("batch", "Capture all clips and pictures of a folder, some at a time.", "batch.run")
    sub.add_argument(
        "source", type=Path, metavar="FOLDER|LIST", help="a folder, or a text file with a path in each line"
    )
    sub.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="folder for the takes")
    sub.add_argument(
        "--jobs",
        type=_positive,
        metavar="N",
        default=max(1, (os.cpu_count() or 1) // 2),
        help="clips at a time (default: half the processors, since a capture uses two)",
    )
    sub.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of a Dask scheduler, whose workers capture the clips, each as many as it has threads",
    )
    sub.add_argument("--preview", action="store_true", help="a preview of each take, too")
    sub.add_argument("--blend", action="store_true", help="a .blend of each take, too")
    sub.add_argument("--fbx", action="store_true", help="an FBX of each take, too")
    sub.add_argument("--keys", metavar="MODE", help="as of dice blend")
    sub.add_argument("--preset", metavar="NAME", help="as of dice blend")
    add_options(sub)


def _add_models(command: _AddCommand) -> None:
    sub = command(
        "models",
        "List the model files of others, the dice engine's and heads for the open one, or add some.",
        "models.run",
    )
    sub.add_argument("action", nargs="?", choices=("add",), help="install files in the user's data folder")
    sub.add_argument(
        "paths", nargs="*", type=Path, help="licensed files, folders with them, or the folder of ICT-FaceKit"
    )
    sub.add_argument("--json", action="store_true")


def _add_train(command: _AddCommand) -> None:
    sub = command("train", "Train the network of the dice engine.", "training.run")
    sub.add_argument("config", type=Path, metavar="CONFIG.toml", help="what to train on, and how: see docs/training.md")
    sub.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    sub.add_argument("--check", action="store_true", help="read the data and take one step, without training")
    sub.add_argument("--device", metavar="NAME", help="auto, cpu, cuda or mps, instead of the configuration's")


def _add_demo(command: _AddCommand) -> None:
    sub = command("demo", "Go the whole way on the bundled clip: take, preview, .blend and FBX.", "demo.run")
    sub.add_argument("-o", "--output", type=Path, default=Path("demo"), help="folder for the results")


def _add_transfer(command: _AddCommand) -> None:
    sub = command("transfer", "Put a take onto a character of your own, touches kept.", "transferring.run")
    default = TransferSettings()
    sub.add_argument("take", type=Path)
    sub.add_argument("--onto", type=Path, required=True, metavar="CHARACTER", help="a .blend, .fbx, .glb or .gltf file")
    sub.add_argument("-o", "--output", type=Path, required=True, help="the .blend file")
    sub.add_argument("--head", metavar="OBJECT", help="the mesh that has the face, where it is not found")
    sub.add_argument("--hand.left", dest="hand_left", metavar="OBJECT", help="the mesh of the left hand, if by itself")
    sub.add_argument("--hand.right", dest="hand_right", metavar="OBJECT")
    sub.add_argument("--armature", metavar="OBJECT", help="what poses the character, where there are several")
    sub.add_argument("--map", type=Path, metavar="MAP.json", help="bones and shape keys, saved in the panel Character")
    sub.add_argument("--fbx", type=Path, metavar="OUT.fbx")
    sub.add_argument("--glb", type=Path, metavar="OUT.glb")
    sub.add_argument("--preset", metavar="NAME", help="as of dice blend")
    sub.add_argument(
        "--arms",
        choices=("fk", "ik"),
        default="fk",
        help="the arms' controls that are keyed; ik where the rig has them",
    )
    sub.add_argument("--nla", action="store_true", help="push the actions to tracks of the NLA")
    sub.add_argument("--report", type=Path, metavar="REPORT.json", help="what was found and how well it went")
    _add_transfer_settings(sub, default)


def _add_transfer_settings(sub: argparse.ArgumentParser, default: TransferSettings) -> None:
    sub.add_argument(
        "--neck-share",
        type=float,
        default=default.neck_share,
        metavar="SHARE",
        help="of the head's turn that the neck carries, 0 to 1",
    )
    sub.add_argument(
        "--dents", type=float, default=default.dents, metavar="STRENGTH", help="how deep the skin gives way, 0 to 2"
    )
    sub.add_argument("--no-contact", action="store_true", help="carry the pose over and leave touches to chance")
    sub.add_argument("--hands", choices=HANDS, default=default.hands)


def _add_transfer_solve(command: _AddCommand) -> None:
    sub = command("transfer-solve", "", "transfer_solving.run")
    sub.add_argument("character", type=Path)
    sub.add_argument("take", type=Path)
    sub.add_argument("-o", "--output", type=Path, required=True)
    _add_transfer_settings(sub, TransferSettings())
    sub.add_argument("--events", action="store_true")


def _frame_range(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+):(\d+)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a frame range: write A:B for the frames A to B - 1")
    return int(match[1]), int(match[2])


def _span(text: str) -> tuple[int, int] | None:
    return None if text == "plan" else _frame_range(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of clips: give 1 or more")
    return int(text)
