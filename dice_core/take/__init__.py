"""Takes: the folder that a capture leaves on disk, written chunk by chunk and read with numpy alone."""

from dice_core.take.format import FORMAT, MESH_NAMES, MESH_TITLES, VERSION, Source, TouchEvent
from dice_core.take.reader import Take, find_takes, open_take
from dice_core.take.writer import TakeWriter

__all__ = [
    "FORMAT",
    "MESH_NAMES",
    "MESH_TITLES",
    "VERSION",
    "Source",
    "Take",
    "TakeWriter",
    "TouchEvent",
    "find_takes",
    "open_take",
]
