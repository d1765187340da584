"""What is asked of the worker to take textures from a take's footage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["BakeRequest"]


@dataclass(frozen=True)
class BakeRequest:
    """A take whose bodies are to be painted with its footage.

    take : its folder; folder : for the pictures; footage : where it is, if not where the take says, else "".
    scene : session id of the scene that asked; owner : id of the import that gets the pictures.
    """

    take: Path
    folder: Path
    footage: str = ""
    scene: int = 0
    owner: str = ""

    @property
    def name(self) -> str:
        """What the user calls it: the take's name, and what is done to it."""
        return f"{self.take.name.removesuffix('.dicetake')}: Bake Texture"

    def arguments(self) -> list[str]:
        """Arguments of `python -m dice_core`."""
        footage = ["--footage", self.footage] if self.footage else []
        return ["texture", str(self.take), "-o", str(self.folder), *footage, "--events"]

    def description(self) -> list[str]:
        """Lines of a report."""
        return [f"DICE texture of {self.take}", f"footage {self.footage or 'as the take says'}"]
