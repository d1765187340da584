"""The weights of the learned priors, as the product ships them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dice_core.errors import MissingModelError

__all__ = ["packaged_weights"]


def packaged_weights(asset: Path) -> dict[str, np.ndarray]:
    """Arrays by name of a packaged file. Raises MissingModelError if the installation lacks it."""
    try:
        with np.load(asset, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise MissingModelError(f"The packaged model {asset.name} is missing: install DICE again.") from error
