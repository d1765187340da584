"""Typed columns with one row a frame: what an engine knows of a stretch of footage, plain enough to save."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any, Self, TypeVar, cast

import numpy as np
from numpy.typing import DTypeLike

__all__ = ["FrameTable", "column", "table"]

Nested = TypeVar("Nested", bound="FrameTable")


def column(*shape: int, dtype: DTypeLike = np.float64) -> Any:
    """A field of a `FrameTable`: an array (T, *shape)."""
    return field(metadata={"shape": shape, "dtype": dtype})


def table(kind: type[Nested]) -> Any:
    """A field of a `FrameTable` that is itself a table, with as many rows."""
    return field(metadata={"table": kind})


@dataclass
class FrameTable:
    """Columns of one length T, declared by `column` and `table` in a dataclass that inherits from this one."""

    def __len__(self) -> int:
        first = getattr(self, fields(self)[0].name)
        return len(first)

    @classmethod
    def empty(cls, count: int) -> Self:
        """A table of `count` rows in which everything is zero."""

        def zeros(declared: Field[Any]) -> Any:
            if "table" in declared.metadata:
                return declared.metadata["table"].empty(count)
            return np.zeros((count, *declared.metadata["shape"]), declared.metadata["dtype"])

        return cls(**{declared.name: zeros(declared) for declared in fields(cls)})

    @classmethod
    def join(cls, tables: Sequence[Self]) -> Self:
        """Tables one after the other."""

        def joined(declared: Field[Any]) -> Any:
            parts = [getattr(one, declared.name) for one in tables]
            kind = declared.metadata.get("table")
            return np.concatenate(parts) if kind is None else kind.join(parts)

        return cls(**{declared.name: joined(declared) for declared in fields(cls)})

    def rows(self, index: slice) -> Self:
        """Some of the rows, as views."""

        def part(declared: Field[Any]) -> Any:
            values = getattr(self, declared.name)
            return values.rows(index) if isinstance(values, FrameTable) else values[index]

        return type(self)(**{declared.name: part(declared) for declared in fields(self)})

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Every column by its name; those of a table within are named "table.column"."""
        arrays: dict[str, np.ndarray] = {}
        for declared in fields(self):
            values = getattr(self, declared.name)
            if isinstance(values, FrameTable):
                arrays |= {f"{declared.name}.{name}": array for name, array in values.to_arrays().items()}
            else:
                arrays[declared.name] = values
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """Inverse of `to_arrays`. Raises KeyError where a column is missing."""

        def loaded(declared: Field[Any]) -> Any:
            kind = declared.metadata.get("table")
            if kind is None:
                return arrays[declared.name]
            prefix = f"{declared.name}."
            within = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
            return cast(type[FrameTable], kind).from_arrays(within)

        return cls(**{declared.name: loaded(declared) for declared in fields(cls)})
