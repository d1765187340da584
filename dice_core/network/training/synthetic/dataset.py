"""Rendered scenes as a set of samples, made when they are asked for and kept on disk if wished."""

from __future__ import annotations

import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np

from dice_core.errors import InputError
from dice_core.network.training.samples import GROUPS, Sample, fields
from dice_core.network.training.synthetic.scenes import SCENES_OF_A_PERSON, scenes_of_person
from dice_core.storage import replace_file

__all__ = ["SyntheticScenes"]

_PEOPLE_IN_MEMORY = 64
"""About 13 MB each."""
_VERSION = 1
"""Of the scenes: changed whenever the same seed gives others, so that no old ones are read."""
_HALVES = ("deform", "head_contact", "hand_contact")


class SyntheticScenes:
    """Scenes of some people. seed, people : see `scenes_of_person`; cache : folder to keep them in, or None."""

    def __init__(self, seed: int, people: int, cache: Path | None) -> None:
        self._seed, self._people, self._cache = seed, people, cache
        self._kept: OrderedDict[int, list[Sample]] = OrderedDict()
        if cache is not None:
            cache.mkdir(parents=True, exist_ok=True)

    def __len__(self) -> int:
        return self._people * SCENES_OF_A_PERSON

    def sample(self, number: int) -> Sample:
        """Scenes of one person after another."""
        person, scene = divmod(number, SCENES_OF_A_PERSON)
        if person not in self._kept:
            self._kept[person] = self._scenes(person)
            while len(self._kept) > _PEOPLE_IN_MEMORY:
                self._kept.popitem(last=False)
        self._kept.move_to_end(person)
        return self._kept[person][scene]

    def _scenes(self, person: int) -> list[Sample]:
        if self._cache is None:
            return scenes_of_person(self._seed, person)
        path = self._cache / f"scenes-{_VERSION}-{self._seed}-{person:06d}.npz"
        if not path.is_file():
            _write(path, scenes_of_person(self._seed, person))
        return _read(path)


def _write(path: Path, scenes: list[Sample]) -> None:
    stacked = {name: np.stack([scene[name] for scene in scenes]) for name in scenes[0]}
    for name in _HALVES:
        stacked[name] = stacked[name].astype(np.float16)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as stream:
        np.savez_compressed(stream, **stacked)  # type: ignore[arg-type]
    replace_file(unfinished, path)


def _read(path: Path) -> list[Sample]:
    """Raises InputError where the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            stacked = {name: archive[name] for name in archive.files}
        names = ["pixels", *(name for group in GROUPS for name in fields(group))]
        return [
            {name: stacked[name][row] if name == "pixels" else stacked[name][row].astype(np.float32) for name in names}
            for row in range(SCENES_OF_A_PERSON)
        ]
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile):
        raise InputError(f"{path.name} is damaged: delete it, and its scenes are made again.") from None
