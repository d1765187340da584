"""Reads the pickles of licensed model files without running anything.

The files are pickles of other people's classes: chumpy arrays, scipy matrices, whole torch modules. Unpickling calls
whatever a file names, so the standard reader would let whoever made the file run code on this machine. This reader
knows a dozen names, each replaced by a stand-in that only keeps data; other classes become inert records that keep
their state; a file that calls anything else, or names anything else of Python's standard library, is refused.
"""

from __future__ import annotations

import math
import re
import struct
import sys
from collections.abc import Callable, Iterable
from typing import Any, cast

import numpy as np

from dice_core.errors import InputError
from dice_core.network.files.pickle_machine import PickleMachine, RefusedPickleError

__all__ = [
    "MOST_ELEMENTS",
    "ArrayRecord",
    "AttributeDict",
    "Record",
    "RefusedPickleError",
    "RestrictedUnpickler",
    "Sealed",
    "as_array",
    "load",
    "run",
]

MOST_ELEMENTS = 8_000_000
"""Numbers of an array; the largest, FLAME's shape basis of 5,023 x 3 x 400, has six million, which take 48 MB."""

_MOST_CLASSES = 2_000
_DEEPEST = 8  # objects within objects that lead to an array; chumpy's have two


class Sealed:
    """An object that a pickle may make and may not change afterwards: its checks were made once."""


class _RecordType(type):
    """Type of the stand-ins for unknown classes: unpickling may make instances, but not call them."""

    def __call__(cls, *arguments: object, **named: object) -> object:
        raise RefusedPickleError(
            f"The file was refused: it calls {cls.__module__}.{cls.__qualname__}, which no model file needs, "
            "so nothing of it was run."
        )


class Record(metaclass=_RecordType):
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


class AttributeDict(dict):
    """Stand-in for OrderedDict; attributes of one (torch puts `_metadata` on state dicts) are left out."""


class _DtypeRecord:
    """Stand-in for numpy.dtype: only plain numbers, text and object references."""

    def __init__(self, kind: object, *_: object) -> None:
        text = kind.decode("latin-1") if isinstance(kind, bytes) else kind
        if not isinstance(text, str) or not re.fullmatch(r"[fiub]\d{1,2}|[SUV][1-9]\d{0,4}|O\d?", text):
            raise RefusedPickleError("The file was refused: it holds an array of an unknown type.")
        self.text = text
        self.order = "<"

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in (">", b">"):
            self.order = ">"

    @property
    def holds_objects(self) -> bool:
        return self.text.startswith("O")

    def dtype(self) -> np.dtype:
        return np.dtype(self.order + self.text)


class ArrayRecord:
    """Stand-in for a numpy array; `array` makes one of it, `objects` are the elements of an array of objects."""

    def __init__(self, *_: object) -> None:
        self._shape: tuple[int, ...] = (0,)
        self._dtype = _DtypeRecord("f8")
        self._fortran = False
        self._data: object = b""

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 4:
            raise RefusedPickleError("The file was refused: it holds an array that is not described as one.")
        shape, dtype, fortran, data = state[-4:]
        self.fill(data, dtype, shape, bool(fortran))

    def fill(self, data: object, dtype: object, shape: object, fortran: bool) -> ArrayRecord:
        if not isinstance(dtype, _DtypeRecord) or not isinstance(shape, tuple) or len(shape) > 8:
            raise RefusedPickleError("The file was refused: it holds an array that is not described as one.")
        self._shape, self._dtype, self._fortran = tuple(int(size) for size in shape), dtype, fortran
        self._data = data
        return self

    @property
    def objects(self) -> list[Any]:
        if not self._dtype.holds_objects or not isinstance(self._data, list):
            raise InputError("The file holds numbers where objects were expected: it is damaged or another file.")
        return self._data

    def array(self) -> np.ndarray:
        data = self._data.encode("latin-1") if isinstance(self._data, str) else self._data
        if self._dtype.holds_objects or not isinstance(data, bytes | bytearray | memoryview):
            raise InputError("The file holds objects where numbers were expected: it is damaged or another file.")
        dtype = self._dtype.dtype()
        if min(self._shape, default=0) < 0 or math.prod(self._shape) * dtype.itemsize != len(data):
            raise InputError("The file holds an array whose size and shape differ: it is damaged.")
        flat = np.frombuffer(bytes(data), dtype).astype(dtype.newbyteorder("="), copy=False)
        return flat.reshape(self._shape, order="F" if self._fortran else "C")


def _frombuffer(data: object, dtype: object, shape: object, order: object) -> ArrayRecord:
    return ArrayRecord().fill(data, dtype, shape, order == "F")


def _scalar(dtype: object, data: object) -> object:
    return ArrayRecord().fill(data, dtype, (), False).array()[()]


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
    if not isinstance(kind, _RecordType):
        raise RefusedPickleError("The file was refused: it reconstructs something which no model file needs.")
    stand_in = cast("type[Record]", kind)
    record = stand_in.__new__(stand_in)
    if isinstance(state, dict):
        record.entries.update(state)
    return record


_KNOWN: dict[tuple[str, str], object] = {
    ("collections", "OrderedDict"): AttributeDict,
    ("copy_reg", "_reconstructor"): _reconstructor,
    ("_codecs", "encode"): _encode,
    ("numpy", "ndarray"): ArrayRecord,
    ("numpy", "dtype"): _DtypeRecord,
    ("numpy.core.multiarray", "_reconstruct"): ArrayRecord,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
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
            space = {"__module__": module, "__qualname__": name}
            self._classes[module, name] = _RecordType(name, (Record,), space)
        return self._classes[module, name]

    def persistent_load(self, identity: object) -> object:
        """Data kept outside the pickle; only torch archives have any."""
        raise RefusedPickleError("The file was refused: its pickle refers to data outside it.")

    def call(self, function: object, arguments: tuple[Any, ...]) -> object:
        """Call a stand-in."""
        if any(function is kind for kind in _CONTAINERS.values()):
            return self._container(cast(type, function), arguments)
        if isinstance(function, _RecordType):
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
        if isinstance(kind, _RecordType):
            return cast("type[Record]", kind).__new__(cast("type[Record]", kind), *arguments)
        if kind is AttributeDict and not arguments:
            return AttributeDict()
        raise RefusedPickleError("The file was refused: it makes an object of a class that no model file has.")

    def build(self, instance: object, state: object) -> None:
        """Give a stand-in its state; nothing else has any, classes least of all."""
        if isinstance(instance, Sealed):
            raise RefusedPickleError("The file was refused: it changes a tensor after it was made.")
        if isinstance(instance, Record | ArrayRecord | _DtypeRecord):
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
        return value if isinstance(value, Record | _RecordType) else super().key(value)


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


def as_array(value: object, depth: int = 0) -> np.ndarray:
    """Numbers of an array, a chumpy object (array under `x`, a selection under `a` and `idxs`) or a scipy matrix.

    depth : how many objects have led to this one.
    Returns an array of numbers; a sparse matrix becomes a dense one.
    Raises InputError where `value` is none of these, or has more than `MOST_ELEMENTS`.
    """
    array = _as_array(value, depth)
    if array.dtype.kind not in "fiub" or array.size > MOST_ELEMENTS:
        raise InputError("The file holds an array of something else than numbers, or a far larger one than expected.")
    return array


def _as_array(value: object, depth: int) -> np.ndarray:
    if depth > _DEEPEST:
        raise InputError("The file holds an array within too many objects: it is damaged.")
    if isinstance(value, ArrayRecord):
        return value.array()
    if isinstance(value, int | float | np.ndarray | np.generic):
        return np.asarray(value)
    if isinstance(value, list | tuple):
        return _listed(value)
    if isinstance(value, Record):
        state = value.state
        if "x" in state:
            return as_array(state["x"], depth + 1)
        if "a" in state and "idxs" in state:
            shape = state.get("preferred_shape")
            picks = as_array(state["idxs"], depth + 1)
            try:
                picked = as_array(state["a"], depth + 1).ravel()[picks]
                return picked if shape is None else picked.reshape(as_array(shape, depth + 1).astype(int))
            except (IndexError, ValueError):
                raise InputError("The file holds a selection of numbers that are not there: it is damaged.") from None
        if "indptr" in state:
            return _dense(value, depth)
    kind = value.class_name if isinstance(value, Record) else type(value).__name__
    raise InputError(f"The file holds a {kind} where an array was expected: it is damaged or another file.")


def _listed(values: list[Any] | tuple[Any, ...]) -> np.ndarray:
    """An array of a list of numbers, or of lists of numbers. No deeper: lists may hold each other many times over."""
    rows = values if values and all(isinstance(row, list | tuple) for row in values) else [values]
    if sum(map(len, rows)) > MOST_ELEMENTS or not all(isinstance(x, int | float | np.generic) for r in rows for x in r):
        raise InputError("The file holds a list of something else than numbers: it is damaged or another file.")
    return np.array([list(row) for row in rows]).reshape(len(rows), -1) if rows is values else np.array(list(values))


def _dense(matrix: Record, depth: int) -> np.ndarray:
    """Dense copy of a compressed sparse scipy matrix."""
    state = matrix.state
    shape = as_array(state.get("_shape", state.get("shape")), depth + 1)
    data, minor, starts = (as_array(state.get(name), depth + 1) for name in ("data", "indices", "indptr"))
    by_column = "csc" in type(matrix).__qualname__
    fits = shape.shape == (2,) and data.shape == minor.shape == (len(data),) and starts.ndim == 1
    if not fits or not all(part.dtype.kind in "iu" for part in (shape, minor, starts)):
        raise InputError("The file holds a sparse matrix that is not described as one: it is damaged.")
    rows, columns = (int(size) for size in shape)
    steps: np.ndarray = np.diff(starts.astype(np.int64))
    if (
        not 0 <= rows * columns <= MOST_ELEMENTS
        or min(rows, columns) < 0
        or len(starts) != (columns if by_column else rows) + 1
        or (steps < 0).any()
        or int(starts[0]) != 0
        or int(starts[-1]) != len(data)
        or (len(data) and not 0 <= int(minor.min()) <= int(minor.max()) < (rows if by_column else columns))
    ):
        raise InputError("The file holds a sparse matrix whose indices lie outside it: it is damaged.")
    major = np.repeat(np.arange(len(steps)), steps)
    dense = np.zeros((rows, columns), data.dtype)
    np.add.at(dense, (minor, major) if by_column else (major, minor), data)
    return dense
