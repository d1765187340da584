"""What a user may choose about a capture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from dice_core.errors import InputError

__all__ = ["CaptureSettings", "EngineName", "Hands"]

EngineName = Literal["open", "dice"]
Hands = Literal["auto", "left", "right", "both"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Contact = Literal["network", "solver"]
Precision = Literal["auto", "full", "half"]


@dataclass(frozen=True)
class CaptureSettings:
    """Settings that change a capture's result; two captures with equal ones give equal takes.

    engine : which engine; hands : whose hands to look for, the subject's own left and right; fov : angle of view
    along the longer side in degrees, None to assume a common lens. For the dice engine alone: device : what runs the
    network; contact : "network" for its own contact and deformation, "solver" to have them refined; precision : of the
    network's arithmetic, "auto" for half where the device gains by it and the checkpoint bears it; gate : the paper's
    presence gate, no deformation where the network holds a touch for unlikely.
    """

    engine: EngineName = "open"
    hands: Hands = "auto"
    fov: float | None = None
    device: Device = "auto"
    contact: Contact = "network"
    precision: Precision = "auto"
    gate: bool = True

    def __post_init__(self) -> None:
        if self.engine not in get_args(EngineName):
            raise InputError(f"There is no engine {self.engine!r}: use open or dice.")
        if self.hands not in get_args(Hands):
            raise InputError(f"Hands cannot be {self.hands!r}: use auto, left, right or both.")
        if self.contact not in get_args(Contact):
            raise InputError(f"Contact cannot be {self.contact!r}: use network or solver.")
        if self.precision not in get_args(Precision):
            raise InputError(f"There is no precision {self.precision!r}: use auto, full or half.")

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides of the hands to look for."""
        return ("left", "right") if self.hands in ("auto", "both") else (self.hands,)

    def to_json(self) -> dict[str, Any]:
        """As take.json holds them: what the engine at hand does not heed is left out."""
        values = asdict(self)
        del values["engine"]
        if self.engine == "open":
            for name in ("device", "contact", "precision", "gate"):
                del values[name]
        return values
