"""Run by the Python that is to run the DICE network: prints what is there and what is missing, as one JSON object.

`python probe.py FOLDER [ADD]`: FOLDER holds dice_core; ADD is a folder with licensed files, which are added first.
This file is a script for any Python 3 with nothing installed: it imports nothing but the standard library, and what is
missing is an answer, not an error.
"""

import sys

# This file's folder comes first on the path of a Python before 3.11, with names in it that the library has too.
sys.path[:] = [folder for folder in sys.path if folder and folder != __file__.replace("\\", "/").rpartition("/")[0]]

import importlib.metadata  # noqa: E402
import importlib.util  # noqa: E402
import json  # noqa: E402
import subprocess  # noqa: E402

NEEDED = {
    "torch": "torch",
    "safetensors": "safetensors",
    "numpy": "numpy",
    "cv2": "opencv-python-headless",
    "av": "av",
    "tqdm": "tqdm",
}
OLDEST = (3, 11)
# Our folder comes last on the path, so that the packages of this Python win.
CODE = (
    "import runpy, sys; sys.path.append(sys.argv[1]); sys.argv = ['dice'] + sys.argv[2:];"
    "runpy.run_module('dice_core', run_name='__main__')"
)


def packages() -> "dict[str, str | None]":
    """Version of each needed package, None where it is missing."""
    found = {}
    for module, package in NEEDED.items():
        there = importlib.util.find_spec(module) is not None
        try:
            found[package] = importlib.metadata.version(package) if there else None
        except importlib.metadata.PackageNotFoundError:
            found[package] = "?"  # there, but installed under another name
    return found


def models(folder: str, add: str) -> "tuple[list[dict[str, str]], str]":
    """What `dice models` says of the licensed files, and the sentence with which it failed, "" if it did not."""
    command = ["models", *(["add", add] if add else []), "--json"]
    run = subprocess.run([sys.executable, "-c", CODE, folder, *command], capture_output=True, text=True, check=False)
    try:
        return json.loads(run.stdout)["models"], ""
    except (ValueError, KeyError):
        lines = [line for line in run.stderr.splitlines() if line.strip()]
        said = lines[-1] if lines else f"exit status {run.returncode}"
        return [], said[len("dice: ") :] if said.startswith("dice: ") else said


def main(folder: str, add: str = "") -> None:
    """Print the answer."""
    answer: dict[str, object] = {"python": ".".join(map(str, sys.version_info[:3])), "old": sys.version_info < OLDEST}
    answer["packages"] = packages()
    answer["models"], answer["error"] = ([], "") if answer["old"] else models(folder, add)
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
