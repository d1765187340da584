"""What bad inputs are given to, and what must come of it: a result, or one sentence."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import itertools
from collections.abc import Callable
from pathlib import Path

from dice_core.cli import main
from dice_core.errors import DiceError

__all__ = ["TARGETS", "Wrong"]

_ENDS = (0, 1, 2)
_BLENDER = importlib.util.find_spec("bpy") is not None
_modes = itertools.cycle(("per-frame", "compact", "rigged"))


class Wrong(Exception):  # noqa: N818 (a finding, not an error of this program)
    """An input has led to something else than a result or a sentence."""


def _command(*arguments: str) -> int:
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            status = main(arguments)
        except SystemExit as error:
            status = int(error.code or 0)
    said = errors.getvalue()
    lines = [line for line in said.splitlines() if line.strip()]
    if status not in _ENDS or "Traceback" in said or "This is a bug" in said:
        raise Wrong(f"dice {arguments[0]}: status {status}: {said[-3000:]}")
    if status and (len(lines) != 1 or not lines[0].startswith("dice: ")):
        raise Wrong(f"dice {arguments[0]}: no sentence: {said[-3000:]}")
    return status


def take(path: Path, output: Path) -> bool:
    """The commands that read takes, and the import into Blender where there is one."""
    statuses = [_command("info", str(path), "--json"), _command("info", str(path)), _command("metrics", str(path))]
    statuses.append(_command("preview", str(path), "-o", str(output / "a.png")))
    if _BLENDER:
        statuses.append(_imported(path))
    return not any(statuses)


def _imported(path: Path) -> int:
    import bpy

    from dice_blender.scene import import_take

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    try:
        import_take(path, keys=next(_modes))
    except DiceError as error:
        _sentence(error)
        if bpy.data.objects or bpy.data.meshes:
            raise Wrong(f"a refused take left something in the scene: {error}") from error
        return error.exit_status
    for mesh in bpy.data.meshes:
        if mesh.validate():
            raise Wrong(f"the mesh {mesh.name} is none that Blender can work with")
    return 0


def image(path: Path, _output: Path) -> bool:
    """Opening footage and reading its first frame."""
    from dice_core.media.opening import open_footage

    return _tried(lambda: open_footage(path).read(0))


def video(path: Path, _output: Path) -> bool:
    """The same, of the first frames only."""
    from dice_core.media.opening import open_footage

    return _tried(lambda: list(open_footage(path, (0, 3)).frames()))


def events(path: Path, _output: Path) -> bool:
    """The reader of a worker's lines, and what the panel makes of them."""
    from dice_blender.jobs.queue import Capture, Request
    from dice_blender.jobs.worker import Python
    from dice_core.events import parse_event

    capture = Capture(Request("a.mp4", path), Python("python"), 1)
    for line in path.read_bytes().split(b"\n"):
        event = parse_event(line.decode("utf-8", "replace"))
        if event is not None:
            capture.take_event(event)
        minutes, seconds = divmod(round(capture.eta), 60)
        shown = f"{capture.done} / {capture.total} {capture.fps:.1f} {minutes:d}:{seconds:02d} {capture.report()}"
        (shown + capture.warning + capture.error).encode()
        if not 0 <= capture.fraction <= 1:
            raise Wrong(f"a fraction of {capture.fraction} after {line[:200]!r}")
    return True


def model(path: Path, _output: Path) -> bool:
    """What `dice models add` finds out about a file, without the process around it."""
    from dice_core.network.files.identification import identify

    return _tried(lambda: identify(path))


def _tried(work: Callable[[], object]) -> bool:
    try:
        work()
    except DiceError as error:
        _sentence(error)
        return False
    return True


def _sentence(error: DiceError) -> None:
    if "\n" in str(error) or not str(error):
        raise Wrong(f"no sentence: {error}")


TARGETS: dict[str, Callable[[Path, Path], bool]] = {
    "takes": take,
    "images": image,
    "videos": video,
    "events": events,
    "models": model,
}
"""By class: what an input, and a folder for results, are given to; returns whether there was a result."""
