"""FreiHAND's hands as real ones for the discriminator (Zimmermann et al., ICCV 2019).

FOLDER/training_mano.json as the data set has it: a list with, for each picture, [[48 pose, 10 shape, 2 + 1 camera]],
axis-angle of 16 joints of which the first is the hand's turn. https://lmb.informatik.uni-freiburg.de/projects/freihand
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from dice_core.errors import InputError

__all__ = ["read_freihand"]

_FILE = "training_mano.json"
_POSE, _SHAPE = 48, 10
_TURN = 3


def read_freihand(folder: Path) -> np.ndarray:
    """(N, 55) shape and finger pose of every hand.

    Raises InputError where the file is missing or malformed.
    """
    path = folder / _FILE
    if not path.is_file():
        raise InputError(f"{folder} lacks {_FILE}: give the folder of FreiHAND's training set.")
    try:
        rows = np.array(json.loads(path.read_text(encoding="utf-8")), np.float64)
    except (ValueError, UnicodeDecodeError):
        raise InputError(f"{path} is damaged: it is not a list of numbers of equal lengths.") from None
    if rows.ndim == 3 and rows.shape[1] == 1:
        rows = rows[:, 0]
    if rows.ndim != 2 or rows.shape[1] < _POSE + _SHAPE or not len(rows) or not np.isfinite(rows).all():
        raise InputError(f"{path} is malformed: each hand needs {_POSE} numbers of pose and {_SHAPE} of shape.")
    return np.concatenate([rows[:, _POSE : _POSE + _SHAPE], rows[:, _TURN:_POSE]], axis=1).astype(np.float32)
