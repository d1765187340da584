"""From the sets that a configuration names to samples, and to real parameters for the discriminators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from dice_core.errors import InputError
from dice_core.network.training.bodies import TrainingBodies
from dice_core.network.training.configuration import Configuration, DataSource
from dice_core.network.training.data.dataset import Dataset, Restricted
from dice_core.network.training.data.decaf import DecafFrames
from dice_core.network.training.data.freihand import read_freihand
from dice_core.network.training.data.in_the_wild import InTheWildPictures
from dice_core.network.training.data.renderme import read_renderme
from dice_core.network.training.synthetic.dataset import SyntheticScenes
from dice_core.network.training.synthetic.parameters import drawn_hands, drawn_heads

__all__ = ["Priors", "open_sets"]

_DRAWN = 4096
"""Parameters that a synthetic prior holds; drawn in a few seconds."""


def open_sets(sources: Sequence[DataSource], configuration: Configuration, bodies: TrainingBodies) -> list[Dataset]:
    """The sets of samples, checked as far as can be without reading all of them.

    Raises InputError with a sentence on what is missing or malformed.
    """
    return [Restricted(_open(source, configuration, bodies), source.only, source.known) for source in sources]


def _open(source: DataSource, configuration: Configuration, bodies: TrainingBodies) -> Dataset:
    folder = configuration.path(source.folder)
    if source.kind == "synthetic":
        cache = configuration.path(source.cache) if source.cache else None
        return SyntheticScenes(source.seed, source.people, cache, source.surroundings)
    if source.kind == "decaf":
        return DecafFrames(folder, source.subjects, bodies)
    if source.kind == "in-the-wild":
        return InTheWildPictures(folder)
    raise InputError(f"{source.kind} holds no pictures to train on here: name it under [[priors]].")


class Priors:
    """Real hands and heads. Sources : of the configuration, each drawn from as often as its `repeat` says.

    Raises InputError where no source has hands, or none has heads.
    """

    def __init__(self, configuration: Configuration, bodies: TrainingBodies) -> None:
        self._hands: list[tuple[int, np.ndarray]] = []
        self._heads: list[tuple[int, np.ndarray]] = []
        for source in configuration.priors:
            hands, heads = _parameters(source, configuration, bodies)
            if hands is not None:
                self._hands.append((source.repeat, hands))
            if heads is not None:
                self._heads.append((source.repeat, heads))
        for name, kept in (("hands", self._hands), ("heads", self._heads)):
            if not kept:
                raise InputError(f"No set of [[priors]] has real {name}: add one, or set the adversarial weight to 0.")

    def draw(self, count: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """(count, 55) hands and (count, 153) heads, each source with its share."""
        return _drawn(self._hands, count, rng), _drawn(self._heads, count, rng)


def _drawn(sources: list[tuple[int, np.ndarray]], count: int, rng: np.random.Generator) -> torch.Tensor:
    shares = np.array([share for share, _ in sources], float)
    chosen = rng.choice(len(sources), size=count, p=shares / shares.sum())
    return torch.from_numpy(np.stack([sources[k][1][rng.integers(len(sources[k][1]))] for k in chosen])).float()


def _parameters(
    source: DataSource, configuration: Configuration, bodies: TrainingBodies
) -> tuple[np.ndarray | None, np.ndarray | None]:
    folder = configuration.path(source.folder)
    if source.kind == "synthetic":
        return drawn_hands(source.seed, _DRAWN), drawn_heads(source.seed, _DRAWN)
    if source.kind == "decaf":
        return DecafFrames(folder, source.subjects, bodies).priors()
    if source.kind == "freihand":
        return read_freihand(folder), None
    if source.kind == "renderme":
        return None, read_renderme(folder)
    raise InputError(f"{source.kind} has no parameters of hands or heads: take it out of [[priors]].")
