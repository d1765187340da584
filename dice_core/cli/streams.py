"""Standard streams that take whatever is printed: names that a terminal cannot show, and outputs that are closed."""

from __future__ import annotations

import io
import os
import sys

__all__ = ["prepare_streams"]


def prepare_streams() -> None:
    """Make standard output and error usable.

    What their encoding does not have is written as an escape, such as \\uc5bc, instead of losing the work at the last
    line. A stream that is closed is replaced by one that leads nowhere, for otherwise the next file that is opened
    would get its place, and what is printed would go into that.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            # Opened in this order, each gets the lowest free number: its own.
            setattr(sys, name, open(os.devnull, "r" if number == 0 else "w", encoding="utf-8"))  # noqa: SIM115
        elif number and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
