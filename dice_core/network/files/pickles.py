"""Reads the pickles of licensed model files without running anything.

The files are pickles of other people's classes: chumpy arrays, scipy matrices, whole torch modules. Unpickling calls
whatever a file names, so the standard reader would let whoever made the file run code on this machine. This reader
knows a dozen names, each replaced by a stand-in that only keeps data; other classes become inert records that keep
their state; a file that calls anything else, or names anything else of Python's standard library, is refused.
"""

from __future__ import annotations

import io
import pickle
import re
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import numpy as np

from dice_core.errors import InputError

__all__ = ["ArrayRecord", "AttributeDict", "Record", "RefusedPickleError", "RestrictedUnpickler", "as_array", "load"]


class RefusedPickleError(InputError):
    """A pickle names or calls something that no model file needs."""


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
    """Stand-in for OrderedDict, whose instances may carry attributes (torch puts `_metadata` on state dicts)."""


class _DtypeRecord:
    """Stand-in for numpy.dtype: only plain numbers, text and object references."""

    def __init__(self, kind: object, *_: object) -> None:
        text = kind.decode("latin-1") if isinstance(kind, bytes) else str(kind)
        if not re.fullmatch(r"[fiub]\d{1,2}|[SUV]\d+|O\d*", text):
            raise RefusedPickleError(f"The file was refused: it holds an array of an unknown type, {text[:20]!r}.")
        self.text = text
        self.order = "<"

    def __setstate__(self, state: tuple[object, ...]) -> None:
        if len(state) > 1 and state[1] in (">", b">"):
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

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        shape, dtype, fortran, data = state[-4:]
        self.fill(data, dtype, shape, bool(fortran))

    def fill(self, data: object, dtype: object, shape: object, fortran: bool) -> ArrayRecord:
        if not isinstance(dtype, _DtypeRecord) or not isinstance(shape, tuple):
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
        if min(self._shape, default=0) < 0 or int(np.prod(self._shape)) * dtype.itemsize != len(data):
            raise InputError("The file holds an array whose size and shape differ: it is damaged.")
        flat = np.frombuffer(bytes(data), dtype).astype(dtype.newbyteorder("="), copy=False)
        return flat.reshape(self._shape, order="F" if self._fortran else "C")


def _frombuffer(data: object, dtype: object, shape: object, order: object) -> ArrayRecord:
    return ArrayRecord().fill(bytes(data), dtype, shape, order == "F")  # type: ignore[call-overload]


def _scalar(dtype: object, data: object) -> object:
    return ArrayRecord().fill(data, dtype, (), False).array()[()]


def _encode(text: str, encoding: str) -> bytes:
    """How pickles of protocol 2 write bytes."""
    if encoding not in ("latin1", "latin-1"):
        raise RefusedPickleError("The file was refused: it encodes text in a way that no model file needs.")
    return text.encode("latin-1")


def _reconstructor(kind: type, base: type, state: object) -> object:
    """How pickles of protocols 0 and 1 make objects."""
    if not isinstance(kind, _RecordType):
        raise RefusedPickleError(f"The file was refused: it reconstructs {kind!r}, which no model file needs.")
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
_BUILTINS: dict[str, type] = {
    kind.__name__: kind
    for kind in (set, frozenset, list, dict, tuple, object, bytes, bytearray, complex, int, float, bool, str, slice)
}
_BUILTINS.update({"unicode": str, "long": int})
# Classes of the standard library that saved configurations hold; they become records like any other class.
_HARMLESS = {("argparse", "Namespace"), ("collections", "defaultdict")}
_RENAMED = {"copyreg": "copy_reg", "__builtin__": "builtins", "numpy._core.multiarray": "numpy.core.multiarray"}
_RENAMED["numpy._core.numeric"] = "numpy.core.numeric"


class RestrictedUnpickler(pickle.Unpickler):
    """Unpickler that resolves names to stand-ins and imports nothing.

    known : further names and their stand-ins.
    """

    def __init__(self, stream: BinaryIO, known: dict[tuple[str, str], object] | None = None) -> None:
        super().__init__(stream, encoding="latin-1")
        self._known = {**_KNOWN, **(known or {})}

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
        return _RecordType(name, (Record,), {"__module__": module, "__qualname__": name})

    def persistent_load(self, identity: object) -> object:
        """Data kept outside the pickle; only torch archives have any."""
        raise RefusedPickleError("The file was refused: its pickle refers to data outside it.")


def load(stream: BinaryIO | bytes, make: Callable[[BinaryIO], RestrictedUnpickler] = RestrictedUnpickler) -> Any:
    """What a pickle holds, as plain Python, `Record` and `ArrayRecord` objects.

    stream : the pickle, read up to its end; make : the reader to use.
    Raises RefusedPickleError where the pickle would run or import something, InputError where it is damaged.
    """
    try:
        return make(io.BytesIO(stream) if isinstance(stream, bytes) else stream).load()
    except InputError:
        raise
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise InputError(f"The file is damaged, or not a pickle: {error}") from None
    except (UnicodeError, OverflowError, MemoryError, RecursionError, ImportError) as error:
        raise InputError(f"The file is damaged: {error}") from None


def as_array(value: object) -> np.ndarray:
    """Numbers of an array, a chumpy object (array under `x`, a selection under `a` and `idxs`) or a scipy matrix.

    Returns an array; a sparse matrix becomes a dense one.
    Raises InputError where `value` is none of these.
    """
    if isinstance(value, ArrayRecord):
        return value.array()
    if isinstance(value, np.ndarray | list | tuple | int | float | np.generic):
        return np.asarray(value)
    if isinstance(value, Record):
        state = value.state
        if "x" in state:
            return as_array(state["x"])
        if "a" in state and "idxs" in state:
            shape = state.get("preferred_shape")
            try:
                picked = as_array(state["a"]).ravel()[as_array(state["idxs"])]
                return picked if shape is None else picked.reshape(as_array(shape).astype(int))
            except (IndexError, ValueError):
                raise InputError("The file holds a selection of numbers that are not there: it is damaged.") from None
        if "indptr" in state:
            return _dense(value)
    kind = value.class_name if isinstance(value, Record) else type(value).__name__
    raise InputError(f"The file holds a {kind} where an array was expected: it is damaged or another file.")


def _dense(matrix: Record) -> np.ndarray:
    """Dense copy of a compressed sparse scipy matrix."""
    state = matrix.state
    shape = state["_shape"] if "_shape" in state else state["shape"]
    rows, columns = (int(size) for size in shape)
    data, minor, starts = (as_array(state[name]) for name in ("data", "indices", "indptr"))
    major = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    by_column = "csc" in type(matrix).__qualname__
    dense = np.zeros((rows, columns), data.dtype)
    try:
        np.add.at(dense, (minor, major) if by_column else (major, minor), data)
    except (IndexError, ValueError):
        raise InputError("The file holds a sparse matrix whose indices lie outside it: it is damaged.") from None
    return dense
