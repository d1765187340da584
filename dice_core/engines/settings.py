"""What a user may choose about a capture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from dice_core.errors import InputError

__all__ = ["CaptureSettings", "EngineName", "Hands"]

EngineName = Literal["open", "dice"]
Hands = Literal["auto", "left", "right", "both"]


@dataclass(frozen=True)
class CaptureSettings:
    """Settings that change a capture's result; two captures with equal ones give equal takes.

    engine : which engine; hands : whose hands to look for, the subject's own left and right; fov : angle of view
    along the longer side in degrees, None to assume a common lens.
    """

    engine: EngineName = "open"
    hands: Hands = "auto"
    fov: float | None = None

    def __post_init__(self) -> None:
        if self.engine not in get_args(EngineName):
            raise InputError(f"There is no engine {self.engine!r}: use open or dice.")
        if self.hands not in get_args(Hands):
            raise InputError(f"Hands cannot be {self.hands!r}: use auto, left, right or both.")

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides of the hands to look for."""
        return ("left", "right") if self.hands in ("auto", "both") else (self.hands,)

    def to_json(self) -> dict[str, Any]:
        """As take.json holds them."""
        return asdict(self)
