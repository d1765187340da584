"""Where a user's own files are kept: models that were installed, outside of the program."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from dice_core.errors import InputError

__all__ = ["HEAD_FILES", "ModelStatus", "data_folder", "installed_heads", "model_folder"]

HEAD_FILES: dict[str, str] = {"ict": "ict_head.npz"}
"""The heads that a user can install, by the name of the setting, and their files in the model folder."""


@dataclass(frozen=True)
class ModelStatus:
    """State of a model that a user can install.

    name : in listings and settings; state : "present", "missing" or "damaged"; path : where it is kept, or would be;
    sha256 : of the kept file, "" if it is not there; purpose, source, licence : for the user; detail : what is wrong,
    "" if nothing.
    """

    name: str
    state: str
    path: str
    sha256: str
    purpose: str
    source: str
    licence: str
    detail: str = ""

    def to_json(self) -> dict[str, str]:
        """For the `--json` listing."""
        return asdict(self)

    def lines(self, title: str = "") -> list[str]:
        """The block of a listing for a person; title : in place of the name."""
        lines = [f"{self.state:8} {title or self.name:24} {self.purpose}"]
        if self.state == "present":
            return [*lines, f"{'':9}{self.path}  sha256 {self.sha256[:16]}..."]
        reason = f"{self.detail.removesuffix('.')}. " if self.detail else ""
        return [*lines, f"{'':9}{reason}Handed out at {self.source}", f"{'':9}Licence: {self.licence}"]


def data_folder() -> Path:
    """`$DICE_DATA`, or the platform's folder for a user's data.

    Raises InputError where neither is known.
    """
    chosen = os.environ.get("DICE_DATA")
    if chosen:
        return Path(os.path.expanduser(chosen))
    home = Path(os.path.expanduser("~"))
    if not home.is_absolute():
        raise InputError("This system knows no home folder of yours: set DICE_DATA to a folder for your model files.")
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "dice"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "dice"
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "dice"


def installed_heads() -> tuple[str, ...]:
    """Names of the heads that are installed, whether or not their files are whole; none where no folder is known."""
    try:
        folder = model_folder()
    except InputError:
        return ()
    return tuple(name for name, file in HEAD_FILES.items() if (folder / file).is_file())


def model_folder() -> Path:
    """The folder of installed models. Raises InputError as `data_folder`."""
    return data_folder() / "models"
