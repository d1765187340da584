"""Reading the baked bodies that are packaged beside this module."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dice_core.errors import MissingModelError

__all__ = ["ASSET_FOLDER", "corner_arrays", "read_asset"]

ASSET_FOLDER = Path(__file__).parent / "assets"


def read_asset(name: str) -> dict[str, np.ndarray]:
    """Arrays of a packaged body.

    name : "head", "head_attached" or "hand_right".
    Raises MissingModelError if the installation lacks the file.
    """
    path = ASSET_FOLDER / f"{name}.npz"
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except FileNotFoundError as error:
        raise MissingModelError(f"The packaged body {path.name} is missing: install DICE again.") from error


def corner_arrays(asset: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Polygons of an asset, whose faces are all quads, in the layout of `Mesh`.

    Returns face_corners (4 F,) int32, face_sizes (F,) int32 and uv (4 F, 2) float32.
    """
    quads = asset["quads"].astype(np.int32)
    uv = asset["uv_table"].astype(np.float32)[asset["quads_uv"].ravel()]
    return quads.ravel(), np.full(len(quads), 4, np.int32), uv
