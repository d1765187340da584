"""Model files from strangers: whatever one makes of a reader's trust, it is a sentence, soon, and in little memory."""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dice_core.child_process import child_environment, own_python_command
from dice_core.errors import InputError
from dice_core.network.files import checking
from dice_core.network.files.arrays import as_array
from dice_core.network.files.body_files import read_flame
from dice_core.network.files.checking import identify_all
from dice_core.network.files.identification import identify
from dice_core.network.files.pickle_state import PickleState, RefusedPickleError
from dice_core.network.files.pickles import load
from dice_core.network.files.records import AttributeDict
from tests.network.hostile_pickles import BOMBS, laughs, named


@pytest.mark.parametrize("program", BOMBS.values(), ids=BOMBS)
def test_pickles_that_explode(program: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    spend, asked = PickleState.spend, [0]

    def counted(state: PickleState, objects: int, size: int = 0) -> None:
        asked[0] += 1
        spend(state, objects, size)

    monkeypatch.setattr(PickleState, "spend", counted)
    with pytest.raises(InputError) as caught:
        load(program)
    assert asked[0] < 2_000_000, "it is given up, however much there is of it"
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)
    assert AttributeDict.get is dict.get
    assert not hasattr(AttributeDict(), "state")


def test_none_of_them_takes_long() -> None:
    """In a process of its own, which nothing that follows the lines of this one slows down."""
    code = (
        "import pickle, sys, time\n"
        "from dice_core.errors import InputError\n"
        "from dice_core.network.files.pickles import load\n"
        "for program in pickle.load(sys.stdin.buffer):\n"
        "    begun = time.process_time()\n"
        "    try:\n"
        "        load(program)\n"
        "    except InputError:\n"
        "        print(time.process_time() - begun)\n"
    )
    environment = {name: value for name, value in child_environment().items() if not name.startswith("COV")}
    said = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps(list(BOMBS.values())),
        capture_output=True,
        check=True,
        env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    seconds = [float(line) for line in said.stdout.split()]
    assert len(seconds) == len(BOMBS)
    assert max(seconds) < 10


def test_a_number_kept_in_a_far_place_takes_no_memory() -> None:
    assert load(b"\x80\4Nr\0\0\0\x10.") is None


@pytest.mark.parametrize("protocol", range(6))
def test_what_python_writes_is_read_as_python_reads_it(protocol: int) -> None:
    """The same objects as the standard reader, for everything that is plain."""
    shared = [1, "two", b"three"]
    value = {
        "numbers": [0, -1, 255, 256, 65535, 65536, -(2**31), 2**31, 2**70, -(2**300), 1.5, float("inf"), True, False],
        "text": ["", "ä", "\U0001f600", "line\nbreak", 'it\'s "quoted" \\', "x" * 300, "\udc80"],
        "bytes": [b"", b"\0\xff", bytes(range(256)) * 3],
        "nested": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [[]], {"a": {}}, None],
        "twice": [shared, shared],
        "sets": [{1, 2}, frozenset("ab"), set()],
        "ordered": OrderedDict(a=1, b=2),
    }
    found = load(pickle.dumps(value, protocol))
    assert found == value
    assert found["twice"][0] is found["twice"][1]


def test_objects_that_hold_themselves() -> None:
    ring = named("chumpy.ch", "Ch") + b")\x81q\0}X\1\0\0\0xh\0sb."
    with pytest.raises(InputError, match="within too many"):
        as_array(load(ring))


def nest(levels: int) -> list[object]:
    value: list[object] = [1.0]
    for _ in range(levels):
        value = [value, value]
    return value


def test_lists_are_not_walked_to_their_end() -> None:
    with pytest.raises(InputError, match="list of something else"):
        as_array(nest(50))


def test_sparse_matrices_are_as_large_as_they_can_be(tmp_path: Path) -> None:
    scipy = pytest.importorskip("scipy.sparse")
    good = scipy.csc_matrix(np.array([[0, 2.0], [1, 0], [0, 0]]))
    assert np.array_equal(as_array(load(pickle.dumps(good))), good.toarray())
    for change in (
        {"_shape": (40_000, 40_000)},
        {"_shape": (-1, 2)},
        {"_shape": ("a", 2)},
        {"indptr": np.array([0, 10**12, 2])},
        {"indptr": np.array([0, 2])},
        {"indices": np.array([0, 7])},
        {"indices": np.array([0, -1])},
        {"indices": np.array([0.5, 1])},
    ):
        record = load(pickle.dumps(good))
        changed = {name: _recorded(value) for name, value in change.items()}
        record.state.update(changed)
        with pytest.raises(InputError):
            as_array(record)


def _recorded(value: object) -> object:
    return load(pickle.dumps(value)) if isinstance(value, np.ndarray) else value


def body(**changes: object) -> bytes:
    count, joints = 6, 2
    content: dict[str, object] = {
        "v_template": np.zeros((count, 3)),
        "shapedirs": np.zeros((count, 3, 4)),
        "posedirs": np.zeros((count, 3, 9)),
        "J_regressor": np.zeros((joints, count)),
        "weights": np.zeros((count, joints)),
        "kintree_table": np.array([[2**32 - 1, 0], [0, 1]]),
        "f": np.zeros((4, 3), np.uint32),
    }
    return pickle.dumps(content | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"f": np.zeros((0, 3), np.uint32)},
        {"kintree_table": np.zeros((2, 0))},
        {"kintree_table": np.array([["a", "b"], ["c", "d"]])},
        {"kintree_table": 5},
        {"weights": "text"},
        {"weights": {"a": 1}},
        {"v_template": np.array([b"x" * 9])},
        {"shapedirs": np.zeros((6, 3))},
    ],
)
def test_bodies_of_other_shapes(tmp_path: Path, changes: dict[str, object]) -> None:
    path = tmp_path / "generic_model.pkl"
    path.write_bytes(body())
    assert read_flame(path).template.shape == (6, 3)
    path.write_bytes(body(**changes))
    with pytest.raises(InputError):
        identify(path)


def archive(path: Path, program: bytes, data: bytes = bytes(64), method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("archive/data.pkl", program)
        file.writestr("archive/data/0", data)
    return path


def tensor(count: int, shape: str, strides: str, offset: int = 0) -> bytes:
    storage = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\x000X\3\0\0\0cpuI" + f"{count}\n".encode() + b"tQ"
    sizes = [b"(" + b"".join(f"I{n}\n".encode() for n in text.split()) + b"t" for text in (shape, strides)]
    return (
        named("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + f"I{offset}\n".encode() + b"".join(sizes) + b"tR"
    )


@pytest.mark.parametrize(
    "program",
    [
        tensor(4, "300000000 3", "0 1") + b".",
        tensor(16, "60000 60000", "1 1") + b".",
        tensor(4, "4294967296 4294967296", "1 1") + b".",
        tensor(10**12, "4", "1") + b".",
        tensor(16, "-1 3", "1 1") + b".",
        tensor(16, "4", "1", -3) + b".",
        tensor(16, "1 " * 60, "1 " * 60) + b".",
        tensor(16, "2 2", "1") + b".",
    ],
)
def test_tensors_of_more_numbers_than_the_file(tmp_path: Path, program: bytes) -> None:
    with pytest.raises(InputError):
        identify(archive(tmp_path / "head_ref_vs.pt", program))


def test_a_tensor_of_compressed_data_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.pt", tensor(10**7, "3333333 3", "3 1") + b".", bytes(4 * 10**7), zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="more data than it has"):
        identify(path)


def test_sparse_tensors_are_as_large_as_they_can_be(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "head_mesh_transforms.pt"
    places = torch.tensor([[0], [0]])
    for size in ((30_000, 30_000), (2, 5023)):
        torch.save({"D": [torch.sparse_coo_tensor(places, torch.ones(1), size)]}, path)
        if size[0] == 2:
            assert identify(path) == "head_mesh_transforms.pt"
        else:
            with pytest.raises(InputError, match="far larger"):
                identify(path)


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 200_000) + b'{"a":' * 40_000,
        struct.pack("<Q", 2**60) + b"{" + b" " * 99,
        struct.pack("<Q", 2) + b"{]",
        b"\x93NUMPY\x01\0\x76\0" + b"{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(118),
        b"\x93NUMPY\x01\0\x76\0" + b"{'descr': '<i8', 'fortran_order': False, 'shape': ((((((".ljust(118),
        b"\x93NUMPY\x01\0\x76\0"
        + b"{'descr': '|O', 'fortran_order': False, 'shape': (), }".ljust(118)
        + laughs(60, b"t"),
        b"PK\3\4",
        b"",
    ],
)
def test_headers_that_lie(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    begun = time.process_time()
    with pytest.raises(InputError):
        identify(tmp_path / "a")
    assert time.process_time() - begun < 5


def test_the_process_that_looks_is_given_up_where_it_goes_astray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files around the one that kills the process, or keeps it busy, are looked at all the same."""
    names = ["a.npy", "hang.npy", "b.npy", "die.npy", "eat.npy", "c.npy"]
    paths = [tmp_path / name for name in names]
    for path in paths:
        np.save(path, np.arange(9))
    astray = tmp_path / "astray.py"
    astray.write_text(
        "import os, sys, time\n"
        "from dice_core.network.files import checking, identification\n"
        "look = identification.identify\n"
        "def identify(path):\n"
        "    if path.name == 'hang.npy':\n        time.sleep(99)\n"
        "    if path.name == 'die.npy':\n        os.abort()\n"
        "    if path.name == 'eat.npy':\n        bytearray(3_000_000_000)\n"
        "    return look(path)\n"
        "identification.identify = identify\n"
        "sys.exit(checking.main(sys.argv[1:]))\n"
    )
    monkeypatch.setattr(checking, "_SECONDS", 4.0)
    monkeypatch.setattr(
        checking,
        "own_python_command",
        lambda _module, arguments: [
            part if part != checking.__name__ else "astray" for part in own_python_command(checking.__name__, arguments)
        ],
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    answers = dict(identify_all(paths))
    assert [answers[path] for path in paths if path.name in ("a.npy", "b.npy", "c.npy")] == ["neck_idx.npy"] * 3
    for name in ("hang.npy", "die.npy", "eat.npy"):
        error = answers[tmp_path / name]
        assert isinstance(error, InputError), name
        assert name in str(error) or "MemoryError" in str(error)


@pytest.mark.skipif(sys.platform != "linux", reason="the address space is limited elsewhere by a watch")
def test_the_memory_of_the_process_is_limited() -> None:
    code = "import sys; from dice_core.child_process import limit_memory; limit_memory(2 * 10**8); bytearray(10**9)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MemoryError" in done.stderr


def test_dice_models_add_says_it_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dice_core.cli import main

    monkeypatch.setenv("DICE_DATA", str(tmp_path / "data"))
    (tmp_path / "MANO_RIGHT.pkl").write_bytes(BOMBS["a tuple as a key"])
    assert main(["models", "add", str(tmp_path / "MANO_RIGHT.pkl")]) == 2
    shown = capsys.readouterr().err.strip().splitlines()
    assert len(shown) == 1
    assert "refused" in shown[0]
    assert not (tmp_path / "data").exists()
    assert main(["models", "--json"]) == 0
    assert {model["state"] for model in json.loads(capsys.readouterr().out)["models"]} == {"missing"}


def test_refusals_are_input_errors() -> None:
    calls: list[Callable[[], object]] = [lambda: load(b"cos\nsystem\n(S'ls'\ntR."), lambda: load(BOMBS["an extension"])]
    for call in calls:
        with pytest.raises(RefusedPickleError):
            call()
