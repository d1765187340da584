"""Reads the pickles of licensed model files without running anything.

The files are pickles of other people's classes: chumpy arrays, scipy matrices, whole torch modules. Unpickling calls
whatever a file names, so the standard reader would let whoever made the file run code on this machine. This reader
knows a dozen names, each replaced by a stand-in that only keeps data; other classes become inert records that keep
their state; a file that calls anything else, or names anything else of Python's standard library, is refused.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterable
from typing import Any, cast

from dice_core.errors import InputError
from dice_core.network.files.array_records import NUMPY_NAMES
from dice_core.network.files.pickle_machine import PickleMachine
from dice_core.network.files.pickle_state import RefusedPickleError
from dice_core.network.files.records import AttributeDict, Record, Sealed, Stateful, is_record_class, record_class

__all__ = ["RestrictedUnpickler", "load", "run"]

_MOST_CLASSES = 2_000


def _encode(text: object, encoding: object) -> bytes:
    """How pickles of protocol 2 write bytes."""
    if encoding not in ("latin1", "latin-1") or not isinstance(text, str):
        raise RefusedPickleError("The file was refused: it encodes text in a way that no model file needs.")
    return text.encode("latin-1")


def _same(kinds: type | tuple[type, ...], empty: Callable[[], object]) -> Callable[..., object]:
    """Stand-in for a type of Python's own that is only called with what it gives back, or with nothing."""

    def stand_in(value: object = None) -> object:
        if value is None:
            return empty()
        if not isinstance(value, kinds):
            raise RefusedPickleError("The file was refused: it converts something that no model file does.")
        return value

    return stand_in


def _reconstructor(kind: type, base: type, state: object) -> object:
    """How pickles of protocols 0 and 1 make objects."""
    if not is_record_class(kind):
        raise RefusedPickleError("The file was refused: it reconstructs something which no model file needs.")
    record = kind.__new__(kind)
    if isinstance(state, dict):
        record.entries.update(state)
    return record


_KNOWN: dict[tuple[str, str], object] = {
    ("collections", "OrderedDict"): AttributeDict,
    ("copy_reg", "_reconstructor"): _reconstructor,
    ("_codecs", "encode"): _encode,
    **NUMPY_NAMES,
}
# What these are called with is copied, so the machine calls them itself and counts.
_CONTAINERS = {"set": set, "frozenset": frozenset, "list": list, "dict": dict, "tuple": tuple}
_BUILTINS: dict[str, object] = {
    **_CONTAINERS,
    "object": object,
    "bytes": _same(bytes, bytes),
    "bytearray": _same(bytes | bytearray, bytearray),  # type: ignore[arg-type]
    "str": _same(str, str),
    "unicode": _same(str, str),
    "int": _same(int, int),
    "long": _same(int, int),
    "float": _same(float, float),
    "bool": _same(bool, bool),
}
# Classes of the standard library that saved configurations hold; they become records like any other class.
_HARMLESS = {("argparse", "Namespace"), ("collections", "defaultdict")}
_RENAMED = {"copyreg": "copy_reg", "__builtin__": "builtins", "numpy._core.multiarray": "numpy.core.multiarray"}
_RENAMED["numpy._core.numeric"] = "numpy.core.numeric"


class RestrictedUnpickler(PickleMachine):
    """Resolves names to stand-ins, imports nothing, and calls nothing but these.

    known : further names and their stand-ins.
    """

    def __init__(
        self, data: bytes | memoryview, position: int = 0, known: dict[tuple[str, str], object] | None = None
    ) -> None:
        super().__init__(data, position)
        self._known = {**_KNOWN, **(known or {})}
        self._classes: dict[tuple[str, str], object] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Stand-in for a name that the file mentions."""
        module = _RENAMED.get(module, module)
        if (module, name) in self._known:
            return self._known[module, name]
        if module == "builtins" and name in _BUILTINS:
            return _BUILTINS[name]
        root = module.split(".", 1)[0]
        if root in sys.stdlib_module_names and (module, name) not in _HARMLESS:
            raise RefusedPickleError(
                f"The file was refused: it names {module}.{name}, which no model file needs, so nothing of it was run."
            )
        if (module, name) not in self._classes:
            if len(self._classes) >= _MOST_CLASSES:
                raise RefusedPickleError("The file was refused: it names more classes than any model file does.")
            self._classes[module, name] = record_class(module, name)
        return self._classes[module, name]

    def persistent_load(self, identity: object) -> object:
        """Data kept outside the pickle; only torch archives have any."""
        raise RefusedPickleError("The file was refused: its pickle refers to data outside it.")

    def call(self, function: object, arguments: tuple[Any, ...]) -> object:
        """Call a stand-in."""
        if any(function is kind for kind in _CONTAINERS.values()):
            return self._container(cast(type, function), arguments)
        if is_record_class(function):
            return function(*arguments)  # says what was called
        known = any(function is other for other in (*self._known.values(), *_BUILTINS.values()))
        if not known or not callable(function):
            raise RefusedPickleError("The file was refused: it calls something that is no function of model files.")
        self.spend(0, sum(len(part) for part in arguments if isinstance(part, str | bytes | bytearray)))
        return function(*arguments)

    def _container(self, kind: type, arguments: tuple[Any, ...]) -> object:
        values = arguments[0] if arguments else ()
        if len(arguments) > 1 or not isinstance(values, list | tuple | set | frozenset | dict):
            raise RefusedPickleError("The file was refused: it makes a list of something that is none.")
        self.spend(len(values))
        if kind is dict:
            made: dict[Any, Any] = {}
            self.set_items(made, values.items() if isinstance(values, dict) else map(_pair, values))
            return made
        return kind(map(self.key, values) if kind in (set, frozenset) else values)

    def make(self, kind: object, arguments: tuple[Any, ...]) -> object:
        """A record of an unknown class; others are not made without a call."""
        if is_record_class(kind):
            return kind.__new__(kind, *arguments)
        if kind is AttributeDict and not arguments:
            return AttributeDict()
        raise RefusedPickleError("The file was refused: it makes an object of a class that no model file has.")

    def build(self, instance: object, state: object) -> None:
        """Give a stand-in its state; nothing else has any, classes least of all."""
        if isinstance(instance, Sealed):
            raise RefusedPickleError("The file was refused: it changes a tensor after it was made.")
        if isinstance(instance, Stateful):
            instance.__setstate__(state)
        elif not isinstance(instance, AttributeDict):
            raise RefusedPickleError("The file was refused: it changes something that has no state.")

    def extend(self, container: object, values: list[Any]) -> None:
        """Elements for a list or a record."""
        if not isinstance(container, list | Record):
            raise RefusedPickleError("The file was refused: it adds to something that is no list.")
        container.extend(values)

    def set_items(self, container: object, items: Iterable[tuple[Any, Any]]) -> None:
        """Items for a dictionary or a record."""
        if not isinstance(container, dict | Record):
            raise RefusedPickleError("The file was refused: it adds to something that is no dictionary.")
        for key, value in items:
            container[self.key(key)] = value

    def key(self, value: Any) -> Any:
        """Records and their classes are keys by what they are, not by what they hold."""
        return value if isinstance(value, Record) or is_record_class(value) else super().key(value)


def _pair(item: object) -> tuple[Any, Any]:
    if not isinstance(item, list | tuple) or len(item) != 2:
        raise ValueError("an item of a dictionary is no pair")
    return item[0], item[1]


def load(
    data: bytes | memoryview, make: Callable[[bytes | memoryview], RestrictedUnpickler] = RestrictedUnpickler
) -> Any:
    """What a pickle holds, as plain Python, `Record` and `ArrayRecord` objects.

    data : the pickle; what follows it is left alone. make : the reader to use.
    Raises RefusedPickleError where the pickle would run or import something, InputError where it is damaged.
    """
    return run(make(data))


def run(machine: RestrictedUnpickler) -> Any:
    """What a reader finds; afterwards its `position` is where the pickle has ended. Raises as `load`."""
    try:
        return machine.run()
    except InputError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, struct.error) as error:
        raise InputError(f"The file is damaged, or not a pickle: {error}") from None
    except (OverflowError, MemoryError, RecursionError) as error:
        raise InputError(f"The file is damaged: {error}") from None
