"""`dice blend`: a take into a Blender scene, and from there to FBX and GLB."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from dice_core.blender_process import make_blend
from dice_core.cli.outputs import check_endings

__all__ = ["print_result", "run"]


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    check_endings(options.output, options.fbx, options.glb)
    result = make_blend(
        options.take,
        options.output,
        keys=options.keys,
        fbx=options.fbx,
        preset=options.preset,
        glb=options.glb,
        frames=options.frames,
        at_origin=options.at_origin,
        camera=options.camera,
        on_warning=lambda message: print(f"dice: {message}", file=sys.stderr),
    )
    print_result(result)
    return 0


def print_result(result: dict[str, Any]) -> None:
    """The files that were written, and what stands in them."""
    for kind in ("blend", "fbx", "glb"):
        if result.get(kind):
            print(result[kind])
    for name, mesh in result["meshes"].items():
        print(f"  {name}: {mesh['keys']} shape keys, within {mesh['error_mm']:.4f} mm of the take")
