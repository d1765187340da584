"""Reading a take back: its description, meshes and arrays over all frames."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dice_core.errors import InputError
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh
from dice_core.take.format import DAMAGED, FORMAT, VERSION, TouchEvent, load_arrays, mesh_from_arrays

__all__ = ["Take", "find_takes", "open_take"]


class Take:
    """A take on disk; arrays are read when they are asked for.

    path : the folder; info : take.json as it stands.
    """

    def __init__(self, path: Path, info: dict[str, Any]) -> None:
        self.path = path
        self.info = info

    @property
    def name(self) -> str:
        """The folder's name without its ending."""
        return self.path.name.removesuffix(".dicetake")

    @property
    def complete(self) -> bool:
        """False where the capture was stopped before the end."""
        return bool(self.info["complete"])

    @property
    def fps(self) -> float:
        """Frames a second of the footage, 0 for a still."""
        return float(self.info["source"]["fps"])

    @cached_property
    def camera(self) -> Camera:
        """The camera that saw the footage. Raises InputError where a capture has hardly begun."""
        source, camera = self.info["source"], self.info["camera"]
        if camera is None:
            raise InputError(f"{self.path} has no frames yet: capture the footage again, which continues it.")
        return Camera(
            camera["fx"], camera["fy"], camera["cx"], camera["cy"], int(source["width"]), int(source["height"])
        )

    @cached_property
    def meshes(self) -> dict[str, Mesh]:
        """The bodies in the take by name."""
        return {
            name: mesh_from_arrays(name, load_arrays(self.path / "meshes" / f"{name}.npz"))
            for name in self.info["meshes"]
        }

    @property
    def events(self) -> list[TouchEvent]:
        """The touches, in order of their first frame."""
        return [TouchEvent(**event) for event in self.info["events"]]

    @cached_property
    def frames(self) -> np.ndarray:
        """(T,) int32 index in the footage of every frame of the take."""
        return self.array("frame")

    def chunks(self, keys: Collection[str] | None = None) -> Iterator[dict[str, np.ndarray]]:
        """The arrays of each chunk in turn, for work that must not hold a whole take in memory.

        keys : the arrays that are read, all by default.
        """
        for number in range(len(self.info["chunks"])):
            yield self.read_chunk(number, keys)

    def read_chunk(self, number: int, keys: Collection[str] | None = None) -> dict[str, np.ndarray]:
        """The arrays of one chunk, number `number` from 0; keys as for `chunks`."""
        return load_arrays(self.path / self.info["chunks"][number]["file"], keys)

    def tracked_shares(self) -> dict[str, float]:
        """For each mesh the share of the take's frames in which it is there, measured or interpolated."""
        names = self.info["meshes"]
        present = dict.fromkeys(names, 0)
        for arrays in self.chunks([f"tracked_{name}" for name in names]):
            for name in names:
                present[name] += int((arrays[f"tracked_{name}"] > 0).sum())
        return {name: count / max(len(self.frames), 1) for name, count in present.items()}

    def array(self, key: str) -> np.ndarray:
        """An array over all frames, for example "head.vertices" (T, V, 3).

        Raises KeyError where the take has no such array.
        """
        parts = []
        for chunk in self.info["chunks"]:
            file = self.path / chunk["file"]
            try:
                with np.load(file, allow_pickle=False) as archive:
                    parts.append(archive[key])
            except DAMAGED as error:
                raise InputError(
                    f"The take's file {file} cannot be read ({error}): capture the footage again."
                ) from error
        if not parts:
            return np.zeros((0,), np.int32 if key == "frame" else np.float32)
        return np.concatenate(parts)

    def has(self, key: str) -> bool:
        """Whether the chunks hold an array."""
        return bool(self.info["chunks"]) and key in self._keys

    @cached_property
    def _keys(self) -> frozenset[str]:
        with np.load(self.path / self.info["chunks"][0]["file"], allow_pickle=False) as archive:
            return frozenset(archive.files)


def open_take(path: str | Path) -> Take:
    """Open the take in a folder (or by the take.json in it).

    Raises InputError where there is none, or one of a newer version.
    """
    folder = Path(path)
    if folder.name == "take.json":
        folder = folder.parent
    try:
        info = json.loads((folder / "take.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{folder} is not a take: give a folder that `dice capture` made.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / 'take.json'} cannot be read ({error}): capture the footage again.") from error
    if not isinstance(info, dict) or info.get("format") != FORMAT:
        raise InputError(f"{folder / 'take.json'} does not describe a take: give a folder that `dice capture` made.")
    if info.get("version") != VERSION:
        raise InputError(f"{folder} is a take of version {info.get('version')}: update DICE for Blender to read it.")
    return Take(folder, info)


def find_takes(path: str | Path) -> list[Take]:
    """The take at a path, or all takes directly inside the folder, sorted by name.

    Raises InputError where there are none.
    """
    folder = Path(path)
    if (folder / "take.json").exists() or folder.name == "take.json" or not folder.is_dir():
        return [open_take(folder)]
    takes = [open_take(child) for child in sorted(folder.iterdir()) if (child / "take.json").exists()]
    if not takes:
        raise InputError(f"{folder} holds no take: give a folder that `dice capture` made.")
    return takes
