"""How a Python is started as a child process, so that it runs our code and nothing that lies in some folder.

A Python looks for modules in the folder it was started in, in those that PYTHONPATH names, and in any that is empty
there, which again is the current one. A `json.py` beside somebody's footage would be run in place of the library's.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

__all__ = ["child_environment", "limit_memory", "own_python_command"]

_TICK = 0.02  # seconds between two looks at the memory, where the system does not limit it
_TOO_MUCH = 77  # exit status of a process that has taken more memory than it may
_PROJECT = Path(__file__).resolve().parent.parent

# Runs a module in a Python that has been told to look nowhere but in its own folders; those of another process come
# after them. Ours is first while our packages are found, whatever other versions of them there are, and last for all
# else: in Blender it holds packages that are Blender's, and bpy adds folders that hold another, unusable bpy.
_BOOTSTRAP = """\
import importlib, runpy, sys
project, count = sys.argv[1], int(sys.argv[2])
folders, module = sys.argv[3:3 + count], sys.argv[3 + count]
sys.path.insert(0, project)
importlib.import_module("dice_core")
if "." in module:
    importlib.import_module(module.partition(".")[0])
sys.path.remove(project)
sys.path += [folder for folder in [*folders, project] if folder not in sys.path]
sys.argv = [module] + sys.argv[4 + count:]
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
    command = [sys.executable, "-I", "-X", "utf8", "-c", _BOOTSTRAP, str(_PROJECT), str(len(folders)), *folders]
    return [*command, module, *arguments]


def _import_folders() -> list[str]:
    """The folders that this process imports from, in order: absolute ones that are there, without the current one."""
    here = Path.cwd().resolve()
    found = [entry for entry in sys.path if os.path.isabs(entry) and os.path.exists(entry)]
    return [entry for entry in dict.fromkeys(found) if Path(entry).resolve() != here]


def limit_memory(size: int) -> None:
    """End this process, or fail what it allocates, where it takes more than so many bytes."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    else:
        threading.Thread(target=_watch_memory, args=(size,), daemon=True).start()


def _watch_memory(size: int) -> None:
    while _memory() <= size:
        time.sleep(_TICK)
    os._exit(_TOO_MUCH)


def _memory() -> int:
    """Bytes that this process takes, or has taken at most."""
    if sys.platform == "win32":
        import ctypes

        counters = (ctypes.c_size_t * 9)()  # PROCESS_MEMORY_COUNTERS: two 32-bit numbers, then eight of size_t
        counters[0] = ctypes.sizeof(counters)
        handle = ctypes.c_void_p(-1)  # this process
        ctypes.windll.kernel32.K32GetProcessMemoryInfo(handle, counters, ctypes.sizeof(counters))
        return int(counters[7])  # PagefileUsage
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
