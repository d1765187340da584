"""For all tests: numpy with one thread, as the `dice` command runs it, and an end that no Blender spoils.

Read before anything imports numpy.
"""

from __future__ import annotations

import os
import sys

import pytest

if "numpy" not in sys.modules:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_STATUS: pytest.StashKey[int] = pytest.StashKey()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Blender spoils the end of Python: 4.2 crashes after a glTF export, 4.5 may wait for its threads for ever."""
    if "bpy" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash.get(_STATUS, 1))
