"""A take in formats of other programs: meshes as OBJ or PLY, expressions as Live Link Face CSV, contact as tables."""

from dice_core.interchange.contact_table import write_contact
from dice_core.interchange.live_link import write_curves
from dice_core.interchange.mesh_files import FORMATS, write_meshes
from dice_core.interchange.space import AXES, UNITS

__all__ = ["AXES", "FORMATS", "UNITS", "write_contact", "write_curves", "write_meshes"]
