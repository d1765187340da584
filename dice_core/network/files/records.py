"""Inert objects that stand for those of other people's classes: a record keeps what a file says and runs nothing."""

from __future__ import annotations

from typing import Any, TypeGuard, cast

from dice_core.network.files.pickle_state import RefusedPickleError

__all__ = ["AttributeDict", "Record", "Sealed", "Stateful", "is_record_class", "record_class"]


class Sealed:
    """An object that a pickle may make and may not change afterwards: its checks were made once."""


class Stateful:
    """An object that a pickle may give a state."""

    def __setstate__(self, state: object) -> None:
        """Take the state in. Raises RefusedPickleError where it is none of such an object."""
        raise NotImplementedError


class _RecordType(type):
    """Type of the stand-ins for unknown classes: unpickling may make instances, but not call them."""

    def __call__(cls, *arguments: object, **named: object) -> object:
        raise RefusedPickleError(
            f"The file was refused: it calls {cls.__module__}.{cls.__qualname__}, which no model file needs, "
            "so nothing of it was run."
        )


class Record(Stateful, metaclass=_RecordType):
    """An object of a class that is not imported: its name, its state, and what was put into it.

    state : what the object's `__dict__` was, {} without; entries : its items, of a class derived from dict;
    members : its elements, of a class derived from list or set.
    """

    arguments: tuple[object, ...]
    state: dict[str, Any]
    entries: dict[Any, Any]
    members: list[Any]

    def __new__(cls, *arguments: object) -> Record:
        record = object.__new__(cls)
        record.arguments, record.state, record.entries, record.members = arguments, {}, {}, []
        return record

    @property
    def class_name(self) -> str:
        """Module and name of the class that the file names."""
        return f"{type(self).__module__}.{type(self).__qualname__}"

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) == 2 and isinstance(state[0], dict | None):
            slots = state[1] if isinstance(state[1], dict) else {}
            state = {**(state[0] or {}), **slots}
        if isinstance(state, dict):
            self.state.update({str(key): value for key, value in state.items()})

    def __setitem__(self, key: object, value: object) -> None:
        self.entries[key] = value

    def append(self, value: object) -> None:
        """Element of a list-like object."""
        self.members.append(value)

    def extend(self, values: list[object]) -> None:
        """Elements of a list-like object."""
        self.members.extend(values)


def record_class(module: str, name: str) -> type[Record]:
    """A new class of records that stands for the class `module`.`name`."""
    made = _RecordType(name, (Record,), {"__module__": module, "__qualname__": name})
    return cast("type[Record]", made)


def is_record_class(value: object) -> TypeGuard[type[Record]]:
    """Whether a value is the stand-in for an unknown class."""
    return isinstance(value, _RecordType)


class AttributeDict(dict):
    """Stand-in for OrderedDict; attributes of one (torch puts `_metadata` on state dicts) are left out."""
