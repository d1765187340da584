"""How a Python is started as a child process, so that it runs our code and nothing that lies in some folder.

A Python looks for modules in the folder it was started in, in those that PYTHONPATH names, and in any that is empty
there, which again is the current one. A `json.py` beside somebody's footage would be run in place of the library's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["child_environment", "own_python_command"]

_PROJECT = Path(__file__).resolve().parent.parent

# Runs a module with the folders of another process on the path of a Python that has been told to look nowhere else.
_BOOTSTRAP = """\
import runpy, sys
count = int(sys.argv[1])
folders = sys.argv[2:2 + count]
sys.path[:] = folders + [folder for folder in sys.path if folder not in folders]
module = sys.argv[2 + count]
sys.argv = [module] + sys.argv[3 + count:]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def child_environment() -> dict[str, str]:
    """This process's environment without what changes how Python finds modules, which is told not to look around.

    For Pythons that are not run with `-I`, which ignores all of it.
    """
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("PYTHON")}
    return kept | {"PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "utf-8"}


def own_python_command(module: str, arguments: Sequence[str]) -> list[str]:
    """The command that runs a module of ours in a new process of this Python.

    It finds the packages that this process finds, except those that lie in the current folder. Start it in a folder of
    its own; paths among the arguments have to be absolute.
    """
    folders = _import_folders()
    command = [sys.executable, "-I", "-X", "utf8", "-c", _BOOTSTRAP, str(len(folders)), *folders]
    return [*command, module, *arguments]


def _import_folders() -> list[str]:
    """The folders that this process imports from, in order: absolute ones that are there, without the current one."""
    here, project = Path.cwd().resolve(), str(_PROJECT)
    found = [entry for entry in sys.path if os.path.isabs(entry) and os.path.exists(entry)]
    folders = [entry for entry in dict.fromkeys(found) if Path(entry).resolve() != here]
    # Ours may be found in another way, or be the current one; its place matters, since others may hold another version.
    return folders if project in folders else [project, *folders]
