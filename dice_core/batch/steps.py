"""What is done with one clip, one `dice` command after the other: capture, preview, .blend and FBX."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from dice_core.batch.clips import PREVIEW, Clip
from dice_core.batch.process import DiceProcess
from dice_core.batch.table import Row
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import DiceError, Stopped, user_message
from dice_core.media.formats import list_images
from dice_core.storage import replace_file
from dice_core.take import Take, open_take
from dice_core.take.identity import same_request
from dice_core.take.names import TAKE_ENDING

__all__ = ["ClipSteps", "Further", "Start", "complete_take", "is_current"]

_log = logging.getLogger(__name__)

_BAD_INPUT = 2
_KILLED = 9  # the signal
_SHARE_OF_CAPTURE = 0.8
"""Of a clip's progress where more than the capture is asked for: about what it takes of the time. Set by hand."""


@dataclass(frozen=True)
class Further:
    """What is made of each take.

    preview : NAME.preview.mp4, or .png of a picture; blend, fbx : NAME.blend, NAME.fbx, with keys and preset as for
    `make_blend`, None for its own choice.
    """

    preview: bool = False
    blend: bool = False
    fbx: bool = False
    keys: str | None = None
    preset: str | None = None


class Start(Protocol):
    """Starts a `dice` command and sees to it that it is stopped or killed when the batch is.

    gently : it ends by itself when its standard input does. Raises Stopped where the batch is stopping already.
    """

    def __call__(self, arguments: Sequence[str], log: Path, *, gently: bool) -> DiceProcess: ...


class ClipSteps:
    """Runs the steps of clips; one object serves all of them, from several threads.

    folder : where takes and what is made of them go; scratch : a folder on the same disk for logs and unfinished files.
    """

    def __init__(self, folder: Path, scratch: Path, settings: CaptureSettings, further: Further, start: Start) -> None:
        self._folder, self._scratch = folder, scratch
        self._settings, self._further, self._start = settings, further, start

    def run(self, row: Row, clip: Clip, on_progress: Callable[[float], None]) -> Row:
        """All steps of a clip; those whose result is there already are left out.

        row : of the clip, with what an earlier run knew; on_progress : given the share that is done, 0 to 1.
        Returns the row as it is now: whatever goes wrong is a sentence in it.
        """
        begun = time.monotonic()
        try:
            made = self._steps(row, clip, on_progress)
        except Stopped:
            return replace(row, state="stopped")
        except (DiceError, OSError) as error:
            message = str(error) if isinstance(error, DiceError) else f"{error.strerror or error}."
            return replace(row, state="failed", message=message, seconds=round(time.monotonic() - begun, 2))
        except Exception as error:  # a bug in the batch itself must not cost the other clips
            _log.exception("unexpected failure with %s", clip.source)
            return replace(row, state="failed", message=user_message(error))
        return made if made.state == "there" else replace(made, seconds=round(time.monotonic() - begun, 2))

    def _steps(self, row: Row, clip: Clip, on_progress: Callable[[float], None]) -> Row:
        path = self._folder / (clip.name + TAKE_ENDING)
        more = self._further.preview or self._further.blend or self._further.fbx
        share = _SHARE_OF_CAPTURE if more else 1.0
        take = complete_take(path, clip.source, self._settings)
        if take is None:
            row = replace(self._capture(row, clip, path, lambda done: on_progress(done * share)), state="done")
            take = open_take(path)
        else:
            row = replace((row if row.frames is not None else row.of_take(take)), state="there", message="")
        on_progress(share)
        if self._further.preview and self._preview(take, clip):
            row = replace(row, state="done")
        on_progress((share + 1) / 2)
        if (self._further.blend or self._further.fbx) and self._blend(take, clip):
            row = replace(row, state="done")
        on_progress(1.0)
        return row

    def _capture(self, row: Row, clip: Clip, path: Path, on_progress: Callable[[float], None]) -> Row:
        arguments = ["capture", clip.source, "-o", str(path), "--events", *self._settings.to_arguments()]
        warnings: list[str] = []
        result: dict[str, Any] | None = None
        process = self._start(arguments, self._log(clip, "capture"), gently=True)
        error = ""
        for event in process.events():
            if event["event"] == "frame":
                on_progress(event["done"] / max(event["total"], 1))
            elif event["event"] == "warning":
                warnings.append(str(event["message"]))
            elif event["event"] == "error":
                error = str(event["message"])
            elif event["event"] == "done":
                result = event
        status = process.wait()
        if (status and process.was_stopped) or (result is not None and result["cancelled"]):
            raise Stopped
        if status or result is None:
            self._fail(clip, "capture", process, status, error)
        assert result is not None
        if result["unfinished"]:
            raise DiceError(str(result["unfinished"]))
        return replace(
            row,
            frames=result["frames"],
            tracked=dict(result["tracked"]),
            touches=result["touches"],
            warnings=tuple(dict.fromkeys(warnings)),
            message="",
        )

    def _preview(self, take: Take, clip: Clip) -> bool:
        """Whether one had to be made."""
        suffix = ".png" if take.info["source"]["kind"] == "image" else ".mp4"
        output = self._folder / (clip.name + PREVIEW + suffix)
        if _is_newer(output, take):
            return False
        made = self._scratch / output.name
        self._run(["preview", str(take.path), "-o", str(made)], clip, "preview")
        replace_file(made, output)
        return True

    def _blend(self, take: Take, clip: Clip) -> bool:
        """Whether one had to be made. Blender replaces a .blend by itself, and has to save it where it will lie."""
        blend, fbx = self._folder / f"{clip.name}.blend", self._folder / f"{clip.name}.fbx"
        wanted = [*([blend] if self._further.blend else []), *([fbx] if self._further.fbx else [])]
        if all(_is_newer(path, take) for path in wanted):
            return False
        made = self._scratch / fbx.name
        saved = blend if self._further.blend else self._scratch / blend.name
        arguments = ["blend", str(take.path), "-o", str(saved)]
        for option, value in (("--keys", self._further.keys), ("--preset", self._further.preset)):
            arguments += [] if value is None else [option, value]
        self._run([*arguments, *(["--fbx", str(made)] if self._further.fbx else [])], clip, "blend")
        if self._further.fbx:
            replace_file(made, fbx)
        return True

    def _run(self, arguments: Sequence[str], clip: Clip, step: str) -> None:
        """Run a command that says no events. Raises DiceError where it fails, Stopped where it was stopped."""
        process = self._start(arguments, self._log(clip, step), gently=False)
        for _ in process.events():
            pass
        status = process.wait()
        if status and process.was_stopped:
            raise Stopped
        if status:
            self._fail(clip, step, process, status, "")

    def _fail(self, clip: Clip, step: str, process: DiceProcess, status: int, message: str) -> None:
        """Raise DiceError with the reason of a command's failure; one that is nobody's fault leaves its log."""
        message = message or (process.last_sentence() if status > 0 else "")
        if status != _BAD_INPUT:
            log = self._folder / f"{clip.name}.log"
            shutil.copyfile(self._log(clip, step), log)
            message = message or _unexplained(step, status)
            message = f"{message.rstrip('.')} (its log is {log.name})."
        raise DiceError(message)

    def _log(self, clip: Clip, step: str) -> Path:
        return self._scratch / f"{clip.name}.{step}.log"


def _unexplained(step: str, status: int) -> str:
    """The sentence for a process that ended without one."""
    if status == -_KILLED:
        return f"The {step} was killed, as systems do where memory runs out: run fewer at a time with --jobs."
    return f"The {step} was ended by signal {-status}." if status < 0 else f"The {step} ended with status {status}."


def is_current(take: Take, source: str, settings: CaptureSettings) -> bool:
    """Whether a take was made of a source with these settings."""
    return same_request(take.info, source, settings.request())


def complete_take(path: Path, source: str, settings: CaptureSettings) -> Take | None:
    """The take at a path where a capture would have nothing to do, as far as that is seen without reading the footage.

    It is not seen where the footage has changed since: then the capture compares its checksum.
    """
    try:
        take = open_take(path)
    except DiceError:
        return None
    if not take.complete or not is_current(take, source, settings):
        return None
    try:
        files = list_images(source) if not os.path.isfile(source) else (Path(source),)
        latest = max(file.stat().st_mtime for file in files)
    except (DiceError, OSError):
        return None
    return take if latest <= (path / "take.json").stat().st_mtime else None


def _is_newer(path: Path, take: Take) -> bool:
    """Whether a file was made after a take was finished."""
    try:
        return path.stat().st_mtime >= (take.path / "take.json").stat().st_mtime
    except OSError:
        return False
