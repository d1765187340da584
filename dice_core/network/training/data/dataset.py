"""What every set of samples can do, and sets made of other sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from dice_core.errors import InputError
from dice_core.network.training.samples import GROUPS, Sample, fields

__all__ = ["Dataset", "Mixture", "Restricted", "Shown"]


class Dataset(Protocol):
    """Samples by number. Reading the same number again gives the same sample."""

    def __len__(self) -> int:
        """How many there are."""

    def sample(self, number: int) -> Sample:
        """One of them. Raises InputError where a file of it is missing or damaged."""


class Restricted:
    """The first samples of a set, or only some of what they know.

    only : how many, 0 for all; known : groups that stay, all if empty. Raises InputError at groups that do not exist.
    """

    def __init__(self, inner: Dataset, only: int, known: Sequence[str]) -> None:
        unknown = set(known) - set(GROUPS)
        if unknown:
            raise InputError(f"Samples do not know {sorted(unknown)[0]!r}: they know {', '.join(GROUPS)}.")
        self._inner = inner
        self._count = min(only, len(inner)) if only else len(inner)
        dropped = [group for group in GROUPS if known and group not in known]
        self._dropped = {name for group in dropped for name in fields(group)}

    def __len__(self) -> int:
        return self._count

    def sample(self, number: int) -> Sample:
        """As the inner set's, less what is not known."""
        return {name: value for name, value in self._inner.sample(number).items() if name not in self._dropped}


class Shown:
    """Which sample stands at which place of a run: every epoch shows each sample as often as its set says, shuffled.

    The answer depends on seed and place alone, so that a run which goes on sees what an uninterrupted one would.
    """

    def __init__(self, counts: Sequence[int], repeats: Sequence[int], seed: int) -> None:
        self._seed = seed
        members = [
            (number, sample)
            for number, (count, repeat) in enumerate(zip(counts, repeats, strict=True))
            for sample in range(count)
            for _ in range(repeat)
        ]
        self._members = np.array(members, np.int64).reshape(-1, 2)
        self._epoch, self._order = -1, np.zeros(0, np.int64)

    def __len__(self) -> int:
        """Places of an epoch."""
        return len(self._members)

    def at(self, place: int) -> tuple[int, int]:
        """Set and sample at a place, counted from the run's start."""
        epoch, within = divmod(place, len(self._members))
        if epoch != self._epoch:
            self._order = np.random.default_rng([self._seed, 1, epoch]).permutation(len(self._members))
            self._epoch = epoch
        number, sample = self._members[self._order[within]]
        return int(number), int(sample)


class Mixture:
    """Several sets in one run, which `sets` holds. Raises InputError where one of them is empty."""

    def __init__(self, sets: Sequence[Dataset], repeats: Sequence[int], seed: int) -> None:
        if not all(len(each) for each in sets):
            raise InputError("A set of samples is empty: take it out of the configuration, or look at its folder.")
        self.sets = list(sets)
        self.shown = Shown([len(each) for each in sets], repeats, seed)

    def sample(self, place: int) -> Sample:
        """The sample at a place of the run."""
        number, sample = self.shown.at(place)
        return self.sets[number].sample(sample)
