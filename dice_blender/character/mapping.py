"""Which bone has which role and which shape key shows which expression: found, edited, saved as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dice_core.arkit import EXPRESSION_NAMES
from dice_core.errors import InputError
from dice_core.transfer.names import is_role

from .expression_names import Expression

__all__ = ["CharacterMap", "load_map", "save_map"]

_FORMAT, _VERSION = "dice-character-map", 1
# Characters of a file that can be a map; one with all roles and expressions has 12,000.
_LARGEST = 1_000_000
# Gains and offsets beyond this tear a face apart; set by hand.
_LARGEST_GAIN = 100.0


@dataclass
class CharacterMap:
    """bones : role -> bone; expressions : shape keys with what drives them; convention : of the bones' names."""

    bones: dict[str, str] = field(default_factory=dict)
    expressions: list[Expression] = field(default_factory=list)
    convention: str = ""


def save_map(path: Path, mapping: CharacterMap) -> None:
    """Write a map as JSON. Raises InputError where the file cannot be written."""
    text = json.dumps(
        {
            "format": _FORMAT,
            "version": _VERSION,
            "bones": mapping.bones,
            "expressions": [asdict(expression) for expression in mapping.expressions],
        },
        indent=1,
    )
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): choose another place.") from error


def load_map(path: Path) -> CharacterMap:
    """Read a map. Raises InputError where the file is missing or is no map."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise ValueError("it is too long")
        return _from_json(json.loads(text))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): choose a map that was saved here.") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        reason = f"it lacks {error.args[0]}" if isinstance(error, KeyError) else error
        raise InputError(f"{path.name} is no map of a character ({reason}): choose one that was saved here.") from error


def _from_json(found: Any) -> CharacterMap:
    if not isinstance(found, dict) or found.get("format") != _FORMAT or found.get("version") != _VERSION:
        raise ValueError(f"it does not say that it is a {_FORMAT} of version {_VERSION}")
    bones = found["bones"]
    if not isinstance(bones, dict) or not all(is_role(role) and isinstance(bone, str) for role, bone in bones.items()):
        raise ValueError("its bones are not a table of roles and names")
    if not isinstance(found["expressions"], list):
        raise ValueError("its expressions are not a list")
    return CharacterMap(dict(bones), [_expression(entry) for entry in found["expressions"]])


def _expression(entry: Any) -> Expression:
    source, target = entry["source"], entry["target"]
    gain, offset = float(entry.get("gain", 1.0)), float(entry.get("offset", 0.0))
    if source not in EXPRESSION_NAMES or not isinstance(target, str):
        raise ValueError(f"{str(source)[:40]!r} is no expression of ARKit's")
    if not all(math.isfinite(value) and abs(value) <= _LARGEST_GAIN for value in (gain, offset)):
        raise ValueError(f"gain and offset of {source} have to lie within -{_LARGEST_GAIN:g} and {_LARGEST_GAIN:g}")
    return Expression(source, target, gain, offset)
