"""How right captures are, on pictures and clips whose truth is known because they are rendered.

    python tools/benchmark_accuracy.py make --seed N OUT [--stills S] [--clips C] [--renderer rasterizer|cycles]
    python tools/benchmark_accuracy.py run OUT [--json FILE] [--engine open|dice]
    python tools/benchmark_accuracy.py split OUT [--json FILE]

`make` renders a set; the same seed gives the same pictures. `run` captures all of it and prints how far the takes are
from the truth, overall and by factor; `split` does so again with stages of the open engine's capture replaced by the
truth. docs/accuracy.md says what each figure is.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import dice_core.cli  # noqa: F401 - first, because it says how many threads numpy may use

# isort: split
import cv2
from accuracy.capturing import capture_item, figures_of
from accuracy.making import item_names, make_item, recipes
from accuracy.split import REPLACED
from accuracy.tables import format_factors, format_overall, format_split
from tqdm import tqdm

from dice_core.engines.registry import ENGINES
from dice_core.errors import DiceError, InputError

RENDERERS = ("rasterizer", "cycles")


def main() -> int:
    """Run the command that the arguments name."""
    options = _parser().parse_args()
    try:
        commands = {"make": _make, "run": _run, "split": _split}
        commands[options.command](options)
    except DiceError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="render a set")
    make.add_argument("--seed", type=int, required=True)
    make.add_argument("--stills", type=int, default=24)
    make.add_argument("--clips", type=int, default=4)
    make.add_argument("--renderer", choices=RENDERERS, default="rasterizer")
    run = commands.add_parser("run", help="capture a set and print how far it is from the truth")
    run.add_argument("--engine", choices=tuple(ENGINES), default="open")
    split = commands.add_parser("split", help="the same with stages replaced by the truth")
    for command in (run, split):
        command.add_argument("--json", type=Path, help="write the figures to this file, too")
    for command in (make, run, split):
        command.add_argument("folder", type=Path, metavar="OUT")
        command.add_argument("--jobs", type=int, default=2, help="processes at once")
    return parser


def _make(options: argparse.Namespace) -> None:
    options.folder.mkdir(parents=True, exist_ok=True)
    missing = [
        recipe
        for recipe in recipes(options.seed, options.stills, options.clips)
        if not _is_made(options.folder / f"{recipe.name}.json", recipe.to_json(), options.renderer)
    ]
    _all(partial(make_item, options.folder, renderer=options.renderer), missing, options.jobs, "rendering")


def _is_made(file: Path, recipe: dict[str, Any], renderer: str) -> bool:
    """Whether the item is there, of the same recipe: what an interrupted `make` has finished stays."""
    if not file.exists():
        return False
    return bool(json.loads(file.read_text()) == json.loads(json.dumps({**recipe, "renderer": renderer})))


def _run(options: argparse.Namespace) -> None:
    figures = _captured(options, "nothing", options.engine)
    print(format_overall(figures))
    print()
    print(format_factors(figures))
    _write(options.json, figures)


def _split(options: argparse.Namespace) -> None:
    figures = {replaced: _captured(options, replaced) for replaced in REPLACED}
    print(format_split(figures))
    _write(options.json, figures)


def _captured(options: argparse.Namespace, replaced: str, engine: str = "open") -> list[dict[str, Any]]:
    """The figures of all items, captured with stages replaced by the truth."""
    names = item_names(options.folder)
    if not names:
        raise InputError(f"{options.folder} holds no finished set: make one first.")
    work = partial(capture_item, folder=options.folder, replaced=replaced, engine=engine)
    _all(work, names, options.jobs, f"capturing, replaced by the truth: {replaced}")
    return [figures_of(options.folder, name, replaced) for name in names]


def _all(work: Any, items: list[Any], jobs: int, title: str) -> None:
    """Do the work of all items in processes of their own."""
    bar = partial(tqdm, total=len(items), desc=title, disable=not sys.stderr.isatty())
    if jobs <= 1 or len(items) <= 1:
        for item in bar(items):
            work(item)
        return
    with ProcessPoolExecutor(jobs, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        for _ in bar(pool.map(work, items)):
            pass


def _write(file: Path | None, figures: Any) -> None:
    if file is not None:
        file.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
