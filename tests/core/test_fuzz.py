"""A short run of `tools/fuzz.py`; the long one is for whoever changes what reads files of strangers."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "fuzz.py"
FOLDERS = [str(TOOL.parent.parent), str(TOOL.parent)]


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(TOOL), *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "count"), [("takes", 25), ("images", 200), ("videos", 20), ("events", 100), ("models", 200)]
)
def test_spoilt_inputs_end_as_a_sentence_or_a_result(name: str, count: int) -> None:
    done = fuzz(name, "--count", str(count), "--seed", "7")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sentence" in done.stdout or name == "events"
    assert "result" in done.stdout


def test_findings_are_found(tmp_path: Path) -> None:
    """A crash, a hang, a traceback, too much memory and a file made elsewhere: each is counted, and it goes on."""
    program = tmp_path / "fuzz.py"
    source = TOOL.read_text(encoding="utf-8")
    for old, new in (
        ("from fuzzing.targets import", "from traps import"),
        ("LONGEST = 10.0", "LONGEST = 4.0"),
        ("MOST_MEMORY = 1_000_000_000", "MOST_MEMORY = 200_000_000"),
        ("sys.path.insert(0, str(Path(__file__).resolve().parent.parent))", f"sys.path[:0] = {FOLDERS}"),
    ):
        assert old in source
        source = source.replace(old, new)
    program.write_text(source, encoding="utf-8")
    (tmp_path / "traps.py").write_text(
        "import os, time\n"
        "from pathlib import Path\n"
        "class Wrong(Exception): pass\n"
        "done = []\n"
        "def events(path, output):\n"
        "    kind = int(os.environ['FUZZ_FIRST']) + len(done)\n"
        "    done.append(kind)\n"
        "    (output / 'mine').write_text('allowed')\n"
        "    if kind == 1: os.abort()\n"
        "    if kind == 2: time.sleep(60)\n"
        "    if kind == 3: raise ValueError('by chance')\n"
        "    if kind == 4: Path('elsewhere').write_text('not allowed')\n"
        "    if kind == 6: bytearray(b'x' * 250_000_000)\n"
        "    return True\n"
        "TARGETS = {'events': events}\n"
    )
    done = subprocess.run(
        [sys.executable, str(program), "events", "--count", "9"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    for finding in (
        "events 1: crash",
        "events 2: hang",
        "by chance",
        "events 4: wrong: files outside",
        "events 6: memory",
    ):
        assert finding in done.stdout, done.stdout + done.stderr
    assert "4 result" in done.stdout, done.stdout


def test_an_input_is_made_again_from_its_number() -> None:
    sys.path.insert(0, str(TOOL.parent))
    try:
        from fuzzing.mutators import mutate_bytes, mutate_json, mutate_pickle
    finally:
        sys.path.remove(str(TOOL.parent))
    for number in range(50):
        made = [
            (
                mutate_bytes(random.Random(number), b"some bytes of a file"),
                mutate_pickle(random.Random(number), b"\x80\x02]."),
                mutate_json(random.Random(number), {"a": [1, {"b": 2}]}),
            )
            for _ in range(2)
        ]
        assert made[0] == made[1]
