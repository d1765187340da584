"""Rendered scenes as a set of samples, made when they are asked for and kept on disk if wished."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np

from dice_core.errors import InputError
from dice_core.network.training.samples import GROUPS, Sample, fields
from dice_core.network.training.synthetic.scenes import SCENES_OF_A_PERSON, scenes_of_person
from dice_core.storage import replace_file

__all__ = ["SyntheticScenes"]

_PEOPLE_IN_MEMORY = 64
"""About 13 MB each where there is no cache; else their files' pages, which the system drops as it needs the memory."""
_VERSION = 2
"""Of the scenes and their files: changed whenever the same seed gives others, so that no old ones are read."""
_HALVES = ("deform", "head_contact", "hand_contact")


class SyntheticScenes:
    """Scenes of some people. seed, people, surroundings : see `scenes_of_person`; cache : folder to keep them in, or
    None."""

    def __init__(self, seed: int, people: int, cache: Path | None, surroundings: str = "anywhere") -> None:
        self._seed, self._people, self._cache, self._surroundings = seed, people, cache, surroundings
        self._kept: OrderedDict[int, list[Sample] | np.ndarray] = OrderedDict()
        if cache is not None:
            cache.mkdir(parents=True, exist_ok=True)

    def __len__(self) -> int:
        return self._people * SCENES_OF_A_PERSON

    def sample(self, number: int) -> Sample:
        """Scenes of one person after another. Raises InputError where the file of one is damaged."""
        person, scene = divmod(number, SCENES_OF_A_PERSON)
        if person not in self._kept:
            self._kept[person] = self._scenes(person)
            while len(self._kept) > _PEOPLE_IN_MEMORY:
                self._kept.popitem(last=False)
        self._kept.move_to_end(person)
        scenes = self._kept[person]
        return _unpacked(scenes[scene]) if isinstance(scenes, np.ndarray) else scenes[scene]

    def _scenes(self, person: int) -> list[Sample] | np.ndarray:
        if self._cache is None:
            return scenes_of_person(self._seed, person, self._surroundings)
        kind = "scenes" if self._surroundings == "anywhere" else self._surroundings
        path = self._cache / f"{kind}-{_VERSION}-{self._seed}-{person:06d}.npy"
        if not path.is_file():
            _write(path, scenes_of_person(self._seed, person, self._surroundings))
        return _open(path)


def _record(scene: Sample) -> np.dtype:
    """One scene as a record of a file: single scenes can be read without the others."""
    kinds = {name: np.dtype(np.float16) if name in _HALVES else value.dtype for name, value in scene.items()}
    return np.dtype([(name, kinds[name], value.shape) for name, value in scene.items()])


def _write(path: Path, scenes: list[Sample]) -> None:
    records = np.empty(len(scenes), _record(scenes[0]))
    for row, scene in enumerate(scenes):
        for name, value in scene.items():
            records[name][row] = value
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as stream:
        np.save(stream, records)
    replace_file(unfinished, path)


def _open(path: Path) -> np.ndarray:
    """(SCENES_OF_A_PERSON,) records, in the file until they are used. Raises InputError where it is damaged."""
    wanted = {"pixels", *(name for group in GROUPS for name in fields(group))}
    try:
        records = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        records = np.empty(0)
    if records.shape != (SCENES_OF_A_PERSON,) or set(records.dtype.names or ()) != wanted:
        raise InputError(f"{path.name} is damaged: delete it, and its scenes are made again.")
    return np.asanyarray(records)


def _unpacked(record: np.void) -> Sample:
    return {
        name: np.array(record[name], np.uint8 if name == "pixels" else np.float32) for name in record.dtype.names or ()
    }
