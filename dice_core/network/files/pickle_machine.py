"""A reader of pickles that does nothing which the file could turn against it.

Pickles are programs for a stack machine. Python's own runs all of it: it calls what a file names, hashes whatever a
file makes a key of (a tuple of 400 bytes can take longer than the age of the universe), allocates what a file asks for,
and sets attributes of anything that lies on its stack, classes too. This one knows the operations that model files
are made of, and has a budget of objects and of bytes.
"""

from __future__ import annotations

import codecs
import pickle
import struct
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from dice_core.network.files.pickle_state import MARK, PickleState, RefusedPickleError

__all__ = ["PickleMachine"]

_LONGEST_NAME = 200
_LARGEST_KEY = 2**60
"""Larger integers are no keys: it is easy to find thousands that a dictionary puts into one place."""


class PickleMachine(PickleState):
    """Runs one pickle; what names, calls and states mean is up to those who derive from it.

    data : the pickle and whatever follows it; position : where it begins, and after `run` where it has ended.
    """

    def run(self) -> Any:
        """The object that the pickle makes.

        Raises RefusedPickleError for what no model file does, ValueError, TypeError, IndexError, KeyError or
        struct.error where it is damaged.
        """
        operations = self._table
        while True:
            code = self._data[self.position]
            self.position += 1
            if code == _STOP:
                return self._plain(self._stack.pop())
            operation = operations.get(code)
            if operation is None:
                raise RefusedPickleError(f"The file was refused: operation {code} is one that no model file needs.")
            self.spend(1)
            operation(self)

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name."""
        raise NotImplementedError

    def persistent_load(self, identity: object) -> object:
        """What stands for data outside the pickle."""
        raise NotImplementedError

    def call(self, function: object, arguments: tuple[Any, ...]) -> object:
        """What stands for a call."""
        raise NotImplementedError

    def make(self, kind: object, arguments: tuple[Any, ...]) -> object:
        """A new object of a class, without a call of its initialiser."""
        raise NotImplementedError

    def build(self, instance: object, state: object) -> None:
        """Give an object its state."""
        raise NotImplementedError

    def extend(self, container: object, values: list[Any]) -> None:
        """Elements for a list, or something like one."""
        raise NotImplementedError

    def set_items(self, container: object, items: Iterable[tuple[Any, Any]]) -> None:
        """Items for a dictionary, or something like one; the keys are checked."""
        raise NotImplementedError

    def key(self, value: Any) -> Any:
        """A value that may be a key or an element of a set. Raises RefusedPickleError for others."""
        scalar = value is None or isinstance(value, str | bytes | bool | float)
        if not scalar and not (isinstance(value, int) and -_LARGEST_KEY < value < _LARGEST_KEY):
            raise RefusedPickleError("The file was refused: it has a key that is neither text nor a number.")
        return value

    def _text(self, count: int, encoding: str, errors: str = "strict") -> None:
        self.spend(0, count)
        self._push(str(self._take(count), encoding, errors))

    def _raw(self, count: int) -> None:
        self.spend(0, count)
        self._push(bytes(self._take(count)))

    def _tuple(self, count: int) -> None:
        if len(self._stack) < count:
            raise ValueError("it takes more objects than there are")
        parts = [self._plain(value) for value in self._stack[len(self._stack) - count :]]
        del self._stack[len(self._stack) - count :]
        self._push(tuple(parts))

    def _name(self, module: str, name: str) -> Any:
        if len(module) + len(name) > _LONGEST_NAME:
            raise RefusedPickleError("The file was refused: it names something by a name that is far too long.")
        return self.find_class(module, name)

    def _push_string(self) -> None:
        line = self._line().strip()
        if len(line) < 2 or line[:1] not in (b'"', b"'") or line[:1] != line[-1:]:
            raise ValueError("a text has no quotes")
        self.spend(0, len(line))
        self._push(codecs.escape_decode(line[1:-1])[0].decode("latin-1"))  # type: ignore[attr-defined]

    def _push_integer(self) -> None:
        line = self._line()
        self._push({b"00": False, b"01": True}[line] if line in (b"00", b"01") else int(line))

    def _push_long(self) -> None:
        self._push(int(self._line().rstrip(b"L")))

    def _push_bytearray(self) -> None:
        count = self._number("<Q")
        self.spend(0, count)
        self._push(bytearray(self._take(count)))

    def _push_global(self) -> None:
        module, name = self._line().decode(), self._line().decode()
        self._push(self._name(module, name))

    def _push_stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise ValueError("a name is no text")
        self._push(self._name(module, name))

    def _push_dict(self) -> None:
        parts = self._stack.pop_to_mark()
        made: dict[Any, Any] = {}
        self.set_items(made, zip(parts[::2], parts[1::2], strict=True))
        self._push(made)

    def _append(self) -> None:
        value = self._pop()
        self.extend(self._stack[-1], [value])

    def _appends(self) -> None:
        values = self._stack.pop_to_mark()
        self.extend(self._stack[-1], values)

    def _set_item(self) -> None:
        value, key = self._pop(), self._pop()
        self.set_items(self._stack[-1], [(key, value)])

    def _set_items(self) -> None:
        parts = self._stack.pop_to_mark()
        self.set_items(self._stack[-1], zip(parts[::2], parts[1::2], strict=True))

    def _add_items(self) -> None:
        values, target = self._stack.pop_to_mark(), self._stack[-1]
        if isinstance(target, set):
            target.update(self.key(value) for value in values)
        else:
            self.extend(target, values)

    def _reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(arguments, tuple):
            raise ValueError("a call has no arguments")
        self._push(self.call(function, arguments))

    def _new_object(self) -> None:
        arguments, kind = self._pop(), self._pop()
        if not isinstance(arguments, tuple):
            raise ValueError("a new object has no arguments")
        self._push(self.make(kind, arguments))

    def _new_object_extended(self) -> None:
        named = self._pop()
        if named != {}:
            raise RefusedPickleError("The file was refused: it makes an object in a way that no model file needs.")
        self._new_object()

    def _instance(self) -> None:
        module, name = self._line().decode(), self._line().decode()
        arguments = tuple(self._stack.pop_to_mark())
        self._old_instance(self._name(module, name), arguments)

    def _object(self) -> None:
        kind, *arguments = self._stack.pop_to_mark()
        self._old_instance(kind, tuple(arguments))

    def _old_instance(self, kind: object, arguments: tuple[Any, ...]) -> None:
        self._push(self.call(kind, arguments) if arguments else self.make(kind, ()))

    def _build(self) -> None:
        state = self._pop()
        self.build(self._plain(self._stack[-1]), state)

    _table: ClassVar[dict[int, Callable[[PickleMachine], object]]] = {
        pickle.PROTO[0]: lambda self: self._take(1),
        pickle.FRAME[0]: lambda self: self._take(8),
        pickle.MARK[0]: lambda self: self._push(MARK),
        pickle.POP[0]: lambda self: self._stack.pop(),
        pickle.POP_MARK[0]: lambda self: self._stack.pop_to_mark(),
        pickle.DUP[0]: lambda self: self._push(self._plain(self._stack[-1])),
        pickle.NONE[0]: lambda self: self._push(None),
        pickle.NEWTRUE[0]: lambda self: self._push(True),
        pickle.NEWFALSE[0]: lambda self: self._push(False),
        pickle.INT[0]: _push_integer,
        pickle.LONG[0]: _push_long,
        pickle.BININT[0]: lambda self: self._push(self._number("<i")),
        pickle.BININT1[0]: lambda self: self._push(self._number("<B")),
        pickle.BININT2[0]: lambda self: self._push(self._number("<H")),
        pickle.LONG1[0]: lambda self: self._push(int.from_bytes(self._take(self._number("<B")), "little", signed=True)),
        pickle.LONG4[0]: lambda self: self._push(int.from_bytes(self._take(self._number("<i")), "little", signed=True)),
        pickle.FLOAT[0]: lambda self: self._push(float(self._line())),
        pickle.BINFLOAT[0]: lambda self: self._push(struct.unpack(">d", self._take(8))[0]),
        pickle.STRING[0]: _push_string,
        pickle.BINSTRING[0]: lambda self: self._text(self._number("<i"), "latin-1"),
        pickle.SHORT_BINSTRING[0]: lambda self: self._text(self._number("<B"), "latin-1"),
        pickle.UNICODE[0]: lambda self: self._push(str(self._line(), "raw-unicode-escape")),
        pickle.BINUNICODE[0]: lambda self: self._text(self._number("<I"), "utf-8", "surrogatepass"),
        pickle.SHORT_BINUNICODE[0]: lambda self: self._text(self._number("<B"), "utf-8", "surrogatepass"),
        pickle.BINUNICODE8[0]: lambda self: self._text(self._number("<Q"), "utf-8", "surrogatepass"),
        pickle.BINBYTES[0]: lambda self: self._raw(self._number("<I")),
        pickle.SHORT_BINBYTES[0]: lambda self: self._raw(self._number("<B")),
        pickle.BINBYTES8[0]: lambda self: self._raw(self._number("<Q")),
        pickle.BYTEARRAY8[0]: _push_bytearray,
        pickle.EMPTY_LIST[0]: lambda self: self._push([]),
        pickle.EMPTY_TUPLE[0]: lambda self: self._push(()),
        pickle.EMPTY_DICT[0]: lambda self: self._push({}),
        pickle.EMPTY_SET[0]: lambda self: self._push(set()),
        pickle.LIST[0]: lambda self: self._push(self._stack.pop_to_mark()),
        pickle.TUPLE[0]: lambda self: self._push(tuple(self._stack.pop_to_mark())),
        pickle.TUPLE1[0]: lambda self: self._tuple(1),
        pickle.TUPLE2[0]: lambda self: self._tuple(2),
        pickle.TUPLE3[0]: lambda self: self._tuple(3),
        pickle.DICT[0]: _push_dict,
        pickle.FROZENSET[0]: lambda self: self._push(frozenset(map(self.key, self._stack.pop_to_mark()))),
        pickle.APPEND[0]: _append,
        pickle.APPENDS[0]: _appends,
        pickle.SETITEM[0]: _set_item,
        pickle.SETITEMS[0]: _set_items,
        pickle.ADDITEMS[0]: _add_items,
        pickle.GET[0]: lambda self: self._get(int(self._line())),
        pickle.BINGET[0]: lambda self: self._get(self._number("<B")),
        pickle.LONG_BINGET[0]: lambda self: self._get(self._number("<I")),
        pickle.PUT[0]: lambda self: self._put(int(self._line())),
        pickle.BINPUT[0]: lambda self: self._put(self._number("<B")),
        pickle.LONG_BINPUT[0]: lambda self: self._put(self._number("<I")),
        pickle.MEMOIZE[0]: lambda self: self._put(len(self._memo)),
        pickle.GLOBAL[0]: _push_global,
        pickle.STACK_GLOBAL[0]: _push_stack_global,
        pickle.PERSID[0]: lambda self: self._push(self.persistent_load(self._line().decode())),
        pickle.BINPERSID[0]: lambda self: self._push(self.persistent_load(self._pop())),
        pickle.REDUCE[0]: _reduce,
        pickle.NEWOBJ[0]: _new_object,
        pickle.NEWOBJ_EX[0]: _new_object_extended,
        pickle.INST[0]: _instance,
        pickle.OBJ[0]: _object,
        pickle.BUILD[0]: _build,
    }


_STOP = pickle.STOP[0]
