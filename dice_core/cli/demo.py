"""`dice demo`: the whole way on the bundled clip."""

from __future__ import annotations

import argparse
import time

from dice_core.blender_process import make_blend
from dice_core.cli.capturing import capture_with_progress
from dice_core.cli.exporting import print_result
from dice_core.engines.settings import CaptureSettings
from dice_core.metrics import format_metrics, measure
from dice_core.take import open_take

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from dice_core.preview import render_preview
    from dice_core.sample import sample_clip, sample_truth

    folder = options.output
    begun = time.monotonic()
    print(f"capturing {sample_clip().name}")
    result = capture_with_progress(str(sample_clip()), folder / "sample.dicetake", CaptureSettings())
    seconds = time.monotonic() - begun
    print(f"{result.take}: {result.frames} frames in {seconds:.1f} s, {result.frames / seconds:.1f} frames a second")
    take = open_take(result.take)
    print(format_metrics(measure(take, open_take(sample_truth()))))
    for name in ("preview.mp4", "preview.png"):
        render_preview(take, folder / name)
        print(folder / name)
    blend = make_blend(result.take, folder / "sample.blend", keys="rigged", fbx=folder / "sample.fbx")
    print_result(blend)
    print(f"all of it in {time.monotonic() - begun:.0f} s")
    return 0
