"""What a pickle machine works with: its input, stack and memo, and the budget of objects and bytes it may use."""

from __future__ import annotations

import struct
from typing import Any

from dice_core.errors import InputError

__all__ = ["MARK", "PickleState", "RefusedPickleError", "Stack"]

_OPERATIONS = 1_500_000
"""Operations, and elements of lists that are copied: the whole module of the DICE network takes 270,000."""

_SPARE_BYTES = 16_000_000
"""Bytes that a pickle may make beyond four times its own size: text is kept in up to four bytes a character."""

MARK = object()
"""What an opening bracket leaves on the stack; it never is an object of the file."""


class RefusedPickleError(InputError):
    """A pickle names or calls something that no model file needs."""


class Stack(list[Any]):
    """What the machine works on. Popping from below a mark or from nothing raises IndexError or ValueError."""

    def pop_to_mark(self) -> list[Any]:
        """Everything above the last mark, which goes with it."""
        place = len(self) - 1
        while self[place] is not MARK:
            place -= 1
            if place < 0:
                raise ValueError("a mark is missing")
        above = self[place + 1 :]
        del self[place:]
        return above


class PickleState:
    """Input, stack, memo and budget of one pickle.

    data : the pickle and whatever follows it; position : where the next byte is read.
    Reading past the end raises ValueError, a memo that was never set KeyError.
    """

    def __init__(self, data: bytes | memoryview, position: int = 0) -> None:
        self._data = memoryview(data)
        self.position = position
        self._stack = Stack()
        self._memo: dict[int, Any] = {}
        self._operations = _OPERATIONS
        self._bytes = 4 * (len(self._data) - position) + _SPARE_BYTES

    def spend(self, objects: int, size: int = 0) -> None:
        """Take objects and bytes off the budget. Raises RefusedPickleError where it is used up."""
        self._operations -= objects
        self._bytes -= size
        if self._operations < 0 or self._bytes < 0:
            raise RefusedPickleError("The file was refused: it makes more objects than any model file holds.")

    def _plain(self, value: Any) -> Any:
        """The value, which must not be a mark."""
        if value is MARK:
            raise ValueError("a mark is where an object should be")
        return value

    def _take(self, count: int) -> memoryview:
        """The next bytes of the input."""
        end = self.position + count
        if not 0 <= count <= len(self._data) - self.position:
            raise ValueError("it ends before its data does")
        part = self._data[self.position : end]
        self.position = end
        return part

    def _number(self, form: str) -> int:
        """An integer of the input; form : of the module struct."""
        (value,) = struct.unpack(form, self._take(struct.calcsize(form)))
        return int(value)

    def _line(self) -> bytes:
        """Up to the end of a line. Looks in parts, since a memoryview cannot be searched."""
        start = self.position
        while True:
            part = bytes(self._data[self.position : self.position + 4096])
            end = part.find(b"\n")
            if end >= 0:
                self.position += end + 1
                return bytes(self._data[start : self.position - 1])
            if not part:
                raise ValueError("it ends within a line")
            self.position += len(part)

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        return self._plain(self._stack.pop())

    def _get(self, index: int) -> None:
        self._push(self._memo[index])

    def _put(self, index: int) -> None:
        self._memo[index] = self._plain(self._stack[-1])
