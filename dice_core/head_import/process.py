"""The process that makes a head model's folder into an installed head: `python -m ... MEMORY FOLDER TARGET`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from dice_core.child_process import limit_memory
from dice_core.errors import DiceError, user_message
from dice_core.head_import.baking import bake
from dice_core.head_import.ict_folder import read_model
from dice_core.take.format import write_arrays

__all__ = ["main"]

READING, STEPS = 0.5, 30
"""Share of the time that reading takes, and about how often the bake asks whether it is to stop."""


def main(arguments: Sequence[str]) -> int:
    """Prints the share that is done as it grows, and an answer at the end; returns the exit status."""
    memory, folder, target = arguments
    limit_memory(int(memory))
    try:
        _make(Path(folder), Path(target))
    except (DiceError, OSError) as error:
        _say({"error": user_message(error)})
    except MemoryError:
        return 1  # the parent says so
    else:
        _say({"done": target})
    return 0


def _make(folder: Path, target: Path) -> None:
    model = read_model(folder, lambda share: _say({"share": READING * share}))
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        _say({"share": READING + (1 - READING) * min(steps / STEPS, 1.0)})

    write_arrays(target, bake(model, step))


def _say(answer: dict[str, object]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
