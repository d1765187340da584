"""Which take a transfer is of: a name alone does not tell, since takes of the same name lie in many folders."""

from __future__ import annotations

import os
from dataclasses import dataclass

from dice_core.take import Take
from dice_core.take.identity import capture_digest

__all__ = ["TakeSource", "source_of"]


@dataclass(frozen=True)
class TakeSource:
    """name : of the take; folder : its absolute path; capture : digest of what was captured and how. "" : not known."""

    name: str
    folder: str = ""
    capture: str = ""

    def is_same(self, other: TakeSource) -> bool:
        """Whether two are one take: in one folder, whatever it holds by now, or moved from one to the other."""
        if self.name != other.name:
            return False
        if not self.folder or not other.folder or self.folder == other.folder:
            return True
        return bool(self.capture) and self.capture == other.capture


def source_of(take: Take) -> TakeSource:
    """That of a take that has been opened."""
    return TakeSource(take.name, os.path.normpath(take.path.absolute()), capture_digest(take.info))
