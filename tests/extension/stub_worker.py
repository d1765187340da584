"""A worker that speaks the events protocol without capturing anything: deterministic, slow, and bad on request.

Run as `python -m dice_core capture FOOTAGE -o TAKE ... --events`; what it does stands in the footage's name, e.g.
`/any/where/frames=20,pause=0.05,die.mp4`: frames=N; pause=SECONDS a frame; die: killed by SIGKILL after half; crash:
traceback after half; bug: a long chained traceback after half; deaf: ignores a closed stdin and SIGTERM; babble:
garbage between events; mute: no event;
refuse: error event, status 2; hang: nothing after the first frame; odd: an event of wrong types; warn: a warning each
frame; child: starts a process of its own; awaited: goes on after each frame once there is a file `NNNNNN.seen` in the
take.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

_OWN_CHILD = "import time; time.sleep(120)"


def main() -> int:
    """Act as the footage's name says."""
    arguments = sys.argv[1:]
    footage, take = Path(arguments[1]), Path(arguments[arguments.index("-o") + 1])
    words = dict((word + "=").split("=")[:2] for word in footage.stem.split(","))
    frames, pause = int(words.get("frames") or 10), float(words.get("pause") or 0.02)
    stop = threading.Event()
    if "deaf" in words:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        threading.Thread(target=wait_for_end_of_input, args=(stop,), daemon=True).start()
    if "refuse" in words:
        say("error", message="There is no footage: give the path of an image or a movie.")
        return 2
    if "mute" in words:
        return 0
    if "child" in words:
        child = subprocess.Popen([sys.executable, "-c", _OWN_CHILD])
        say("warning", message=f"child {child.pid}")
    ready = os.environ.get("DICE_STUB_TAKE")
    if ready:  # a take to hand out as if it had been captured
        shutil.copytree(ready, take, dirs_exist_ok=True)
    take.mkdir(parents=True, exist_ok=True)
    say("started", input=str(footage), take=str(take), frames=frames, fps=25.0, resumed=0)
    done = 0
    while done < frames and not stop.is_set():
        time.sleep(pause)
        if "hang" in words and done:
            continue
        done += 1
        (take / f"{done:06d}.txt").write_text("a finished frame")
        misbehave(words, done, frames)
        say("frame", done=done, total=frames, fps=1 / pause if pause else 0.0, eta=(frames - done) * pause)
        while "awaited" in words and not (take / f"{done:06d}.seen").exists() and not stop.is_set():
            time.sleep(0.005)
    tracked = {"head": 1.0, "hand_right": 0.9}
    say("done", take=str(take), frames=done, tracked=tracked, touches=1, cancelled=done < frames)
    return 0


def misbehave(words: dict[str, str], done: int, frames: int) -> None:
    """The bad habits that show while frames come in."""
    if "babble" in words:
        sys.stdout.write('not json\n{"event": 3}\n[1]\n\u00e9\u00df\n' + "x" * 100_000 + "\n")
    if "odd" in words and done == 2:
        say("frame", done="many", total=None, fps={}, eta=[])
    if done == frames // 2:
        if "die" in words:
            print("about to die", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        if "crash" in words:
            raise RuntimeError("the stub crashes")
        if "bug" in words:
            print("Traceback (most recent call last):\nValueError: an earlier error, that was handled", file=sys.stderr)
            try:
                fail_deeply(20)
            except ZeroDivisionError as error:
                raise RuntimeError("a bug deep inside") from error
    if "warn" in words:
        say("warning", message=f"Frame {done} is dark.")


def fail_deeply(depth: int) -> float:
    """Fail after so many calls; two functions in turn, since a traceback leaves out a line that only repeats."""
    return fail_more_deeply(depth - 1) if depth else 1 / depth


def fail_more_deeply(depth: int) -> float:
    """The other one."""
    return fail_deeply(depth - 1) if depth else 1 / depth


def wait_for_end_of_input(stop: threading.Event) -> None:
    """Set `stop` when stdin is closed. Not by sys.stdin: its lock would make the interpreter abort at the end."""
    while os.read(0, 1024):
        pass
    stop.set()


def say(event: str, **values: object) -> None:
    """Write an event."""
    print(json.dumps({"event": event, **values}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
