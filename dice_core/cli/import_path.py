"""Keeps the command from importing what lies in the folder that it is given in."""

from __future__ import annotations

import os
import sys

__all__ = ["leave_out_current_folder"]

_PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def leave_out_current_folder() -> None:
    """Take the current folder off the import path, where `python -m` and an empty entry of PYTHONPATH put it.

    A `json.py` beside the footage would be run otherwise. Our own folder stays, for those who work on it.
    """
    try:
        here = os.getcwd()
    except OSError:  # it has been deleted, so nothing can be imported from it
        return
    if here != _PROJECT:
        sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]
