"""Run by the Python that is to run the DICE network: prints what is there and what is missing, as one JSON object.

This file is a script for any Python 3 with nothing installed: it imports nothing but the standard library, and what is
missing is an answer, not an error. `python probe.py FOLDER...`, FOLDER holding dice_core.
"""

import importlib.metadata
import importlib.util
import json
import subprocess
import sys

NEEDED = {"torch": "torch", "safetensors": "safetensors", "numpy": "numpy", "cv2": "opencv-python-headless"}
OLDEST = (3, 11)
PATIENCE = 60
CODE = (
    "import runpy, sys; sys.path += sys.argv[1:]; sys.argv = ['dice', 'models', '--json'];"
    "runpy.run_module('dice_core', run_name='__main__')"
)


def packages():
    """Version of each needed package, None where it is missing."""
    found = {}
    for module, package in NEEDED.items():
        try:
            there = importlib.util.find_spec(module) is not None
            found[package] = importlib.metadata.version(package) if there else None
        except (ImportError, ValueError):
            found[package] = "?"  # there, but not installed as a package of this name
    return found


def models(folders):
    """What `dice models --json` says, or the sentence with which it failed."""
    command = [sys.executable, "-c", CODE, *folders]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        return json.loads(run.stdout), ""
    except subprocess.TimeoutExpired:
        return None, f"no answer within {PATIENCE} seconds"
    except ValueError:
        lines = [line for line in run.stderr.splitlines() if line.strip()]
        return None, lines[-1] if lines else f"exit status {run.returncode}"


def main():
    """Print the answer."""
    answer = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "old": sys.version_info < OLDEST,
        "packages": packages(),
    }
    complete = not answer["old"] and all(answer["packages"].values())
    answer["models"], answer["error"] = models(sys.argv[1:]) if complete else (None, "")
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
