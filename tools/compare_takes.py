"""Compare two takes, or two folders of takes, array by array: `python tools/compare_takes.py A B [--within 1e-6]`.

Prints the largest difference of every array, in its own unit, and ends with status 1 where the takes do not hold the
same frames, meshes and touches, or an array differs by more than `--within`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dice_core.geometry.mesh import Mesh
from dice_core.take import Take, find_takes

_MESH_ARRAYS = ("rest_vertices", "face_corners", "uv", "region", "joints", "skin_weights", "shape_key_deltas")
_DEPTH_TOLERANCE = 0.011  # millimetres: depths of touches are stored to a hundredth


def differences(one: Take, other: Take) -> Iterator[tuple[str, float]]:
    """(array, largest absolute difference) of two takes; infinite where one lacks what the other has."""
    yield "frames", 0.0 if np.array_equal(one.frames, other.frames) else np.inf
    for name in sorted({*one.meshes, *other.meshes}):
        if name not in one.meshes or name not in other.meshes:
            yield f"mesh {name}", np.inf
            continue
        first, second = one.meshes[name], other.meshes[name]
        yield from ((f"{name} {key}", _difference(*_both(first, second, key))) for key in _MESH_ARRAYS)
    largest: dict[str, float] = {}
    for first_chunk, second_chunk in zip(one.chunks(), other.chunks(), strict=False):
        for key in sorted({*first_chunk, *second_chunk}):
            difference = np.inf
            if key in first_chunk and key in second_chunk:
                difference = _difference(first_chunk[key], second_chunk[key])
            largest[key] = max(largest.get(key, 0.0), difference)
    yield from largest.items()
    yield "touches", 0.0 if _same_touches(one, other) else np.inf


def _both(one: Mesh, other: Mesh, key: str) -> tuple[np.ndarray, np.ndarray]:
    return getattr(one, key), getattr(other, key)


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    if one.shape != other.shape:
        return np.inf
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max(initial=0.0))


def _same_touches(one: Take, other: Take) -> bool:
    if len(one.events) != len(other.events):
        return False
    return all(
        replace(a, peak_depth_mm=0.0) == replace(b, peak_depth_mm=0.0)
        and abs(a.peak_depth_mm - b.peak_depth_mm) < _DEPTH_TOLERANCE
        for a, b in zip(one.events, other.events, strict=True)
    )


def main() -> int:
    """Compare and print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("one", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--within", type=float, default=0.0, help="largest difference of any array that passes")
    options = parser.parse_args()
    ones, others = find_takes(options.one), find_takes(options.other)
    if [take.path.name for take in ones] != [take.path.name for take in others] and len(ones) + len(others) > 2:
        print("the folders do not hold takes of the same names", file=sys.stderr)
        return 1
    worst = 0.0
    for one, other in zip(ones, others, strict=True):
        print(f"{one.path.name} and {other.path.name}")
        for name, difference in differences(one, other):
            worst = max(worst, difference)
            if difference:
                print(f"  {name:<32}{difference:.3g}")
    print(f"largest difference: {worst:.3g}")
    return int(not worst <= options.within)


if __name__ == "__main__":
    sys.exit(main())
