"""One life of the installed extension, in a Blender of its own: `python tests/extension/installed ZIP FOLDER [SAMPLE]`.

FOLDER gets the Blender profile and everything that is made; it holds `stub/` (the stub worker as dice_core),
`ready.dicetake` (a take to be handed out by it) and perhaps `long.dicetake` (300 frames). With SAMPLE (a clip), the
real worker captures it as well. Writes `report.json` into FOLDER: a name for each step, with figures where it ended
well and the traceback where it did not.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from typing import Any

from harness import FOLDER, STEPS
from order import MODULES


def main() -> None:
    """Run the steps; a step that fails does not keep the next ones from being tried."""
    for name in MODULES:
        importlib.import_module(name)
    report: dict[str, Any] = {}
    for function in STEPS:
        try:
            report[function.__name__] = {"passed": True, "figures": function()}
        except Exception:
            report[function.__name__] = {"passed": False, "traceback": traceback.format_exc()}
    (FOLDER / "report.json").write_text(json.dumps(report, default=repr))
    sys.stdout.flush()
    os._exit(0)  # Blender 4.2 crashes in its own clean-up after an export of glTF


if __name__ == "__main__":
    main()
