"""Memory and time of commands on takes of growing length: `python tools/measure_scale.py 1000 10000 [--only STEP...]`.

Each command runs in a process of its own on a take of `make_long_take.py`, and the largest memory of it or of what it
starts is printed with the seconds that processors have worked, and the milliseconds of those a frame beside those of
the shortest take. Of `dice blend` the bytes are printed that Blender needs for the keyframes alone, which grow with the
take whatever reads it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from make_long_take import write_long_take

STEPS = {
    "info": ["info", "{take}", "--json"],
    "metrics": ["metrics", "{take}", "--json"],
    "mesh": ["mesh", "{take}", "--curves", "{out}/curves.csv", "--contact", "{out}/contact.csv"],
    "preview": ["preview", "{take}", "-o", "{out}/preview.mp4"],
    "rigged": ["blend", "{take}", "-o", "{out}/rigged.blend", "--keys", "rigged"],
    "compact": ["blend", "{take}", "-o", "{out}/compact.blend", "--keys", "compact"],
}
KEYFRAME = 72
"""Bytes of a keyframe in Blender (`sizeof(BezTriple)` in 4.2 to 5.2)."""

_COUNT = """
import bpy, sys, json
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
def curves(action):
    if not hasattr(action, "layers"):
        return list(action.fcurves)
    return [c for l in action.layers for s in l.strips for b in s.channelbags for c in b.fcurves]
print("KEYS", sum(len(c.keyframe_points) for a in bpy.data.actions for c in curves(a)), flush=True)
import os; os._exit(0)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lengths", type=int, nargs="+", help="frames")
    parser.add_argument("--share", type=int, default=10, metavar="N", help="one polygon of so many, 1 for all")
    parser.add_argument("--only", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--folder", type=Path, help="where takes are made and kept; a temporary one by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{'step':<9}{'frames':>8}{'MB':>8}{'keys MB':>9}{'s':>8}{'ms a frame':>12}  ratio", flush=True)
        first: dict[str, float] = {}
        for length in sorted(options.lengths):
            take = folder / f"{length}-{options.share}.dicetake"
            if not take.exists():
                write_long_take(take, length, options.share)
            for step in options.only:
                _print_row(step, length, take, folder, first)


def _print_row(step: str, length: int, take: Path, folder: Path, first: dict[str, float]) -> None:
    command = [part.format(take=take, out=folder) for part in STEPS[step]]
    seconds, memory, output = _run([sys.executable, "-m", "dice_core", *command])
    a_frame = 1000 * seconds / length
    ratio = a_frame / first.setdefault(step, a_frame)
    keys = ""
    if command[0] == "blend":
        _, _, counted = _run([sys.executable, "-c", _COUNT, command[3]])
        found = next(line for line in counted.splitlines() if line.startswith("KEYS"))
        keys = f"{int(found.split()[1]) * KEYFRAME / 1e6:.0f}"
        print(" ".join(output.split())[:200])
    print(f"{step:<9}{length:>8}{memory / 1e6:>8.0f}{keys:>9}{seconds:>8.1f}{a_frame:>12.2f}{ratio:>7.2f}", flush=True)


def _run(command: list[str]) -> tuple[float, float, str]:
    """Seconds of processors, largest bytes and output of a command. Raises SystemExit where it fails."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\n{text}")
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit, text


if __name__ == "__main__":
    main()
