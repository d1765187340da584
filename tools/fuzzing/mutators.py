"""Changes to good inputs, at random but repeatable: bytes, JSON values, arrays and pickles."""

from __future__ import annotations

import copy
import json
import struct
from random import Random
from typing import Any

import numpy as np

__all__ = ["mutate_array", "mutate_bytes", "mutate_json", "mutate_pickle"]

_NUMBERS = [
    0,
    1,
    -1,
    2,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    2**31 - 1,
    2**31,
    -(2**31),
    2**32 - 1,
    2**53,
    2**63,
    10**12,
]
_VALUES: list[Any] = [
    *_NUMBERS,
    0.5,
    -0.0,
    1e308,
    -1e308,
    5e-324,
    float("nan"),
    float("inf"),
    float("-inf"),
    10**400,
    None,
    True,
    False,
    "",
    "a",
    "head",
    "\0",
    "\ud800",
    "../../x",
    "/etc/passwd",
    "/**/*.png",
    "//host/share/a.mp4",
    "\x1b[31m",
    "x" * 5000,
    [],
    {},
    [[]],
    [None] * 50,
    {"a": {"b": {"c": {}}}},
]
_TYPES = ("<f4", "<f8", "<f2", "<i4", "<i8", "|i1", "|u1", "<u2", ">f4", "|b1", "<U3", "|S4", "<c8", "<M8[s]")


def mutate_bytes(random: Random, data: bytes) -> bytes:
    """A few flipped, replaced, doubled, moved or missing bytes; often where headers are."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8, 30))):
        if not changed:
            return bytes(changed)
        near = random.choice((64, 512, len(changed)))
        place = random.randrange(min(near, len(changed)))
        place = len(changed) - 1 - place if random.random() < 0.2 else place
        match random.randrange(8):
            case 0:
                changed[place] ^= 1 << random.randrange(8)
            case 1:
                changed[place] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
            case 2:
                form = random.choice(("<H", ">H", "<I", ">I", "<Q", ">Q"))
                value = random.choice(_NUMBERS) % (1 << 8 * struct.calcsize(form))
                changed[place : place + struct.calcsize(form)] = struct.pack(form, value)
            case 3:
                del changed[place : place + random.choice((1, 2, 4, 100))]
            case 4:
                del changed[place:]
            case 5:
                changed[place:place] = changed[place : place + random.choice((1, 4, 12, 200))] * random.choice(
                    (1, 1, 50)
                )
            case 6:
                other = random.randrange(len(changed))
                size = random.choice((1, 4, 16, 64))
                changed[place : place + size] = changed[other : other + size]
            case 7:
                changed[place:place] = bytes(random.randrange(256) for _ in range(random.choice((1, 4, 40))))
    return bytes(changed)


def mutate_json(random: Random, value: Any) -> str:
    """JSON text of a value with a few of its parts replaced, removed, doubled or renamed; now and then broken text."""
    changed = copy.deepcopy(value)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        places = list(_places(changed))
        if not places:
            break
        holder, key = random.choice(places)
        match random.randrange(7):
            case 0 | 1 | 2:
                holder[key] = copy.deepcopy(random.choice(_VALUES))
            case 3:
                del holder[key]
            case 4:
                other, name = random.choice(places)
                if name in other if isinstance(other, dict) else name < len(other):
                    holder[key] = copy.deepcopy(other[name])
            case 5:
                if isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
                    holder[key] = holder[key] * random.choice((-1, 2, 1000)) + random.choice((-1, 0, 1))
            case 6:
                if isinstance(holder, list):
                    holder.extend(copy.deepcopy(holder[key]) for _ in range(random.choice((1, 3, 1000))))
                else:
                    holder[random.choice(("extra", "frames", "path", "file"))] = holder.pop(key)
    text = json.dumps(changed)
    if random.random() < 0.1:
        return mutate_bytes(random, text.encode()).decode("latin-1")
    if random.random() < 0.02:
        return text.replace("{", "[" * random.choice((10, 5000)), 1)
    return text


def _places(value: Any) -> Any:
    """Every place within a value, as what holds it and its key there."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def mutate_array(random: Random, array: np.ndarray) -> np.ndarray:
    """An array with other values, another type or another shape."""
    changed = np.array(array)
    match random.randrange(7):
        case 0 | 1:
            for _ in range(random.choice((1, 1, 5))):
                if changed.size and changed.dtype.kind in "fiu":
                    value = random.choice([v for v in _VALUES if isinstance(v, int | float)])
                    with np.errstate(all="ignore"):
                        number = value if isinstance(value, float) else float(min(max(value, -(10**300)), 10**300))
                        changed.flat[random.randrange(changed.size)] = np.float64(number).astype(changed.dtype)
        case 2:
            if changed.dtype.kind in "fiu":
                with np.errstate(all="ignore"):
                    changed = (changed.astype(np.float64) * random.choice((-1, 0, 2, 1e6, 1e30))).astype(changed.dtype)
        case 3:
            changed = np.zeros(changed.shape, random.choice(_TYPES))
        case 4:
            sizes = [random.choice((size, size, size + 1, 0, 1, 3)) for size in changed.shape]
            changed = np.zeros(sizes[: random.choice((len(sizes), len(sizes), 1, 0))], changed.dtype)
        case 5:
            changed = np.asfortranarray(changed[::-1])
        case 6:
            changed = changed.reshape(-1)[: random.choice((0, 1, changed.size // 2, changed.size))]
    return changed


_OPERATIONS = b"().0123IJKLMNPQRSTUVXabcd}eghijlopqrstuBCG" + bytes((*range(0x80, 0x99),))
_PIECES = [
    b"c__builtin__\nlist\n",
    b"c__builtin__\nbytes\n",
    b"c__builtin__\nset\n",
    b"ccopy_reg\n_reconstructor\n",
    b"cnumpy.core.multiarray\n_reconstruct\n",
    b"cnumpy\ndtype\n",
    b"ccollections\nOrderedDict\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"cos\nsystem\n",
    b"cbuiltins\neval\n",
    b"I99999999\n",
    b"\x8a\x05\xff\xff\xff\xff\x7f",
    b"(h\0h\0t",
    b"X\1\0\0\0x",
    b"}",
    b"](",
    b"\x85R",
    b"N}\x86b",
]


def mutate_pickle(random: Random, data: bytes) -> bytes:
    """A pickle with operations put in, taken out or replaced."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 5))):
        place = random.randrange(len(changed) + 1)
        match random.randrange(4):
            case 0:
                changed[place : place + 1] = bytes([random.choice(_OPERATIONS)])
            case 1:
                changed[place:place] = random.choice(_PIECES)
            case 2:
                changed[place:place] = random.choice(_PIECES) * random.choice((2, 40))
            case 3:
                del changed[place : place + random.choice((1, 1, 5, 30))]
    return bytes(changed)
