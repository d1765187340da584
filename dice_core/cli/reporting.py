"""`dice info`, `dice metrics` and `dice preview`: what is in a take, how good it is, what it looks like."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from dice_core.cli.progress import progress_bar
from dice_core.errors import InputError
from dice_core.metrics import format_metrics, format_table, format_touch, measure, summarise
from dice_core.metrics.take_metrics import reliability
from dice_core.take import MESH_TITLES, Take, find_takes, open_take
from dice_core.take.reliability import hands_reliability

__all__ = ["info", "metrics", "preview"]

_MOST_SPANS = 5  # unsure stretches that are named


def info(options: argparse.Namespace) -> int:
    """Run `dice info`; returns the exit status."""
    takes = find_takes(options.take)
    described = [_describe(take) for take in takes]
    if options.json:
        folder = len(takes) > 1 or takes[0].path.resolve() != options.take.resolve()
        _print_json({"takes": described} if folder else described[0])
        return 0
    for take, values in zip(takes, described, strict=True):
        print(_description(take.name, values))
    return 0


def metrics(options: argparse.Namespace) -> int:
    """Run `dice metrics`; returns the exit status."""
    takes = find_takes(options.take)
    truth = None
    if options.truth is not None:
        if len(takes) > 1:
            raise InputError("A ground truth belongs to one take: give that take instead of a folder of takes.")
        truth = open_take(options.truth)
    results = [_measured(take, truth) for take in takes]
    if takes[0].path.resolve() == options.take.resolve() or truth is not None:
        if options.json:
            _print_json(results[0])
        else:
            print(format_metrics(results[0]))
        return 0
    named = {take.name: result for take, result in zip(takes, results, strict=True)}
    summary = summarise(results)
    if options.json:
        _print_json({"takes": named, "summary": summary})
    else:
        print(format_table(named.items()))
        print()
        print(format_metrics(summary))
    return 0


def preview(options: argparse.Namespace) -> int:
    """Run `dice preview`; returns the exit status."""
    from dice_core.preview import render_preview

    take = open_take(options.take)
    if Path(take.info["source"]["path"]).resolve() == options.output.resolve():
        raise InputError(f"{options.output} is the footage itself: choose another output with -o.")
    with progress_bar() as progress:
        warnings = render_preview(take, options.output, frame=options.frame, progress=progress)
    for warning in warnings:
        print(f"dice: {warning}", file=sys.stderr)
    print(options.output)
    return 0


def _describe(take: Take) -> dict[str, Any]:
    """What can be said about a take without reading its vertices; the figures under "metrics" are those of
    `dice metrics` by the same names."""
    told = hands_reliability(take)
    return {
        "path": str(take.path),
        "frames": len(take.frames),
        "complete": take.complete,
        "source": take.info["source"],
        "engine": take.info["engine"],
        "meshes": {name: len(mesh.rest_vertices) for name, mesh in take.meshes.items()},
        "fov_degrees": take.camera.fov_degrees,
        "uneven": take.uneven,
        "metrics": {
            "frames": len(take.frames),
            "tracked": take.tracked_shares(),
            "touches": take.info["events"],
            "reliability": reliability(told),
        },
        "unsure_frames": {name: list(map(list, hand.spans)) for name, hand in told.items() if hand is not None},
    }


def _description(name: str, values: dict[str, Any]) -> str:
    """`_describe` as text."""
    source, found = values["source"], values["metrics"]
    state = "complete" if values["complete"] else "stopped early"
    rate = f"{source['fps']:g} fps{', unevenly' if values['uneven'] else ''}" if source["fps"] else "a still"
    shares = ", ".join(f"{MESH_TITLES[mesh]} in {share:.0%}" for mesh, share in found["tracked"].items())
    lines = [
        f"{name}: {values['frames']} frames ({state}), {source['width']} x {source['height']}, {rate}, "
        f"engine {values['engine']['name']}, field of view {values['fov_degrees']:.1f} degrees"
        f"{_chosen(values['engine']['settings'])}",
        f"  tracked: {shares or 'nothing'}",
    ]
    lines += [_unsure(mesh, found["reliability"][mesh], spans) for mesh, spans in values["unsure_frames"].items()]
    return "\n".join([*lines, *(f"  touch: {format_touch(event)}" for event in found["touches"])])


def _chosen(settings: dict[str, Any]) -> str:
    """What else the capture was told that shows in the meshes; takes of some versions and engines do not say it."""
    head, rest = settings.get("head", "open"), settings.get("neutral")
    chosen = [f"head {head}"] if head != "open" else []
    chosen += [] if rest is None else [f"face at rest in frame {rest}"]
    return "".join(f", {one}" for one in chosen)


def _unsure(mesh: str, told: dict[str, float], spans: list[list[int]]) -> str:
    """Where a hand cannot be relied on, the longest stretches first in mind and in order of time in print."""
    text = f"  {MESH_TITLES[mesh]}: probably right in {told['right']:.0%} of its frames"
    if not spans:
        return text
    longest = sorted(sorted(spans, key=lambda span: span[0] - span[1])[:_MOST_SPANS])
    named = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in longest)
    more = f" and {len(spans) - len(longest)} shorter stretches" if len(spans) > len(longest) else ""
    return f"{text}; unsure in {told['unsure']:.0%}: frames {named}{more}"


def _measured(take: Take, truth: Take | None) -> dict[str, Any]:
    with progress_bar(take.name) as progress:
        return measure(take, truth, progress)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=1))
