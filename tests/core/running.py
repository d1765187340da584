"""Whether processes are there."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["runs"]


def runs(pid: int) -> bool:
    """Whether a process is there and has not ended; one that nobody waits for any more counts as ended."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
