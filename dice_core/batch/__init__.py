"""A shoot of many clips: each captured in a process of its own, some at a time, so that a bad one costs no other."""

from dice_core.batch.clips import Clip, find_sources, name_clips, unread_in
from dice_core.batch.runner import BatchResult, Further, run_batch
from dice_core.batch.table import Row, format_rows

__all__ = [
    "BatchResult",
    "Clip",
    "Further",
    "Row",
    "find_sources",
    "format_rows",
    "name_clips",
    "run_batch",
    "unread_in",
]
