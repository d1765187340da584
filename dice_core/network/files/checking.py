"""Model files are looked at in a process of its own, with limits on its memory and time.

They come from strangers. `pickles` and its like refuse what they know to be hostile; what they do not know ends with
the process, and the command says so in a sentence. Run as a module, this is that process.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dice_core.child_process import child_environment, limit_memory, own_python_command
from dice_core.errors import DiceError, InputError, MissingModelError, ShapeError, user_message

__all__ = ["convert", "identify_all", "main"]

_MEMORY = 800_000_000
"""Bytes to recognise a file in: FLAME's takes 300 million."""
_CONVERSION_MEMORY, _COPIES = 2_500_000_000, 5
"""Bytes to turn a checkpoint into safetensors, torch's own included, and how many copies of the file beside that."""
_SECONDS, _BYTES_A_SECOND = 30.0, 10_000_000
"""Seconds to look at files, and the speed of a slow disk. Set by hand."""
_CONVERSION_BYTES_A_SECOND = 2_000_000
_A_FILE = 0.2  # seconds beyond that for each of many small files
_KINDS: dict[str, type[DiceError]] = {kind.__name__: kind for kind in (MissingModelError, ShapeError, InputError)}


def identify_all(paths: Sequence[Path]) -> Iterator[tuple[Path, str | InputError]]:
    """Which model file each of some files is, by its content, or why it is none."""
    waiting = list(paths)
    while waiting:
        size = sum(path.stat().st_size for path in waiting if path.is_file())
        seconds = _SECONDS + _A_FILE * len(waiting) + size / _BYTES_A_SECOND
        answers = _ask(["identify", str(_MEMORY), *(str(path.absolute()) for path in waiting)], seconds)
        for path, answer in zip(waiting, answers, strict=False):
            yield path, answer["name"] if "name" in answer else InputError(answer["error"])
        waiting = waiting[len(answers) :]
        if waiting:
            yield waiting[0], _exceeded(waiting.pop(0), _MEMORY, seconds)


def convert(source: Path, target: Path) -> str:
    """Turn a checkpoint into safetensors.

    Returns the sha256 of the file written. Raises as `convert_checkpoint`, and MissingModelError without torch.
    """
    size = source.stat().st_size
    memory, seconds = _CONVERSION_MEMORY + _COPIES * size, _SECONDS + size / _CONVERSION_BYTES_A_SECOND
    paths = [str(path.absolute()) for path in (source, target)]
    answers = _ask(["convert", str(memory), *paths], seconds)
    if not answers:
        raise _exceeded(source, memory, seconds)
    (answer,) = answers
    if "error" in answer:
        raise _KINDS.get(answer["kind"], DiceError)(answer["error"])
    return str(answer["sha256"])


def _exceeded(path: Path, memory: int, seconds: float) -> InputError:
    return InputError(
        f"{path.name} could not be read within {memory / 1e6:.0f} MB and {seconds:.0f} seconds: it is damaged, or none "
        "of the files that the dice engine needs."
    )


def _ask(arguments: Sequence[str], seconds: float) -> list[dict[str, Any]]:
    """The answers that the process has given before it ended, or was ended."""
    # One thread: every further one of the linear algebra would take memory of its own.
    environment = child_environment() | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory(prefix="dice-models-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            own_python_command(__name__, arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment,
        )
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
        except BaseException:
            process.kill()
            process.wait()
            raise
    answers = []
    for line in output.splitlines():
        with contextlib.suppress(ValueError):  # a line that was being written when the process ended
            answers.append(json.loads(line))
    return answers


def main(arguments: Sequence[str]) -> int:
    """`identify MEMORY PATH...` or `convert MEMORY SOURCE TARGET`: prints an answer a file; returns the exit status."""
    action, memory, *paths = arguments
    limit_memory(int(memory))
    if action == "convert":
        _say(_converted(Path(paths[0]), Path(paths[1])))
        return 0
    from dice_core.network.files.identification import identify

    for path in map(Path, paths):
        try:
            _say({"name": identify(path)})
        except (DiceError, OSError) as error:
            _say({"error": user_message(error) if isinstance(error, DiceError) else f"{path} cannot be read: {error}."})
    return 0


def _converted(source: Path, target: Path) -> dict[str, str]:
    try:
        from dice_core.network.files.checkpoint import convert_checkpoint
        from dice_core.network.files.identification import UNREADABLE
    except ImportError:
        error: Exception = MissingModelError(
            "Adding the checkpoint needs torch and safetensors: install dice-core with its `dice` extra."
        )
        return {"kind": "MissingModelError", "error": str(error)}
    try:
        return {"sha256": convert_checkpoint(source, target)}
    except DiceError as failure:
        return {"kind": type(failure).__name__, "error": str(failure)}
    except OSError as failure:
        reason = failure.strerror or failure
        return {"kind": "DiceError", "error": f"{source.name} could not be converted ({reason}): check the disk."}
    except (*UNREADABLE, RuntimeError):
        return {"kind": "InputError", "error": f"{source.name} is damaged, or not a checkpoint of the DICE network."}


def _say(answer: dict[str, str]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
