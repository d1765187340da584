"""What a user chooses for a transfer."""

from __future__ import annotations

from dataclasses import dataclass

from dice_core.errors import InputError

__all__ = ["HANDS", "TransferSettings"]

HANDS = ("auto", "left", "right", "both")

LARGEST_DENTS = 2.0
"""Times the dents that the skin's physics gives; beyond that they look torn. Set by hand."""


@dataclass(frozen=True)
class TransferSettings:
    """neck_share : 0 to 1, of the head's turn that the neck carries; dents : 0 to 2, strength of the dents;
    keep_contact : whether hands are placed so that touches stay touches; hands : "auto", "left", "right" or "both".

    Raises InputError for a value outside its range.
    """

    neck_share: float = 0.4
    dents: float = 1.0
    keep_contact: bool = True
    hands: str = "auto"

    def __post_init__(self) -> None:
        for name, highest in (("neck_share", 1.0), ("dents", LARGEST_DENTS)):
            value = getattr(self, name)
            if not 0.0 <= value <= highest:
                raise InputError(f"{name} is {value:g}: give a number between 0 and {highest:g}.")
        if self.hands not in HANDS:
            raise InputError(f'"{self.hands}" is no choice of hands: give {", ".join(HANDS)}.')

    def wants(self, side: str) -> bool:
        """Whether a hand, "left" or "right", is to be transferred where the take has it."""
        return self.hands in ("auto", "both", side)
