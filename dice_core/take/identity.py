"""Whether two captures are the same one, so that the second goes on where the first stopped.

There are two moments to ask: before the footage is opened, when only the user's request is known (`same_request`), and
afterwards, when the footage has been read and the engine has said what it resolved (`same_capture`).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

__all__ = ["capture_digest", "same_capture", "same_request"]


def same_capture(info: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two descriptions (contents of take.json) are of the same footage, engine, settings and models.

    The path is left out: the same footage in another place is the same footage.
    """
    return _identity(info) == _identity(other)


def capture_digest(info: dict[str, Any]) -> str:
    """What is alike for two descriptions of the same capture, and for no others: 32 characters."""
    text = json.dumps(_identity(info), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def same_request(info: dict[str, Any], footage: str | Path, request: dict[str, Any]) -> bool:
    """Whether a take was asked for in the same words.

    info : contents of take.json; footage : path or pattern that is to be captured; request : as of
    `CaptureSettings.request`. A take that does not say how it was asked for is another one.
    """
    asked, source = info.get("request"), info.get("source")
    if not isinstance(asked, dict) or not isinstance(source, dict):
        return False
    same_footage = Path(str(source.get("path"))) == Path(footage).absolute()
    return same_footage and asked == json.loads(json.dumps(request))


def _identity(info: dict[str, Any]) -> tuple[Any, ...]:
    # Takes of version 0.1.0 do not say how the footage is turned; its hash says that it is the same.
    source = {key: value for key, value in info.get("source", {}).items() if key not in {"path", "orientation"}}
    engine = json.loads(json.dumps(info.get("engine")))
    return info.get("format"), info.get("version"), source, engine
