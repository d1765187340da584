"""Reading a take back: its description, meshes and arrays over all frames.

A take may come from a stranger, so everything in it is checked before it is used: see `description`, `layout` and
`archive`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dice_core.errors import InputError
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh
from dice_core.storage import is_real_folder
from dice_core.take.archive import Archive
from dice_core.take.description import read_description
from dice_core.take.format import TouchEvent, event_from_json, load_mesh, unreadable
from dice_core.take.layout import REQUIRED, chunk_keys, chunk_kind, read_checked

__all__ = ["Take", "find_takes", "open_take"]


_TIMING = 0.01  # frames: less is rounding


class Take:
    """A take on disk; arrays are read when they are asked for.

    path : the folder; info : take.json as it stands.
    """

    def __init__(self, path: Path, info: dict[str, Any]) -> None:
        self.path = path
        self.info = info
        self._loaded_meshes: dict[str, Mesh] = {}

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
        """The bodies in the take by name. Raises InputError where the file of one is missing or damaged."""
        return {name: self._mesh(name) for name in self.info["meshes"]}

    @property
    def events(self) -> list[TouchEvent]:
        """The touches, in order of their first frame."""
        return [event_from_json(event) for event in self.info["events"]]

    @cached_property
    def frames(self) -> np.ndarray:
        """(T,) int32 index in the footage of every frame of the take, rising. Raises InputError where it is not."""
        frames = self.array("frame")
        if (np.diff(frames) <= 0).any():
            raise InputError(f"The frames of {self.path} are not in order: capture the footage again.")
        return frames

    @cached_property
    def times(self) -> np.ndarray:
        """(T,) float64 seconds at which every frame of the take is shown, after frame 0 of the footage.

        In footage of an even frame rate that is the frame's index divided by the rate; a still's is 0.
        """
        if self.has("time"):
            return self.array("time")
        return self.frames / self.fps if self.fps else np.zeros(len(self.frames))

    @property
    def uneven(self) -> bool:
        """Whether frames are shown at other times than the frame rate says."""
        if not self.fps or not self.has("time"):
            return False
        return bool(np.abs(self.times * self.fps - self.frames).max() > _TIMING)

    def chunks(self, keys: Collection[str] | None = None) -> Iterator[dict[str, np.ndarray]]:
        """The arrays of each chunk in turn, for work that must not hold a whole take in memory.

        keys : the arrays that are read, all by default. Raises InputError where one is missing or damaged.
        """
        for number in range(len(self.info["chunks"])):
            yield self.read_chunk(number, keys)

    def read_chunk(self, number: int, keys: Collection[str] | None = None) -> dict[str, np.ndarray]:
        """The arrays of one chunk, number `number` from 0; keys and errors as for `chunks`."""
        entry = self.info["chunks"][number]
        names = self.info["meshes"]
        file = self._file("chunks", Path(entry["file"]).name)
        try:
            with Archive(file) as archive:
                if keys is None:
                    keys = [*self._needed, *(chunk_keys(names) & set(archive.names) - set(self._needed))]
                kinds = {key: chunk_kind(key, entry["frames"], names, self._mesh) for key in keys}
                arrays = read_checked(archive, kinds)
            self._check_frames(arrays.get("frame"), entry)
        except (OSError, ValueError, KeyError) as error:
            raise unreadable(file, error) from error
        return arrays

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

        Raises KeyError where the take has no such array, InputError where a chunk that should have it has not, as every
        chunk has those of `REQUIRED`.
        """
        if key not in self._needed and key not in self._keys:
            raise KeyError(key)
        parts = [chunk[key] for chunk in self.chunks([key])]
        if not parts:
            return np.zeros((0,), np.int32 if key == "frame" else np.float32)
        return np.concatenate(parts)

    def has(self, key: str) -> bool:
        """Whether the chunks hold an array."""
        return key in self._keys

    @property
    def _needed(self) -> list[str]:
        """The arrays that every chunk has."""
        names = self.info["meshes"]
        of_meshes = [f"{name}.{part}" for name in names for part in REQUIRED]
        return ["frame", *(f"tracked_{name}" for name in names), *of_meshes]

    @cached_property
    def _keys(self) -> frozenset[str]:
        if not self.info["chunks"]:
            return frozenset()
        file = self._file("chunks", Path(self.info["chunks"][0]["file"]).name)
        try:
            with Archive(file) as archive:
                return chunk_keys(self.info["meshes"]) & set(archive.names)
        except (OSError, ValueError) as error:
            raise unreadable(file, error) from error

    def _file(self, folder: str, name: str) -> Path:
        """A file of the take. Raises InputError where its folder is a link, which could lead anywhere."""
        if not is_real_folder(self.path / folder):
            raise InputError(f"The take's folder {self.path / folder} is missing or a link: capture the footage again.")
        return self.path / folder / name

    def _mesh(self, name: str) -> Mesh:
        if name not in self._loaded_meshes:
            self._loaded_meshes[name] = load_mesh(self._file("meshes", f"{name}.npz"), name)
        return self._loaded_meshes[name]

    def _check_frames(self, frame: np.ndarray | None, entry: dict[str, Any]) -> None:
        """Raises ValueError where the frames of a chunk are not those that take.json lists."""
        if frame is None:
            return
        source = self.info["source"]
        if frame[0] != entry["first_frame"] or (np.diff(frame) <= 0).any():
            raise ValueError("its frames are not those that take.json lists")
        if frame[-1] > source["first_frame"] + source["frame_count"]:
            raise ValueError("its frames lie outside the footage")


def open_take(path: str | Path) -> Take:
    """Open the take in a folder (or by the take.json in it).

    Raises InputError where there is none, one of a newer version, or one that no capture could have written.
    """
    folder = Path(path)
    if folder.name == "take.json":
        folder = folder.parent
    return Take(folder, read_description(folder))


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
