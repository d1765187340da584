"""Inputs spoilt at random, in great number: `python tools/fuzz.py [CLASS...] [--count N] [--seed S] [--keep FOLDER]`.

Every input has to end as one sentence or as a valid result: no traceback, no crash, no more than ten seconds, no more
than a gigabyte, and no file made outside the output. An input is made from its class, the seed and its number alone, so
that `--only NUMBER` makes it again. They are worked on in a process of its own, which is started anew when one of them
has ended it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fuzzing.inputs import CLASSES
from fuzzing.targets import TARGETS, Wrong

LONGEST = 10.0
"""Seconds of a processor that an input may take; where the system does not say, of the wall."""
START = 60.0
"""The same until the process is ready for its first."""
PATIENCE = 12.0
"""Times as many seconds of the wall, for what waits without working, on a machine that has other work to do."""
MOST_MEMORY = 1_000_000_000
"""Bytes that the process may take, Blender's 250 million in it."""


def main() -> int:
    """Returns 1 where an input was not dealt with as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("classes", nargs="*", metavar="CLASS", help=f"of {', '.join(CLASSES)}; all by default")
    parser.add_argument("--count", type=int, default=20_000, help="inputs of each class")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="for each class at most")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="this input alone")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where inputs are kept that were not dealt with")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.classes) - set(CLASSES)
    if unknown:
        parser.error(f"there is no class {', '.join(sorted(unknown))}")
    first, stop = (0, options.count) if options.only is None else (options.only, options.only + 1)
    if options.worker:
        return _work(options.classes[0], options.seed, first, stop, options.keep)
    minutes = options.minutes
    return max(
        _supervise(name, options.seed, first, stop, minutes, options.keep) for name in options.classes or CLASSES
    )


def _supervise(name: str, seed: int, first: int, stop: int, minutes: float, keep: Path | None) -> int:
    """Have the inputs of a class worked on, starting a new process after each that has ended one."""
    begun, ends, findings = time.monotonic(), Counter[str](), []
    peak = 0.0
    while first < stop and time.monotonic() < begun + 60 * minutes:
        with tempfile.TemporaryDirectory(prefix="dice-fuzz-", ignore_cleanup_errors=True) as folder:
            for answer in _answers(name, seed, first, stop, Path(folder), keep):
                first = answer["number"] + 1
                ends[answer["end"]] += 1
                peak = max(peak, answer.get("memory", 0.0))
                if answer["end"] not in ("result", "sentence"):
                    findings.append(answer)
                    print(f"{name} {answer['number']}: {answer['end']}: {answer.get('why', '')}", flush=True)
                if time.monotonic() > begun + 60 * minutes:
                    break
    seconds = time.monotonic() - begun
    told = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
    print(
        f"{name}: {told}; {sum(ends.values()) / max(seconds, 1e-9):.0f} a second, at most {peak / 1e6:.0f} MB",
        flush=True,
    )
    return 1 if findings else 0


def _answers(name: str, seed: int, first: int, stop: int, folder: Path, keep: Path | None) -> Any:
    """The answers of one process, up to its end or the first input that it did not survive."""
    command = [sys.executable, __file__, name, "--worker", "--seed", str(seed)]
    environment = os.environ | {"FUZZ_FIRST": str(first), "FUZZ_STOP": str(stop)}
    environment |= {"FUZZ_KEEP": str(keep.absolute()) if keep else ""}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        said: list[str] = []
        reader = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
        reader.start()
        number, allowed = first, START
        begun, worked = time.monotonic(), _worked(process.pid)
        lines: list[str] = []
        watch = threading.Thread(target=lambda: [lines.append(line) for line in process.stdout or ()], daemon=True)
        watch.start()
        while True:
            while lines:
                answer = json.loads(lines.pop(0))
                allowed, begun, worked = LONGEST, time.monotonic(), _worked(process.pid)
                if "end" in answer:  # otherwise the process says that it begins
                    number = answer["number"] + 1
                    try:
                        yield answer
                    except GeneratorExit:  # nobody wants more of them
                        process.kill()
                        raise
                if answer.get("end") == "memory":
                    return  # and the process has ended by itself, since that peak would stay
            if not watch.is_alive() and not lines:
                break
            waited = time.monotonic() - begun
            if waited > allowed and (_worked(process.pid) - worked > allowed or waited > PATIENCE * allowed):
                process.kill()
                yield {"number": number, "end": "hang"}
                return
            time.sleep(0.005)
        process.wait()
        reader.join(1)
        if process.returncode or number < stop:
            yield {"number": number, "end": f"crash {process.returncode}", "why": "".join(said)[-3000:]}


def _worked(pid: int) -> float:
    """Seconds that processors have worked for a process; those of the wall where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return time.monotonic()


def _work(name: str, seed: int, first: int, stop: int, keep: Path | None) -> int:
    """Work on inputs in the current folder, and print an answer for each."""
    first, stop = int(os.environ.get("FUZZ_FIRST", first)), int(os.environ.get("FUZZ_STOP", stop))
    kept = os.environ.get("FUZZ_KEEP") or keep
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what Blender prints is not an answer
    home = Path.cwd()
    (home / "good").mkdir()
    make = CLASSES[name](home / "good")
    _limit_memory()
    answers.write(json.dumps({"number": first}) + "\n")
    for number in range(first, stop):
        random = Random(f"{name} {seed} {number}")
        place, output = home / "input", home / "output"
        place.mkdir()
        output.mkdir()
        path = make(random, place)
        before = _listing(home, output)
        answer: dict[str, Any] = {"number": number}
        try:
            answer["end"] = "result" if TARGETS[name](path, output) else "sentence"
        except Wrong as wrong:
            answer |= {"end": "wrong", "why": str(wrong)}
        except BaseException:  # whatever it is, it is a finding
            answer |= {"end": "traceback", "why": traceback.format_exc()[-3000:]}
        if _listing(home, output) != before:
            answer |= {"end": "wrong", "why": "files outside the output"}
        answer["memory"] = _peak()
        if answer["memory"] > MOST_MEMORY:
            answer |= {"end": "memory", "why": f"{answer['memory'] / 1e6:.0f} MB"}
        if kept and answer["end"] not in ("result", "sentence"):
            shutil.copytree(place, Path(kept) / f"{name}-{seed}-{number}", symlinks=True, dirs_exist_ok=True)
        for folder in (place, output):
            shutil.rmtree(folder)
        answers.write(json.dumps(answer) + "\n")
        if answer["end"] == "memory":
            break
    answers.flush()
    os._exit(0)  # Blender's Python does not always end well, and that is not what is tested


def _listing(home: Path, output: Path) -> list[str]:
    # The import copies pictures that Blender cannot play as they are into the take's own folder.
    return sorted(str(path) for path in home.rglob("*") if output not in path.parents and "pictures" not in path.parts)


def _limit_memory() -> None:
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (2 * MOST_MEMORY, 2 * MOST_MEMORY))


def _peak() -> float:
    """Bytes that this process has taken at most; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else peak * 1024)


if __name__ == "__main__":
    sys.exit(main())
