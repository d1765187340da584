"""Fitted frames of an unfinished capture, in blocks on disk: a capture that was killed goes on after the last one."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path

import numpy as np

from dice_core.engines.base import FittedFrame
from dice_core.engines.frame_table import FrameTable
from dice_core.errors import InputError
from dice_core.take.format import load_arrays, write_arrays

__all__ = ["NEIGHBOURS", "BlockStore", "another_version", "block_file", "in_blocks", "load_last", "save_block"]

NEIGHBOURS = 2
"""Blocks before and after one that its post-processing looks at. The more there are, and the smaller, the less is left
to do when the last frame is fitted."""

_TRACKER = "tracker."
_TABLE = "table."


class BlockStore:
    """The blocks of a capture, one after the other; what is no longer needed is on disk alone.

    folder : where they are kept; table : the engine's kind of table.
    """

    def __init__(self, folder: Path, table: type[FrameTable]) -> None:
        self._folder = folder
        self._table = table
        self._tables: list[FrameTable | None] = []  # None: on disk alone
        self._last: FittedFrame | None = None
        self.frames = 0
        while (file := self._file(len(self._tables))).exists():
            arrays = load_arrays(file)
            self._enter(_rows_of(arrays, table, folder), _within(arrays, _TRACKER))
            self._tables[-1] = None

    def __len__(self) -> int:
        return len(self._tables)

    @property
    def last(self) -> FittedFrame | None:
        """The last frame, None where there is none."""
        return self._last

    def append(self, block: list[FittedFrame], *, save: bool) -> None:
        """Add a block; save : on disk too. One that was cut short is not saved, and made anew by the next run."""
        if save:
            save_block(self._folder, len(self._tables), block)
        self._enter(_joined(block), block[-1].tracker)

    def window(self, index: int) -> tuple[FrameTable, int, int]:
        """A block with its `NEIGHBOURS`: the joined rows, and the first row and the one past the last of the block."""
        first = max(0, index - NEIGHBOURS)
        tables = [self._rows(number) for number in range(first, min(index + 1 + NEIGHBOURS, len(self)))]
        start = sum(map(len, tables[: index - first]))
        return type(tables[0]).join(tables), start, start + len(tables[index - first])

    def release(self, index: int) -> None:
        """Forget the rows of a block that no window will need again."""
        self._tables[index] = None

    def _rows(self, index: int) -> FrameTable:
        rows = self._tables[index]
        if rows is None:
            rows = self._tables[index] = _rows_of(load_arrays(self._file(index)), self._table, self._folder)
        return rows

    def _enter(self, rows: FrameTable, tracker: dict[str, np.ndarray]) -> None:
        self._tables.append(rows)
        self._last = FittedFrame(rows.rows(slice(len(rows) - 1, len(rows))), tracker)
        self.frames += len(rows)

    def _file(self, index: int) -> Path:
        return block_file(self._folder, index)


def block_file(folder: Path, index: int) -> Path:
    """Where a block is saved."""
    return folder / f"block-{index:06d}.npz"


def save_block(folder: Path, index: int, block: list[FittedFrame]) -> None:
    """Write a block where a `BlockStore` finds it. Raises InputError where that is impossible."""
    arrays = {f"{_TABLE}{name}": values for name, values in _joined(block).to_arrays().items()}
    arrays |= {f"{_TRACKER}{name}": values for name, values in block[-1].tracker.items()}
    write_arrays(block_file(folder, index), arrays, compressed=False)


def load_last(folder: Path, index: int, table: type[FrameTable]) -> FittedFrame:
    """The last frame of a block. Raises InputError where it is missing or damaged."""
    arrays = load_arrays(block_file(folder, index))
    rows = _rows_of(arrays, table, folder)
    return FittedFrame(rows.rows(slice(len(rows) - 1, len(rows))), _within(arrays, _TRACKER))


def _rows_of(arrays: dict[str, np.ndarray], table: type[FrameTable], folder: Path) -> FrameTable:
    """The rows of a saved block. Raises InputError where it was saved by a version that knew other columns."""
    try:
        return table.from_arrays(_within(arrays, _TABLE))
    except KeyError as error:
        raise another_version(folder.parent) from error


def another_version(take: Path) -> InputError:
    """What is raised where a take was begun by a version that goes about it in another way."""
    return InputError(f"{take} was begun by another version of DICE: delete it and capture the footage again.")


def _joined(block: list[FittedFrame]) -> FrameTable:
    return type(block[0].table).join([frame.table for frame in block])


def in_blocks(frames: Iterable[FittedFrame], size: int) -> Generator[list[FittedFrame], None, None]:
    """Frames in lists of `size`; the last one is shorter where they end earlier."""
    block: list[FittedFrame] = []
    for frame in frames:
        block.append(frame)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


def _within(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
