"""What a user may choose about a capture, and how a choice crosses from one process to another."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from dice_core.engines.registry import ENGINES
from dice_core.errors import InputError

__all__ = ["CaptureSettings", "add_options"]

_ON_OFF = {"on": True, "off": False}


def _choice(default: Any, choices: Sequence[str], text: str) -> Any:
    """A setting with named values; text : its help on the command line."""
    return field(default=default, metadata={"choices": tuple(choices), "help": text})


@dataclass(frozen=True)
class CaptureSettings:
    """Settings that change a capture's result; two captures with equal ones give equal takes.

    engine : a name of `ENGINES`; hands : whose hands to look for, the subject's own left and right; fov : angle of view
    along the longer side in degrees, None to take what the camera wrote into the file, or else a common lens. For the
    open engine alone: head : "open" for the packaged one, or one of `dice_core.user_data.HEAD_FILES`; neutral : a frame
    of the footage, counted from 0, in which the face rests, None where the user names none. For the
    dice engine alone: device : what runs the network; precision : of the network's arithmetic, "auto" for half where
    the device gains by it and the checkpoint bears it; gate : the paper's presence gate, no deformation where the
    network considers a touch unlikely; contact : "network" for its own contact and deformation, "solver" to have them
    refined.
    Raises InputError for an unknown name, with the known ones in its sentence, and for a head or a resting face that
    the engine has no use for.
    """

    engine: str = _choice("open", tuple(ENGINES), "; ".join(f"{name}: {e.summary}" for name, e in ENGINES.items()))
    hands: str = _choice("auto", ("auto", "left", "right", "both"), "whose hands to look for: the subject's own")
    fov: float | None = field(
        default=None, metadata={"help": "angle of view along the longer side, in degrees", "metavar": "DEG"}
    )
    head: str = _choice(
        "open",
        ("open", "ict"),
        "the parametric head: open, which ships; ict, ICT-FaceKit's, once its folder is added by `dice models add`",
    )
    neutral: int | None = field(
        default=None,
        metadata={
            "help": "a frame in which the face rests, counted from 0: expressions are measured from it",
            "metavar": "FRAME",
            "type": int,
        },
    )
    device: str = _choice("auto", ("auto", "cpu", "cuda", "mps"), "what runs the network")
    precision: str = _choice(
        "auto",
        ("auto", "full", "half"),
        "of the network's arithmetic; auto: half where the device gains by it and the checkpoint bears it",
    )
    gate: bool = _choice(
        True,
        tuple(_ON_OFF),
        "the paper's presence gate: no deformation where the network considers a touch unlikely",
    )
    contact: str = _choice("network", ("network", "solver"), "refine the network's contact by the solver")

    def __post_init__(self) -> None:
        for option in fields(self):
            value, choices = getattr(self, option.name), option.metadata.get("choices")
            if choices is not None and _as_text(value) not in choices:
                known = f"{', '.join(choices[:-1])} or {choices[-1]}"
                raise InputError(f"There is no {option.name} {value!r}: use {known}.")
        if self.head != "open" and "head" not in ENGINES[self.engine].uses:
            raise InputError(f"The {self.engine} engine has a head of its own: leave out --head.")
        if self.neutral is not None and "neutral" not in ENGINES[self.engine].uses:
            raise InputError(f"The {self.engine} engine does not measure from a resting face: leave out --neutral.")

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides of the hands to look for."""
        return ("left", "right") if self.hands in ("auto", "both") else (self.hands,)

    def to_json(self) -> dict[str, Any]:
        """As take.json holds them: those that the engine uses, by name."""
        return {name: getattr(self, name) for name in ENGINES[self.engine].uses}

    def request(self, frames: tuple[int, int] | None = None) -> dict[str, Any]:
        """What was asked for, as take.json holds it: the engine, its settings, and the frames (None for all)."""
        return {"engine": self.engine, **self.to_json(), "frames": None if frames is None else list(frames)}

    def to_arguments(self) -> list[str]:
        """Options of `dice capture` that give these settings; `from_options` is the inverse."""
        arguments = []
        for option in fields(self):
            value = getattr(self, option.name)
            if option.name == "engine" or (option.name in ENGINES[self.engine].uses and value != option.default):
                arguments += [f"--{option.name}", _as_text(value)]
        return arguments

    @classmethod
    def from_options(cls, options: argparse.Namespace) -> CaptureSettings:
        """The settings in options that a parser with `add_options` has read."""
        values = {option.name: getattr(options, option.name) for option in fields(cls)}
        return cls(**{**values, "gate": _ON_OFF[values["gate"]]})


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser an option for every setting; those that one engine alone uses stand in a group of its own."""
    groups: dict[str, argparse._ArgumentGroup] = {}
    for option in fields(CaptureSettings):
        users = [name for name, engine in ENGINES.items() if option.name in engine.uses]
        if len(users) == 1:
            if users[0] not in groups:
                groups[users[0]] = parser.add_argument_group(f"the {users[0]} engine")
            groups[users[0]].add_argument(f"--{option.name}", **_argument(option))
        else:
            parser.add_argument(f"--{option.name}", **_argument(option))


def _argument(option: Field[Any]) -> dict[str, Any]:
    assert option.default is not MISSING
    argument = dict(option.metadata)
    if "choices" in argument:
        return {**argument, "default": _as_text(option.default)}
    return {"type": float, **argument, "default": option.default}


def _as_text(value: Any) -> str:
    """A value as the command line has it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.17g}" if isinstance(value, float) else str(value)
