"""FLAME fits of RenderMe-360 as real heads for the discriminator (Pan et al., NeurIPS 2023).

FOLDER/PERSON/*.npz, each with `shape` (T, 100), `exp` (T, 50) and `jaw_pose` (T, 3). The fits are handed out as joblib
pickles, which may run code and are not read here: docs/training.md has the three lines that convert them.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from dice_core.errors import InputError

__all__ = ["read_renderme"]

_COLUMNS = {"shape": 100, "exp": 50, "jaw_pose": 3}


def read_renderme(folder: Path) -> np.ndarray:
    """(N, 153) shape, expression and jaw of every fit.

    Raises InputError where there are none, or one is malformed.
    """
    files = sorted(folder.glob("*/*.npz"))
    if not files:
        raise InputError(f"{folder} holds no fits: put one folder a person into it, with .npz files.")
    return np.concatenate([_read(path) for path in files]).astype(np.float32)


def _read(path: Path) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as archive:
            parts = [np.atleast_2d(archive[name]) for name in _COLUMNS]
    except KeyError as error:
        raise InputError(f"{path} is malformed: it lacks {error.args[0].split()[0]}.") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        raise InputError(f"{path} is damaged: convert its fits again.") from None
    for (name, columns), part in zip(_COLUMNS.items(), parts, strict=True):
        if part.shape != (len(parts[0]), columns) or not np.isfinite(part).all():
            raise InputError(f"{path} is malformed: {name} must be (frames, {columns}), not {part.shape}.")
    return np.concatenate(parts, axis=1)
