"""The engines by name: adding one is one entry here."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ENGINES", "EngineEntry"]


@dataclass(frozen=True)
class EngineEntry:
    """One engine.

    module, class_name : where its class stands, imported when a capture needs it; uses : names of the fields of
    `CaptureSettings` that change its result; summary : a few words for a list of engines; requires : packages that
    only this engine needs, which dice-core's extra of the engine's name installs.
    """

    module: str
    class_name: str
    uses: tuple[str, ...]
    summary: str
    requires: tuple[str, ...] = ()


ENGINES: dict[str, EngineEntry] = {
    "open": EngineEntry(
        "dice_core.engines.open.engine",
        "OpenEngine",
        ("hands", "fov", "head", "neutral"),
        "self-contained: landmark networks, open bodies, fitting and a contact solver",
    ),
    "dice": EngineEntry(
        "dice_core.engines.dice.engine",
        "DiceEngine",
        ("hands", "fov", "device", "contact", "precision", "gate"),
        "the published DICE network with the user's own licensed files",
        ("torch", "safetensors"),
    ),
}
"""Name on the command line and in takes, in the order in which lists show them; the first is the default."""
