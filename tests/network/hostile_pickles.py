"""Pickles that take a reader's time or memory, or touch what is not theirs: each is to be refused."""

from __future__ import annotations

import struct


def named(module: str, name: str) -> bytes:
    """The opcode that pushes a class or function."""
    return f"c{module}\n{name}\n".encode()


def laughs(levels: int, kind: bytes) -> bytes:
    """A list or tuple of two of the same, that is of two of the same, and so on: small, and exponential to walk."""
    step = b"(h\0h\0" + kind + b"q\0"
    return b"\x80\x02)q\0" + step * levels


BOMBS = {
    "a tuple as a key": laughs(60, b"t") + b"}h\0Ns.",
    "a tuple in a set": laughs(60, b"t") + b"\x8f(h\0\x90.",
    "a frozenset of tuples": laughs(60, b"t") + b"(h\0\x91.",
    "a set made of a list": laughs(60, b"t") + named("__builtin__", "set") + b"(](h\0etR.",
    "a dictionary of pairs": laughs(60, b"t") + named("__builtin__", "dict") + b"(]((h\0NtetR.",
    "text of a list": laughs(40, b"l") + named("__builtin__", "str") + b"(h\0tR.",
    "a type of a list": laughs(40, b"l") + named("numpy", "dtype") + b"(h\0tR.",
    "a class of a list": laughs(40, b"l") + named("copy_reg", "_reconstructor") + b"(h\0NNtR.",
    "bytes by number": named("__builtin__", "bytes") + b"(I8000000000\ntR.",
    "a bytearray by number": named("__builtin__", "bytearray") + b"(I8000000000\ntR.",
    "a bytearray that is not there": b"\x80\x05\x96" + struct.pack("<Q", 8_000_000_000) + b".",
    "text that is not there": b"\x80\x04\x8d" + struct.pack("<Q", 8_000_000_000) + b".",
    "bytes again and again": b"\x80\x02X" + struct.pack("<I", 10**6) + b"a" * 10**6 + b"q\0X\6\0\0\0latin1q\1"
    b"c_codecs\nencode\nq\2" + b"h\2h\0h\1\x86R" * 2000 + b"\x85.",
    "lists of lists": b"\x80\x02]("
    + b"N" * 10**5
    + b"eq\0"
    + b"c__builtin__\nlist\nq\1"
    + b"h\1h\0\x85R" * 2000
    + b"\x85.",
    "keys that fall into one place": b"\x80\x02}("
    + b"".join(b"\x8a\x0a" + (k * (2**61 - 1)).to_bytes(10, "little") + b"N" for k in range(1, 20_000))
    + b"u.",
    "thousands of classes": b"\x80\x02(" + b"".join(named("m", f"C{k}") for k in range(5000)) + b"t.",
    "a name of a megabyte": named("m", "C" * 10**6) + b".",
    "millions of objects": b"\x80\x02(" + b"]" * 4_000_000 + b"t.",
    "an attribute of our class": named("collections", "OrderedDict") + b"N}X\3\0\0\0getNs\x86b.",
    "an attribute of a class": named("m", "C") + b"}X\5\0\0\0stateNsb.",
    "an attribute of an array's class": named("numpy", "ndarray") + b"}X\5\0\0\0arrayNsb.",
    "an object of str": named("__builtin__", "str") + b"(t\x81.",
    "an extension": b"\x80\x02\x82\1.",
    "a buffer from outside": b"\x80\x05\x97.",
}
